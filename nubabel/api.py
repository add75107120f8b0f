"""What every REST view of the product starts from: closed, unless `nubabel.rights` opens it."""

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.principals import Principal

if TYPE_CHECKING:  # rest_framework.views reads the default permission, so importing it here would be a circle
    from rest_framework.views import APIView

ELSEWHERE = "This access key may not be used from this address. Its networks are set where keys are made."


class ByRights(BasePermission):
    """The default permission: a view's action must be in the table, and the caller able to do what stands there."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        from nubabel.rights import needed  # it imports the views

        who = request.auth
        if not isinstance(who, Principal):
            return False
        if not who.may_come_from(request.META.get("REMOTE_ADDR", "")):
            raise PermissionDenied(ELSEWHERE)
        wanted = needed(view, request.method or "")
        if wanted & who.abilities:
            return True
        raise PermissionDenied(_lacking(sorted(wanted)))


def _lacking(wanted: list[str]) -> str:
    if not wanted:
        return "Nobody may do this."
    return f"This takes the ability to {wanted[0]}, which this access key or role has not got."
