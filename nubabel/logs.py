"""Log lines that can be shown to anyone: secrets are blanked in the finished text, tracebacks included."""

import logging
import re
from typing import Any, Final

_SECRETS: Final = re.compile(
    r"""
      (?P<kind>sk-ant-[a-z]+[0-9]*-|nb_live_|xox[a-z]-|xapp-)[\w-]{4,}     # Anthropic, our access keys, Slack tokens
    | (?P<hook>hooks\.slack(?:-gov)?\.com/[a-z]+/)[\w/-]+                  # a Slack webhook's path is its password
    | (?P<login>\b(?:rediss?|unix|postgres(?:ql)?)://[^\s:/@]*:)[^\s@]+@   # user:password@ of our stores
    | (?P<header>\b(?:x-api-key|authorization)["']?\s*[:=]\s*["']?(?:bearer\s+)?)[\w.~+/=-]{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with every known kind of secret replaced by its kind and `…`."""
    return _SECRETS.sub(_blanked, text)


class RedactingFormatter(logging.Formatter):
    """Redacts after formatting, so that arguments, exceptions and stack traces are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def logging_config(level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, redacted."""
    line = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"redacted": {"()": RedactingFormatter, "format": line}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "redacted"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": level, "handlers": [], "propagate": True},
            "django.server": {"level": level, "handlers": [], "propagate": True},
            "axes": {"level": "WARNING"},
            "httpx2": {"level": "WARNING"},  # the SDK's client: one line per request, about an address that is not real
            "uvicorn": {"level": "WARNING" if level == "INFO" else level, "handlers": [], "propagate": True},
            "uvicorn.access": {
                "level": "WARNING",
                "handlers": [],
                "propagate": False,
            },  # else each line is made, unheard
        },
    }


def _blanked(match: re.Match[str]) -> str:
    kept = match["kind"] or match["hook"] or match["login"] or match["header"] or ""
    return f"{kept}…@" if match["login"] else f"{kept}…"
