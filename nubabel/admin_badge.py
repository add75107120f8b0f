"""The badge at the top of the admin site: it must be plain when the Claude behind the pool is simulated."""

from django.conf import settings
from django.http import HttpRequest


def environment(_request: HttpRequest) -> list[str] | None:
    """Text and colour for the admin skin."""
    if settings.DEMO:
        return ["DEMO: simulated accounts", "warning"]
    return ["Production", "danger"] if settings.PRODUCTION else ["Development", "info"]
