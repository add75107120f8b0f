"""What is asked and with which credentials. Pure; secrets are not shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from notifications.slack_blocks import Channel
from notifications.slack_routes import SlackSettings
from nubabel.parsers import is_loopback

NEEDED: Final = {
    "BASE_URL": "the deployment's address, https://pool.example.com",
    "SMOKE_TEST_ACCESS_KEY": "an access key with the scopes messages, admin-read and admin-write",
    "QA_USERNAME": "a member of staff who may make accounts (group admin)",
    "QA_PASSWORD": "that person's password",
}
MODEL: Final = "claude-haiku-4-5"
WAIT_SECONDS: Final = 300.0


class Unusable(Exception):
    """Something needed is missing or wrong; the text says what."""


@dataclass(frozen=True, slots=True)
class Config:
    """`wait`: seconds until a deployment must be ready. `ca_file`: of a certificate that no public authority signed."""

    base_url: str
    key: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    model: str = MODEL
    wait: float = WAIT_SECONDS
    ca_file: str = ""
    run_url: str = ""
    """Where the whole output can be read, such as a job's page."""
    screenshots: Path = Path("screenshots")
    slack: SlackSettings = field(default_factory=SlackSettings, repr=False)


def config_of(environ: Mapping[str, str]) -> Config:
    """Raises Unusable, naming everything that is missing."""
    missing = [f"{name}: {meaning}" for name, meaning in NEEDED.items() if not environ.get(name, "").strip()]
    if missing:
        raise Unusable("Set these variables:\n  " + "\n  ".join(missing))
    return Config(
        base_url=_address(environ["BASE_URL"]),
        key=environ["SMOKE_TEST_ACCESS_KEY"].strip(),
        username=environ["QA_USERNAME"],
        password=environ["QA_PASSWORD"],
        model=environ.get("QA_MODEL", "") or MODEL,
        wait=_seconds(environ.get("QA_WAIT_SECONDS", "")),
        ca_file=environ.get("QA_CA_FILE", ""),
        run_url=environ.get("QA_RUN_URL", ""),
        screenshots=Path(environ.get("SCREENSHOTS", "") or "screenshots"),
        slack=slack_of(environ),
    )


def slack_of(environ: Mapping[str, str]) -> SlackSettings:
    """The product's own variables say where a result goes: where requests are told."""
    return SlackSettings(
        bot_token=environ.get("SLACK_BOT_TOKEN", ""),
        channels={Channel.ACTIVITY: environ.get("SLACK_ACTIVITY_CHANNEL", "")},
        webhooks={Channel.ACTIVITY: environ.get("SLACK_ACTIVITY_WEBHOOK_URL", "")},
        shared_webhook=environ.get("SLACK_WEBHOOK_URL", ""),
    )


def _address(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unusable("BASE_URL must begin with https:// and name a host.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Unusable("BASE_URL must be https: key and password would be sent in the open.")
    return f"{parts.scheme}://{parts.netloc}"


def _seconds(text: str) -> float:
    try:
        return float(text or WAIT_SECONDS)
    except ValueError:
        raise Unusable("QA_WAIT_SECONDS must be a number.") from None
