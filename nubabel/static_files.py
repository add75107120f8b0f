"""Static files under ASGI: WhiteNoise finds them, this hands them over whole."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped
    """Django warns of a file streamed from an async server, and reads it whole anyway; ours are small."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:  # noqa: ANN401 - untyped
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        try:
            body = b"".join(streamed.streaming_content)
        finally:
            streamed.close()
        return HttpResponse(body, status=streamed.status_code, headers=dict(streamed.items()))
