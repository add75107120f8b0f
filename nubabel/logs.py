"""Log lines that can be shown to anyone: secrets are blanked in the finished text, tracebacks included.

As text for people, or as one JSON object a line for machines:

    timestamp   UTC, ISO 8601, milliseconds
    level       debug, info, warn, error (what platforms look for)
    logger, message
    request_id  the activity that is being served, or the id of a request to the admin site or the REST API
    exception   type, message, stacktrace
    …           whatever else was passed to logging as `extra`

A record with the extra `lines` stands for many requests that are over (gateway.access_log).
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal

import msgspec

from accounts.redaction import is_suspect, redact
from gateway.log_lines import ACTIVITY, Line, stamp
from nubabel.request_ids import REQUEST

Format = Literal["text", "json"]

_LEVELS: Final = {"WARNING": "warn", "CRITICAL": "error"}
_STANDARD: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
_UNFIT: Final = frozenset({"request", "color_message", "lines", "server_time"})
"""Extras of Django and uvicorn that say nothing beyond the message, or hold a whole request."""
_LINE: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class TextFormatter(logging.Formatter):
    """For people. Redacts after formatting, so that arguments, exceptions and stack traces are covered too."""

    def __init__(self) -> None:
        super().__init__(_LINE)

    def format(self, record: logging.LogRecord) -> str:
        lines = getattr(record, "lines", None)
        if lines is None:
            return redact(super().format(record))
        return redact("\n".join(f"{line.timestamp} INFO    {line.logger}: {line.message}" for line in lines))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """As in JSON; `datefmt` is not needed."""
        del datefmt
        return stamp(record.created)


class JsonFormatter(logging.Formatter):
    """For machines: one object a line. What a caller of logging passes as `extra` becomes fields of it."""

    def format(self, record: logging.LogRecord) -> str:
        lines = getattr(record, "lines", None)
        return _encoded(self._fields(record)) if lines is None else _encoded_all(lines)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = {
            "timestamp": stamp(record.created),
            "level": _level(record),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if bound := ACTIVITY.get() or REQUEST.get():
            fields["request_id"] = bound
        return fields | _extras(record) | self._raised(record)

    def _raised(self, record: logging.LogRecord) -> dict[str, Any]:
        raised, stack = record.exc_info, record.stack_info
        fields: dict[str, Any] = {"stack": self.formatStack(stack)} if stack else {}
        if raised and raised[0] is not None:
            told = {"type": raised[0].__qualname__, "message": str(raised[1])}
            fields["exception"] = {**told, "stacktrace": self.formatException(raised)}
        return fields


_FORMATTERS: Final[Mapping[Format, Callable[[], logging.Formatter]]] = {"text": TextFormatter, "json": JsonFormatter}


def logging_config(level: str, *, format_: Format = "text", access: bool = True) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, redacted. `access`: a line for each request of the gateway."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"redacted": {"()": _FORMATTERS[format_]}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "redacted"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": level, "handlers": [], "propagate": True},
            "django.server": {"level": level, "handlers": [], "propagate": True},
            "axes": {"level": "WARNING"},
            "gateway.access": {"level": "INFO" if access else "WARNING"},
            "httpx2": {"level": "WARNING"},  # the SDK's client: one line per request, about an address that is not real
            "uvicorn": {"level": "WARNING" if level == "INFO" else level, "handlers": [], "propagate": True},
            "uvicorn.access": {
                "level": "WARNING",
                "handlers": [],
                "propagate": False,
            },  # else each line is made, unheard
        },
    }


def log_the_uncaught() -> None:
    """Have what ends this process logged like everything else, instead of printed."""
    sys.excepthook = _uncaught


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger("nubabel").critical("the process ends: %s", kind.__name__, exc_info=(kind, error, trace))


def _level(record: logging.LogRecord) -> str:
    return _LEVELS.get(record.levelname) or record.levelname.lower()


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD and name not in _UNFIT}


def _encoded(fields: Mapping[str, Any]) -> str:
    text = _json(fields)
    # In JSON a secret may be hidden by escapes: if there are signs of one, each text is blanked by itself.
    return _json(_clean("", fields)) if is_suspect(text) else text


def _encoded_all(lines: Sequence[Line]) -> str:
    text = b"\n".join(map(_encoder.encode, lines)).decode()
    return "\n".join(_encoded(msgspec.to_builtins(line)) for line in lines) if is_suspect(text) else text


def _json(fields: Any) -> str:  # noqa: ANN401 - JSON
    try:
        return _encoder.encode(fields).decode()
    except (TypeError, ValueError, RecursionError):  # a key that is no text, half a surrogate, a ring
        return json.dumps({name: str(value) for name, value in fields.items()})


_encoder: Final = msgspec.json.Encoder(enc_hook=str)


def _clean(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case Mapping():
            return {str(key): _clean(str(key), item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(name, item) for item in value]
        case None | bool() | int() | float():
            return value
        case _:
            return redact(f"{name}: {value}")[len(name) + 2 :]  # with its name: that may say that it is a secret
