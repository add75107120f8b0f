"""Who listens to the live view: the owner of an access key, or a member of staff by the session's cookie.

Looked up without Django's middleware, and afresh each time: a log-out, a changed password, a lost role or a revoked key
counts at the next look. The same for server-sent events and the websocket: a page cannot put a key into a websocket's
headers, so a key there comes from a program.
"""

from collections import defaultdict
from importlib import import_module
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from accounts.authentication import authenticate, staff_principal
from accounts.database import in_database
from accounts.errors import AccessRefused, AccessUndecided
from accounts.principals import Principal
from accounts.scopes import Scope
from notifications.errors import LiveRefused
from notifications.live.access import Scope as AsgiScope
from notifications.live.access import Viewer

_LOGIN: Final = "Present an access key with the scope admin-read, or sign in to the admin site."
_NOT_THEIRS: Final = f"This needs the scope {Scope.ADMIN_READ}, or the permission to view accounts."
_ELSEWHERE: Final = "This access key may not be used from this address."


async def viewer_of(scope: AsgiScope) -> Viewer:
    """Raises LiveRefused (401, 403, 503), TimeoutError and the database's errors."""
    principal = await _principal(scope)
    if principal is None:
        raise LiveRefused(401, "unauthenticated", _LOGIN)
    if not principal.may(Scope.ADMIN_READ):
        raise LiveRefused(403, "forbidden", _NOT_THEIRS)
    if not principal.may_come_from((scope.get("client") or ("",))[0]):
        raise LiveRefused(403, "forbidden", _ELSEWHERE)
    return Viewer(principal.name, pool=principal.pool_id or "")


async def _principal(scope: AsgiScope) -> Principal | None:
    headers = _headers(scope)
    try:
        by_key = await authenticate({name: values[0] for name, values in headers.items()})
    except AccessRefused as refused:
        raise LiveRefused(401, "unauthenticated", f"The access key is not valid. {_LOGIN}") from refused
    except AccessUndecided as undecided:
        raise LiveRefused(503, "unavailable", "Who asks cannot be found out at the moment. Come again.") from undecided
    return by_key or await _by_session("; ".join(headers.get("cookie", ())))


def _headers(scope: AsgiScope) -> dict[str, list[str]]:
    """Raises LiveRefused for two credentials of one name: others may read another one than we do."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in scope["headers"]:
        found[name.decode("latin-1").lower()].append(value.decode("latin-1"))
    if any(len(set(found.get(name, ()))) > 1 for name in ("authorization", "x-api-key")):
        raise LiveRefused(401, "unauthenticated", "Present one access key, not several.")
    return found


async def _by_session(cookies: str) -> Principal | None:
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    return await in_database(lambda: _staff(key)) if key else None


def _staff(session_key: str) -> Principal | None:
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return staff_principal(user) if user.is_active and user.is_staff else None
