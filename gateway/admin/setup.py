"""The admin site's page that says how to point a client at this very server."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from gateway.snippets import snippets


def setup(request: HttpRequest) -> HttpResponse:
    """Show the snippets, filled in with the address under which this page was reached."""
    base_url = request.build_absolute_uri("/").rstrip("/")
    context = {**admin.site.each_context(request), "title": "Set up a client", "snippets": snippets(base_url)}
    return TemplateResponse(request, "admin/gateway/setup.html", context)
