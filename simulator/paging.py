"""Lists in pieces: the two ways the API pages."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.errors import InvalidRequest
from simulator.scene import Incoming

Row = Mapping[str, Any]


def limit_of(incoming: Incoming, *, default: int = 20, most: int = 1000) -> int:
    """Read `limit`. Raises InvalidRequest when it is no number between 1 and `most`."""
    text = incoming.first("limit")
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise InvalidRequest(f"limit: Input should be between 1 and {most}")
    return int(text)


def by_id(rows: Sequence[Row], incoming: Incoming, *, key: str = "id", most: int = 1000) -> dict[str, Any]:
    """Page by `after_id` or `before_id`. Raises InvalidRequest for an id that is not in the list."""
    limit = limit_of(incoming, most=most)
    ids = [row[key] for row in rows]
    if (before := incoming.first("before_id")) is not None:
        end = _position(ids, before, "before_id")
        start = max(0, end - limit)
        has_more = start > 0
    else:
        after = incoming.first("after_id")
        start = 0 if after is None else _position(ids, after, "after_id") + 1
        end = min(len(rows), start + limit)
        has_more = end < len(rows)
    page, page_ids = rows[start:end], ids[start:end]
    first, last = (page_ids[0], page_ids[-1]) if page_ids else (None, None)
    return {"data": list(page), "has_more": has_more, "first_id": first, "last_id": last}


def _position(ids: list[Any], wanted: str, name: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        raise InvalidRequest(f"{name}: no such object") from None


def by_page(rows: Sequence[Row], incoming: Incoming, *, default: int = 20, most: int = 1000) -> dict[str, Any]:
    """Page by an opaque token. Raises InvalidRequest for a token we did not give."""
    limit = limit_of(incoming, default=default, most=most)
    start = offset_of(incoming)
    end = start + limit
    return {"data": list(rows[start:end]), "next_page": token_for(end) if end < len(rows) else None}


def offset_of(incoming: Incoming) -> int:
    """Read the offset inside `page`. Raises InvalidRequest."""
    token = incoming.first("page")
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.removeprefix("page_").encode()).decode())
    except ValueError:
        raise InvalidRequest("page: not a valid page token") from None


def token_for(offset: int) -> str:
    """Write an offset as an opaque token."""
    return "page_" + base64.urlsafe_b64encode(f"{offset:012d}".encode()).decode()
