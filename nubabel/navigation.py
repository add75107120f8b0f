"""The admin site's menu: what there is, in the order in which it is needed, and only what one may see."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse_lazy

_POOL: Final = (
    ("Claude accounts", "key", "accounts_claudeaccount", "accounts.view_claudeaccount"),
    ("Pools", "hub", "accounts_pool", "accounts.view_pool"),
    ("Access keys", "badge", "accounts_accesskey", "accounts.view_accesskey"),
    ("Organizations", "domain", "quota_organization", "quota.view_organization"),
)
_HAPPENED: Final = (
    ("Alerts", "notifications", "quota_quotaalert", "quota.view_quotaalert"),
    ("Requests", "list_alt", "quota_activity", "quota.view_activity"),
    ("Calls to Anthropic", "call_made", "quota_attempt", "quota.view_attempt"),
    ("Usage by hour and day", "bar_chart", "quota_usagerollup", "quota.view_usagerollup"),
    ("Sessions by day", "forum", "quota_sessionrollup", "quota.view_sessionrollup"),
    ("Messages", "mail", "notifications_letter", "notifications.view_letter"),
    ("Where messages go", "outbox", "notifications_sinkstate", "notifications.view_sinkstate"),
    ("Audit log", "history", "accounts_auditentry", "accounts.view_auditentry"),
    ("Entries set aside", "report", "quota_setaside", "quota.view_setaside"),
)
_PEOPLE: Final = (
    ("Users", "person", "auth_user", "auth.view_user"),
    ("Groups", "group", "auth_group", "auth.view_group"),
)


def navigation() -> list[dict[str, Any]]:
    """For the admin skin's sidebar."""
    first = [
        {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
        {"title": "Live", "icon": "monitoring", "link": reverse_lazy("live")},
        {"title": "Set up a client", "icon": "integration_instructions", "link": reverse_lazy("setup")},
    ]
    return [
        {"items": first},
        {"title": "Pool", "separator": True, "items": _items(_POOL)},
        {"title": "What happened", "separator": True, "items": _items(_HAPPENED)},
        {"title": "People", "separator": True, "collapsible": True, "items": _items(_PEOPLE)},
    ]


def _items(rows: tuple[tuple[str, str, str, str], ...]) -> list[dict[str, Any]]:
    return [
        {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{page}_changelist"), "permission": _may(permission)}
        for title, icon, page, permission in rows
    ]


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)
