"""Which models a restricted access key is shown: those that it may use, and no others.

Anthropic's list is asked for whole and paged here, since leaving names out of somebody else's pages would leave pages
without any, at which SDKs stop.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from gateway.errors import CallerRefused
from gateway.owners import Wanted
from gateway.paths import Found, Kind
from gateway.resources import read
from gateway.responses import Response
from gateway.wire import Request

MODELS_MAX: Final = 1_000
"""So many Anthropic gives at once, which are all it has."""
_PAGING: Final = frozenset({"limit", "after_id", "before_id"})


def is_list(found: Found) -> bool:
    """Whether the request is for the list of models."""
    return found.route.kind is Kind.MODEL and not found.id


def whole_list(request: Request) -> Request:
    """Ask for the whole list in place of a page of it; other filters stay."""
    path, _, query = request.target.partition("?")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in _PAGING]
    return replace(request, target=f"{path}?{'&'.join([f'limit={MODELS_MAX}', *kept])}")


def offered(response: Response, *, may_use: Callable[[str], bool], wanted: Wanted) -> Response:
    """Give the wanted page of those models that may be used. Raises `CallerRefused` (400) for an unknown place."""
    document = read(response.body) if response.good else None
    listed = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(listed, list):
        return response
    allowed = [model for model in listed if isinstance(model, dict) and may_use(str(model.get("id")))]
    return replace(response, body=json.dumps({**document, **_page(allowed, wanted)}).encode())


def _page(models: list[dict[str, Any]], wanted: Wanted) -> dict[str, Any]:
    ids = [model.get("id") for model in models]
    if wanted.before:
        end = _place(ids, wanted.before)
        start = max(0, end - wanted.limit)
        more = start > 0
    else:
        start = _place(ids, wanted.after) + 1 if wanted.after else 0
        end = start + wanted.limit
        more = end < len(ids)
    page = ids[start:end]
    first, last = (page[0], page[-1]) if page else (None, None)
    return {"data": models[start:end], "has_more": more, "first_id": first, "last_id": last}


def _place(ids: list[Any], wanted: str) -> int:
    if wanted not in ids:
        raise CallerRefused(400, "invalid_request_error", "The list has no such place to go on from.")
    return ids.index(wanted)
