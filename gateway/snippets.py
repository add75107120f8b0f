"""How to point a client at this pool, ready to be copied. Pure; the README and the admin site show the same texts."""

from dataclasses import dataclass
from typing import Final

KEY: Final = "nb_live_…"
"""Where an access key goes; a page cannot know one, since only hashes are kept."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to call. `language` is what a highlighter calls it."""

    title: str
    language: str
    text: str


def snippets(base_url: str) -> tuple[Snippet, ...]:
    """Give all of them for a server at `base_url` (without a path)."""
    return tuple(
        Snippet(title, language, text.replace("<base>", base_url).replace("<key>", KEY))
        for title, language, text in _TEXTS
    )


_TEXTS: Final = (
    (
        "Claude Code, bash",
        "sh",
        """export ANTHROPIC_BASE_URL="<base>"
export ANTHROPIC_AUTH_TOKEN="<key>"
unset ANTHROPIC_API_KEY  # two credentials at once are refused
claude""",
    ),
    (
        "Claude Code, PowerShell",
        "powershell",
        """$env:ANTHROPIC_BASE_URL = "<base>"
$env:ANTHROPIC_AUTH_TOKEN = "<key>"
$env:ANTHROPIC_API_KEY = $null  # two credentials at once are refused
claude""",
    ),
    (
        "Claude Code, ~/.claude/settings.json",
        "json",
        '{\n  "env": {\n    "ANTHROPIC_BASE_URL": "<base>",\n    "ANTHROPIC_AUTH_TOKEN": "<key>"\n  }\n}',
    ),
    (
        "Python",
        "python",
        """import anthropic

claude = anthropic.Anthropic(base_url="<base>", api_key="<key>")
message = claude.messages.create(
    model="claude-sonnet-5-5", max_tokens=200, messages=[{"role": "user", "content": "Say hello."}]
)
print(message.content[0].text)""",
    ),
    (
        "TypeScript",
        "typescript",
        """import Anthropic from "@anthropic-ai/sdk";

const claude = new Anthropic({ baseURL: "<base>", apiKey: "<key>" });
const message = await claude.messages.create({
  model: "claude-sonnet-5-5", max_tokens: 200, messages: [{ role: "user", content: "Say hello." }],
});
console.log(message.content);""",
    ),
    (
        "curl",
        "sh",
        """curl -s <base>/v1/messages \\
  -H "x-api-key: <key>" -H "anthropic-version: 2023-06-01" -H "content-type: application/json" \\
  -d '{"model": "claude-sonnet-5-5", "max_tokens": 200, "messages": [{"role": "user", "content": "Say hello."}]}'""",
    ),
)
