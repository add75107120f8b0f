"""Which application answers an address; the apps say what they have, this collects it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

GATEWAY: Final = "/v1/"
HELLO: Final = "/api/hello"


def websocket_urlpatterns() -> list[Any]:
    from django.urls import path

    from nubabel.live import live_socket

    return [path("ws/live/", live_socket)]


def data_plane(scope: Any) -> AsgiApplication | None:  # noqa: ANN401 - ASGI
    """Give the application that answers before Django, if one does; the gateway's own addresses aside."""
    from gateway import asgi  # these imports want Django's apps ready
    from notifications import asgi as events

    if events.answers(scope["path"]):
        from nubabel.live import event_stream

        return event_stream
    return asgi.hello if scope["path"] == HELLO and scope["method"] in {"HEAD", "GET"} else None
