"""The API's description: OpenAPI for programs, Swagger UI for people, all of it from this server."""

from typing import Any

from django.http import HttpResponseRedirect
from django.urls import reverse
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer


class SchemaView(SpectacularAPIView):
    """`/api/schema/`: OpenAPI 3.1 as JSON."""

    renderer_classes: Any = (JSONRenderer, OpenApiJsonRenderer)


class DocsView(SpectacularSwaggerSplitView):
    """`/api/docs/`: Swagger UI. Its script comes from an address of its own, as the Content-Security-Policy asks."""

    renderer_classes: Any = (TemplateHTMLRenderer, JSONRenderer)
    url_name = "api-schema"

    def handle_exception(self, exc: Exception) -> Any:  # noqa: ANN401 - a redirect is no Response of the framework's
        """A browser without a session is led to the log-in."""
        request = self.request
        if isinstance(exc, NotAuthenticated) and "text/html" in request.headers.get("Accept", ""):
            return HttpResponseRedirect(f"{reverse('admin:login')}?next={request.path}")
        response = super().handle_exception(exc)
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
        return response
