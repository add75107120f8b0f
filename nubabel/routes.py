"""Which application answers an address; the apps say what they have, this collects it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

GATEWAY: Final = "/v1/"
HELLO: Final = "/api/hello"


def websocket_urlpatterns() -> list[Any]:
    from notifications.consumers import websocket_urlpatterns as live

    return list(live)


def data_plane(scope: Any) -> AsgiApplication | None:  # noqa: ANN401 - ASGI
    """Give the application that answers before Django, if one does."""
    from gateway import asgi  # its imports want Django's apps ready

    if scope["path"].startswith(GATEWAY):
        return asgi.application
    return asgi.hello if scope["path"] == HELLO and scope["method"] in {"HEAD", "GET"} else None
