"""Which application answers an address; the apps say what they have, this collects it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

DATA_PLANE: Final[dict[str, AsgiApplication]] = {}
"""Path prefix → ASGI application that answers before Django. `/v1/` will stand here."""


def websocket_urlpatterns() -> list[Any]:
    from notifications.consumers import websocket_urlpatterns as live

    return list(live)


def data_plane(path: str) -> AsgiApplication | None:
    for prefix, application in DATA_PLANE.items():
        if path.startswith(prefix):
            return application
    return None
