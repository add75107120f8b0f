"""What the operator reads when everything runs. Pure."""

from dataclasses import dataclass
from typing import Final

_RULE: Final = "─" * 78


@dataclass(frozen=True, slots=True)
class Facts:
    """What the last lines tell. `password`: only when it was made just now."""

    url: str
    admin: str
    password: str
    key_file: str
    demo: bool
    manage: str

    def __repr__(self) -> str:
        return f"Facts({self.url!r})"  # a password is no business of logs


def text(facts: Facts) -> str:
    lines = [_RULE, *(_demo() if facts.demo else []), *_login(facts), "", *_request(facts), "", _STOP, _RULE]
    return "\n".join(lines)


_STOP: Final = "  Stop         Ctrl-C"


def _demo() -> list[str]:
    return [
        "  DEMO POOL    Three simulated accounts: answers are made up, nothing is sent to Anthropic and nothing is",
        "               billed. For real ones put ANTHROPIC_API_KEY=sk-ant-api… into .env and start again.",
        "",
    ]


def _login(facts: Facts) -> list[str]:
    forgotten = f"{facts.manage} changepassword {facts.admin}"
    known = f"{facts.admin} / {facts.password}   (shown this once; to change it: {forgotten})"
    return [
        f"  Admin site   {facts.url}/admin/",
        f"  Log in       {known if facts.password else f'{facts.admin}, with the password shown at the first start'}",
        *([] if facts.password else [f"               (forgotten? {forgotten})"]),
    ]


def _request(facts: Facts) -> list[str]:
    return [
        "  Try it       Copy this into another terminal, here:",
        "",
        f"    curl -s {facts.url}/api/orchestrator/execute \\",
        f'      -H "Authorization: Bearer $(cat {facts.key_file})" \\',
        """      -H 'Content-Type: application/json' -d '{"message": "Say hello."}'""",
    ]
