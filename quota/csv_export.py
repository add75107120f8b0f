"""Rows as CSV, one at a time: memory does not grow with their number, and no spreadsheet takes a value for a formula.

Note [Formulas]
    A spreadsheet computes a cell that begins with = + - or @, also behind white space. Whoever may choose a session's
    name could so run something on the machine of whoever opens the file. Such texts get an apostrophe in front, which
    spreadsheets hide; numbers of ours are left alone.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@")
Cell = str | int | Decimal | datetime | bool | None


class _Line:
    """A file of one line, which is what the writer wrote last."""

    def write(self, text: str) -> str:
        return text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Lines of CSV, the header first. Instants are written in UTC."""
    writer = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return _harmless(value) if isinstance(value, str) else str(value)


def _harmless(text: str) -> str:
    """See Note [Formulas]."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
