"""What every REST view of the product starts from."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:  # rest_framework.views reads the default permission, so importing it here would be a circle
    from rest_framework.views import APIView


class DenyAll(BasePermission):
    """The default permission: a view says itself who may use it, or nobody may."""

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002 - DRF's signature
        return False
