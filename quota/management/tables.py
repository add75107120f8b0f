"""Text for terminals and for programs. Pure."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

_FORMULA = tuple("=+-@\t\r")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Columns as wide as they must be; those of `right` (counted from 0) end flush."""
    lines, flush = [list(head), *map(list, rows)], set(right)
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return ["  ".join(_cell(text, widths[at], at in flush) for at, text in enumerate(line)).rstrip() for line in lines]


def dumps(value: Any) -> str:  # noqa: ANN401 - whatever is JSON
    """JSON on one line; money as text, since a float would not be exact."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def harmless(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(text: str, width: int, flush: bool) -> str:
    return text.rjust(width) if flush else text.ljust(width)


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else asdict(value)
