"""Every address that Django answers. `/v1/*` never comes here: see nubabel.asgi."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from gateway.admin.setup import setup
from nubabel import health_faces
from nubabel.api_docs import DocsView, SchemaView
from quota.admin.live import live

admin.site.index_title = "Dashboard"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("favicon.ico", RedirectView.as_view(url="/static/nubabel/favicon.svg", permanent=True)),
    path("admin/live/", admin.site.admin_view(live), name="live"),
    path("admin/setup/", admin.site.admin_view(setup), name="setup"),
    path("admin/", admin.site.urls),
    path("health/", include(health_faces.urlpatterns())),
    re_path(r"^api/schema/?$", SchemaView.as_view(), name="api-schema"),
    re_path(r"^api/docs/?$", DocsView.as_view(), name="api-docs"),
    path("", include("gateway.urls")),
    path("", include("accounts.urls")),
    path("", include("quota.urls")),
]

handler400 = "nubabel.pages.bad_request"
handler403 = "nubabel.pages.permission_denied"
handler404 = "nubabel.pages.page_not_found"
handler500 = "nubabel.pages.server_error"
