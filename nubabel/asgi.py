"""The front door: who answers which kind of connection.

/v1/*      the gateway's own ASGI application, before Django (its middleware costs about 2 ms a request)
/api/activity/stream  server-sent events, likewise: Django would keep a thread for every listener
/health/*  nubabel.health_faces, likewise: it must answer when Django cannot
/metrics   nubabel.metrics_face, likewise: for monitoring, with a token or an access key
other http Django, behind limits on the body (nubabel.intake)
websocket  the live view, for pages of our own origin only

A process that stops ends every connection with its answer, and takes no new call once it is closed (nubabel.web).
"""

import os
from typing import Any, Final

from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nubabel.settings")
django_application: Final = get_asgi_application()  # sets Django up; what follows may import models

from django.conf import settings  # noqa: E402

from gateway import asgi as gateway  # noqa: E402
from nubabel import health_faces, intake, lifespan, metrics_face, request_ids, routes  # noqa: E402
from nubabel.web import farewell  # noqa: E402

websocket_application: Final = OriginValidator(URLRouter(routes.websocket_urlpatterns()), settings.WEBSOCKET_ORIGINS)


async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - three libraries, three typings
    match scope["type"]:
        case "lifespan":
            await lifespan.application(scope, receive, send)
        case "websocket":
            await websocket_application(scope, receive, send)
        case _:
            serve = _found(scope)
            await serve(scope, receive, farewell.parting(send) if farewell.stopping() else send)


def _found(scope: Any) -> routes.AsgiApplication:  # noqa: ANN401
    if scope["path"].startswith(routes.GATEWAY):
        return farewell.refuse if farewell.closed() else gateway.application
    if health_faces.answers(scope):
        return health_faces.application
    if metrics_face.answers(scope):
        return metrics_face.application
    if farewell.closed():
        return farewell.refuse
    return routes.data_plane(scope) or _by_django


async def _by_django(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
    await intake.serve(django_application, scope, receive, request_ids.numbered(send))
