"""A CSV file as an answer that is streamed, whichever kind of server asks."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse

from quota.csv_export import Cell, csv_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from django.http import HttpRequest

_LINES: Final = 500
"""Lines that are made ready at a time."""


def csv_answer(
    request: HttpRequest, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> StreamingHttpResponse:
    """`name` is the file's, without its ending; of our own making."""
    parts = _parts(csv_lines(header, rows))
    # Django would read a plain iterator to its end before an async server sends the first byte.
    content = _later(parts) if isinstance(request, ASGIRequest) else parts
    answer = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _parts(lines: Iterator[str]) -> Iterator[str]:
    while part := "".join(islice(lines, _LINES)):
        yield part


async def _later(parts: Iterator[str]) -> AsyncIterator[str]:
    while part := await sync_to_async(lambda: next(parts, ""))():
        yield part
