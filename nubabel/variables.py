"""Every environment variable of the product: its default and what to do when its value is wrong."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Variable:
    """`remedy` completes the sentence "→ …" under the complaint."""

    name: str
    remedy: str
    default: str = ""
    secret: bool = False


_HEX_KEY: Final = 'python3 -c "import secrets; print(secrets.token_hex(32))"'
_SLACK_HOOK: Final = "copy the address from Slack: https://hooks.slack.com/services/…"

VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("DJANGO_ENV", "use development or production", "development"),
    Variable("DEBUG", "use true or false (true only while developing Nubabel itself)", "false"),
    Variable("SECRET_KEY", "at least 50 random characters; `make run` writes one to .env", secret=True),
    Variable("ENCRYPTION_KEY", f"64 hex digits; make one with: {_HEX_KEY}", secret=True),
    Variable(
        "ENCRYPTION_KEY_FALLBACKS",
        "earlier ENCRYPTION_KEYs, comma-separated, 64 hex digits each",
        secret=True,
    ),
    Variable("HOST", "the address to listen on, e.g. 127.0.0.1 or 0.0.0.0", "127.0.0.1"),
    Variable("PORT", "a number from 1 to 65535 that no other program listens on", "8000"),
    Variable("DATA_DIR", "a folder this user may write to", ".data"),
    Variable("DATABASE_URL", "postgresql://user:password@host:5432/name, or sqlite:////path/to/file", secret=True),
    Variable(
        "REDIS_URL",
        "redis://host:6379/0, rediss://… (?ssl_ca_certs=/path for a CA of your own) or unix:///path/to/socket?db=0",
        secret=True,
    ),
    Variable("ALLOWED_HOSTS", "the host names people use, comma-separated, e.g. pool.example.com (never *)"),
    Variable("CSRF_TRUSTED_ORIGINS", "origins with scheme, comma-separated, e.g. https://pool.example.com"),
    Variable("LOG_LEVEL", "use DEBUG, INFO, WARNING or ERROR", "INFO"),
    Variable("LOG_FORMAT", "use text or json (empty: json in production, else text)"),
    Variable("ACCESS_LOG", "use true or false", "true"),
    Variable("DRAIN_SECONDS", "seconds (1 to 3600) that running requests get at a stop", "30"),
    Variable("UNREADY_SECONDS", "seconds (0 to 300) to go on serving after saying at /health/ready that it stops", "5"),
    Variable("METRICS_TOKEN", "at least 32 characters without blanks, or leave it empty", secret=True),
    Variable("POOL_PROCESSES", "the number of web processes (1 to 1000) that share the pools", "1"),
    Variable("SIMULATOR_PORT", "a free port from 1 to 65535 for the demo's simulated Claude", "9100"),
    Variable(
        "ANTHROPIC_API_KEY",
        "an API key of your organization (sk-ant-api…) from platform.claude.com/settings/keys; empty: the demo",
        secret=True,
    ),
    Variable("ANTHROPIC_ADMIN_API_KEY", "an Admin API key (sk-ant-admin…), or leave it empty", secret=True),
    Variable("ANTHROPIC_BASE_URLS", "https addresses, comma-separated", "https://api.anthropic.com"),
    Variable("ANTHROPIC_PRIVATE_NETWORKS", "networks, comma-separated, e.g. 10.1.0.0/16, or leave it empty"),
    Variable("SLACK_BOT_TOKEN", "the bot token of your Slack app (xoxb-…)", secret=True),
    Variable("SLACK_WEBHOOK_URL", _SLACK_HOOK, secret=True),
    Variable("SLACK_ALERT_WEBHOOK_URL", _SLACK_HOOK, secret=True),
    Variable("SLACK_ACTIVITY_WEBHOOK_URL", _SLACK_HOOK, secret=True),
    Variable("SLACK_ACTIVITY_CHANNEL", "a channel such as #it-test"),
    Variable("SLACK_ALERT_CHANNEL", "a channel such as #it-test"),
    Variable("SLACK_MENTION_USER_ID", "a Slack member id such as U012AB3CD or <@U012AB3CD>"),
    Variable("NOTIFY_WEBHOOK_URL", "an https address of yours that takes signed JSON, or leave it empty", secret=True),
    Variable(
        "NOTIFY_WEBHOOK_SECRET",
        'at least 32 random characters; python3 -c "import secrets; print(secrets.token_hex(32))"',
        secret=True,
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "a collector's address, e.g. http://127.0.0.1:4318, and: pip install -r requirements-tracing.txt",
    ),
    Variable("OTEL_EXPORTER_OTLP_HEADERS", "name=value pairs, comma-separated, or leave it empty", secret=True),
    Variable("OTEL_SERVICE_NAME", "any name", "nubabel"),
)

BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
