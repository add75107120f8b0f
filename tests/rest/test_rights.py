"""Every route, every role, one checked-in table (`rights.txt`). A new route without a row fails."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.access import issue_access_key
from accounts.authentication import staff_principal
from accounts.principals import Kind, Principal
from accounts.role_groups import grant_roles
from accounts.roles import GRANTS, Ability, Role, permissions_of
from nubabel.rights import RIGHTS, needed
from tests.rest import callers

TABLE = Path(__file__).with_name("rights.txt")
CALLERS = {
    "nobody": callers.nobody,
    "user": lambda: callers.person("ursula", is_staff=False),
    "staff": lambda: callers.person("stan"),
    "viewer": lambda: callers.person("vera", "viewer"),
    "operator": lambda: callers.person("olaf", "operator"),
    "admin": lambda: callers.person("ada", "admin"),
    "messages": lambda: callers.key("messages"),
    "read": lambda: callers.key("admin-read"),
    "write": lambda: callers.key("admin-write"),
    "expired": lambda: callers.expired_key("admin-read", "admin-write"),
    "revoked": lambda: callers.revoked_key("admin-read", "admin-write"),
}
FUNCTIONS = {"execute": ["POST"]}
"""Views that are plain functions and want another method than GET, by the name of their route."""
SOMETHING = "00000000-0000-4000-8000-000000000000"


def rows() -> Iterator[tuple[str, str, dict[str, str]]]:
    lines = [line for line in TABLE.read_text().splitlines() if line.strip() and not line.startswith("#")]
    names = lines[0].split()[2:]
    for line in lines[1:]:
        method, path, *marks = line.split()
        assert len(marks) == len(names), line
        yield method, path, dict(zip(names, marks, strict=True))


def routes(patterns=None, prefix="") -> Iterator[tuple[str, str]]:
    """Method and path of each route; what does not say its methods is asked by GET."""
    for found in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from routes(found.url_patterns, path)
        else:
            yield from ((method, plain(path)) for method in methods(found))


def plain(path: str) -> str:
    """A pattern as people write it: `/api/admin/accounts/{id}/`."""
    named = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|<[^>]+>", "{id}", path.replace("^", "").replace("$", ""))
    return "/" + named.replace("/?", "/").replace("\\", "").replace("\\Z", "")


def methods(pattern: URLPattern) -> list[str]:
    actions = getattr(pattern.callback, "actions", None)
    view = getattr(pattern.callback, "cls", None)
    if actions:
        return sorted(method.upper() for method in actions if method != "head")  # added with the first request
    if view:
        return [method.upper() for method in ("get", "post") if hasattr(view, method)]
    return FUNCTIONS.get(pattern.name or "", ["GET"])


def _plain(view: type) -> dict[str, str]:
    return {method: method for method in ("get", "post") if hasattr(view, method)}


def of_the_admin_site(path: str) -> bool:
    return path.startswith("/admin/")


def test_each_route_has_a_row_and_each_row_a_route():
    known = sorted((method, path) for method, path, _ in rows())
    assert known == sorted({route for route in routes() if not of_the_admin_site(route[1])})


def cases():
    """What is asynchronous looks at the database by another connection, so there the test must commit."""
    for method, path, marks in rows():
        commits = [pytest.mark.django_db(transaction=True)] if path == "/api/orchestrator/execute/" else []
        yield pytest.param(method, path, marks, id=f"{method} {path}", marks=commits)


@pytest.mark.parametrize(("method", "path", "marks"), list(cases()))
def test_each_role_gets_what_the_table_says(method, path, marks):
    """`ok`: let in, whatever follows (the thing does not exist, the body is empty)."""
    got = {}
    for name in marks:
        answer = CALLERS[name]().call(method, path.replace("{id}", SOMETHING), {} if method != "GET" else None)
        got[name] = str(answer.status_code) if answer.status_code in {302, 401, 403} else "ok"
        assert answer.status_code < 500 or path.startswith("/health/")
    assert got == marks


@pytest.mark.parametrize("name", ["nobody", "user", "messages", "read", "write"])
def test_the_admin_site_lets_in_nobody_without_a_staff_session(name):
    caller = CALLERS[name]()
    for _, path in routes():
        if of_the_admin_site(path) and path not in {"/admin/login/", "/admin/logout/", "/admin/jsi18n/"}:
            answer = caller.get(path.replace("{id}", "1"))
            assert answer.status_code in {302, 404}, path
            assert "/admin/login/" in answer.get("Location", "/admin/login/"), path


@pytest.mark.parametrize(
    "path",
    [
        "/api//admin/accounts/",
        "/api/admin/accounts//",
        "/api/admin/accounts;x/",
        "/api/admin/accounts%2f",
        "/api/admin/accounts/.json",
        "/API/admin/accounts/",
        "/health/../api/admin/accounts/",
    ],
)
def test_no_spelling_of_an_address_gets_around_the_rights(path):
    assert callers.nobody().get(path).status_code in {401, 404}
    assert callers.key("messages").get(path).status_code in {403, 404}


@pytest.mark.parametrize("header", ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Prefix"])
def test_no_header_names_another_address_or_method(header):
    caller = callers.key("admin-read")
    assert caller.post("/api/admin/pools/", {"name": "x"}, **{header: "GET"}).status_code == 403
    assert callers.nobody().get("/api/admin/pools/", **{header: "/health/live"}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "testserver@evil.example", "testserver:1@evil.example"])
def test_a_foreign_host_is_refused(host):
    answer = callers.key("admin-read").get("/api/admin/accounts/", Host=host)
    assert answer.status_code == 400


# what the table rests on


class Forgotten(GenericViewSet[Any]):
    """Inherits everything and stands in no table."""

    def list(self, request):
        raise AssertionError


def principal(*abilities: Ability) -> Principal:
    return Principal(kind=Kind.STAFF, id="1", name="ada", scopes=frozenset(), abilities=frozenset(abilities))


def test_a_view_that_is_not_in_the_table_is_closed_to_everybody():
    plain_key, _ = issue_access_key(name="x", scopes=["admin-read", "admin-write"])
    request = APIRequestFactory().get("/", headers={"x-api-key": plain_key})
    assert Forgotten.as_view({"get": "list"})(request).status_code == 403


def test_an_action_that_is_not_in_the_table_is_closed():
    view: Any = next(iter(RIGHTS))()
    view.action = "get_queryset"
    assert needed(view, "POST") == frozenset()


def test_a_subclass_of_a_view_in_the_table_is_closed():
    class Heir(next(iter(RIGHTS))):  # type: ignore[misc]
        pass

    view = Heir()
    view.action = "list"
    assert needed(view, "GET") == frozenset()


def test_each_view_with_an_address_is_in_the_table():
    def views(patterns):
        for found in patterns:
            if isinstance(found, URLResolver):
                yield from views(found.url_patterns)
            elif isinstance(view := getattr(found.callback, "cls", None), type) and issubclass(view, APIView):
                yield view, set((getattr(found.callback, "actions", None) or _plain(view)).values())

    for view, actions in views(get_resolver().url_patterns):
        assert actions <= set(RIGHTS[view]), view


def test_every_role_may_do_what_the_one_before_it_may():
    viewer, operator, admin = (permissions_of(role) for role in Role)
    assert viewer < operator < admin


def test_the_groups_have_their_roles_permissions():
    for role in Role:
        held = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{name}" for app, name in held} == permissions_of(role)


def test_making_the_groups_again_changes_nothing_and_takes_nothing_away():
    more = Permission.objects.get(codename="add_user")
    Group.objects.get(name="viewer").permissions.add(more)
    grant_roles(apps, None)
    assert Group.objects.get(name="viewer").permissions.filter(pk=more.pk).exists()
    assert Group.objects.count() == len(GRANTS)


def test_every_model_that_people_see_is_granted_to_somebody():
    shown = {model._meta.label_lower for model in admin.site._registry if not model.__module__.startswith("django.")}
    granted = {model for grants in GRANTS.values() for part in grants for model in part}
    assert shown <= granted


def test_half_of_a_roles_permissions_is_no_role():
    user = User.objects.create_user("half", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_claudeaccount", "change_claudeaccount"]))
    assert staff_principal(user).abilities == frozenset()


def test_an_operator_switches_accounts_in_the_admin_site_and_changes_nothing_else(alpha):
    operator = callers.person("olaf", "operator").client
    chosen = {"action": "disable_accounts", "_selected_action": [str(alpha.pk)], "csrfmiddlewaretoken": callers.TOKEN}
    operator.post("/admin/accounts/claudeaccount/", chosen)
    alpha.refresh_from_db()
    assert (alpha.enabled, alpha.disabled_reason) == (False, "by olaf")
    changed = {"name": "other", "csrfmiddlewaretoken": callers.TOKEN}
    assert operator.post(f"/admin/accounts/claudeaccount/{alpha.pk}/change/", changed).status_code == 403


def test_a_viewer_sees_accounts_in_the_admin_site_and_switches_none(alpha):
    viewer = callers.person("vera", "viewer").client
    assert viewer.get("/admin/accounts/claudeaccount/").status_code == 200
    chosen = {"action": "disable_accounts", "_selected_action": [str(alpha.pk)], "csrfmiddlewaretoken": callers.TOKEN}
    viewer.post("/admin/accounts/claudeaccount/", chosen)
    alpha.refresh_from_db()
    assert alpha.enabled
