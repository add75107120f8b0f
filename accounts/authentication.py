"""Who asks: a client with an access key or a staff member with a session. For REST views and for plain async ones.

A REST view lists `AccessKeyAuthentication` and `StaffSessionAuthentication` as authentication classes and
`HasScope(Scope.ADMIN_READ)` as permission class. A plain async view calls `await authenticate_request(request)`, which
may raise AccessRefused (401), and asks the principal whether it `may(Scope.MESSAGES)`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rest_framework import exceptions, permissions
from rest_framework.authentication import BaseAuthentication, CSRFCheck, SessionAuthentication

from accounts.access import AccessKeys
from accounts.database import in_database
from accounts.errors import AccessRefused, AccessUndecided
from accounts.principals import Kind, Principal, presented_key
from accounts.roles import abilities_by
from accounts.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import User
    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.views import APIView

access_keys: Final = AccessKeys()

_PERMISSIONS: Final = {
    Scope.MESSAGES: "accounts.send_messages",
    Scope.ADMIN_READ: "accounts.view_claudeaccount",
    Scope.ADMIN_WRITE: "accounts.change_claudeaccount",
}


async def authenticate(headers: Mapping[str, str], *, keys: AccessKeys = access_keys) -> Principal | None:
    """The owner of the access key in these headers; None when they hold none.

    Raises AccessRefused (401) for a key that opens nothing, AccessUndecided (503) when that cannot be found out.
    """
    plain = presented_key(headers)
    return None if plain is None else await keys.aprincipal(plain, now=datetime.now(UTC))


async def authenticate_request(request: HttpRequest, *, keys: AccessKeys = access_keys) -> Principal | None:
    """The same for a Django request, with the staff session as second way; a presented key always decides.

    A session counts for an unsafe method only with its CSRF token, whatever the view's decorators say.
    """
    principal = await authenticate(request.headers, keys=keys)
    return principal or await in_database(lambda: _session_principal(request))


def _session_principal(request: HttpRequest) -> Principal | None:
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_active or not user.is_staff:
        return None
    if _forged(request):
        raise AccessRefused("The session's CSRF token is missing or wrong.")
    return staff_principal(user)


def _forged(request: HttpRequest) -> bool:
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type] # no view is called
    check.process_request(request)
    return bool(check.process_view(request, None, (), {}))  # type: ignore[arg-type] # unused there


def staff_principal(user: User) -> Principal:
    """What a staff member may do here, by Django's permissions; a superuser everything."""
    scopes = frozenset(scope for scope, permission in _PERMISSIONS.items() if user.has_perm(permission))
    abilities = abilities_by(user.has_perms)
    return Principal(kind=Kind.STAFF, id=str(user.pk), name=user.get_username(), scopes=scopes, abilities=abilities)


class AccessKeyAuthentication(BaseAuthentication):
    """REST framework: `request.user` and `request.auth` are the key's Principal."""

    keys = access_keys

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        try:
            plain = presented_key(request.headers)
            if plain is None:
                return None
            principal = self.keys.principal(plain, now=datetime.now(UTC))
        except AccessRefused as refused:
            raise exceptions.AuthenticationFailed(str(refused)) from None
        except AccessUndecided as undecided:
            raise Unavailable(str(undecided)) from None
        return principal, principal

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - the framework's signature
        """Makes the framework answer 401 instead of 403."""
        return "Bearer"


class StaffSessionAuthentication(SessionAuthentication):
    """REST framework: a signed-in staff member; `request.auth` is their Principal. CSRF is checked."""

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        found = super().authenticate(request)
        if found is None or not found[0].is_staff:
            return None
        return found[0], staff_principal(found[0])


class Unavailable(exceptions.APIException):
    """503: who asks could not be found out."""

    status_code = 503
    default_code = "unavailable"


def HasScope(scope: Scope | str) -> type[permissions.BasePermission]:  # noqa: N802 - stands among permission classes
    """`permission_classes = [HasScope("messages")]`: refuses whoever was not given that very scope."""
    wanted = Scope(scope)

    class Scoped(permissions.BasePermission):
        message = f"This needs the scope {wanted}."

        def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - the framework's signature
            principal = request.auth
            return isinstance(principal, Principal) and principal.may(wanted)

    return Scoped
