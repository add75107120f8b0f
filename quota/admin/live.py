"""The admin site's live view: an empty page and a script that fills it over the websocket."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib import admin
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.default_pool import default_of
from accounts.models import Pool

PERMISSION = "accounts.view_claudeaccount"


def live(request: HttpRequest) -> HttpResponse:
    """Show the pool that the address names, else the default one; whoever may view accounts may watch them."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    pools = list(Pool.objects.order_by("name"))
    context = {
        **admin.site.each_context(request),
        "title": "Live",
        "is_fullwidth": "1",
        "pools": pools,
        "pool": _chosen(pools, request.GET.get("pool", "")),
        "version": version_of_the_script(),
    }
    return TemplateResponse(request, "admin/quota/live.html", context)


def _chosen(pools: list[Pool], wanted: str) -> Pool | None:
    if not wanted:
        return default_of(pools) or next(iter(pools), None)
    found = next((pool for pool in pools if wanted in {pool.name, str(pool.pk)}), None)
    if found is None:
        raise Http404
    return found


@lru_cache(maxsize=1)
def version_of_the_script() -> str:
    """Changes with the script and its style sheet, so that no browser uses those of an earlier release."""
    folder = finders.find("quota/live")
    files = sorted(Path(folder).iterdir()) if isinstance(folder, str) else []
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
