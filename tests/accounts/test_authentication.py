from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import AsyncRequestFactory
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.access import issue_access_key
from accounts.authentication import (
    AccessKeyAuthentication,
    HasScope,
    StaffSessionAuthentication,
    authenticate,
    authenticate_request,
    staff_principal,
)
from accounts.database import in_database
from accounts.errors import AccessRefused
from accounts.principals import Kind
from accounts.scopes import Scope

pytestmark = pytest.mark.django_db


class Door(APIView):
    authentication_classes: Any = (AccessKeyAuthentication, StaffSessionAuthentication)
    permission_classes = (HasScope(Scope.ADMIN_READ),)

    def get(self, request):
        return Response({"who": str(request.auth)})

    post = get


def knock(*, method="get", user=None, **headers):
    request = getattr(APIRequestFactory(enforce_csrf_checks=True), method)("/", headers=headers)
    request.user = user or AnonymousUser()
    return Door.as_view()(request)


def key_for(*scopes):
    return issue_access_key(name="agents", scopes=scopes)[0]


def staff(*permissions, **facts):
    user = User.objects.create_user("alice", password="correct horse", is_staff=True, **facts)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


@pytest.mark.parametrize("header", ["x_api_key", "authorization"])
def test_a_key_with_the_scope_opens(header):
    plain = key_for("admin-read")
    answer = knock(**{header: f"Bearer {plain}" if header == "authorization" else plain})
    assert (answer.status_code, answer.data["who"]) == (200, "agents")


def test_a_key_without_the_scope_is_forbidden():
    answer = knock(x_api_key=key_for("messages", "admin-write"))
    assert answer.status_code == 403
    assert "admin-read" in str(answer.data)


def test_nobody_is_unauthorized():
    answer = knock()
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_wrong_key_is_unauthorized():
    assert knock(x_api_key="nb_live_wrong").status_code == 401


def test_two_different_keys_are_unauthorized_even_if_both_are_good():
    one, other = key_for("admin-read"), key_for("admin-read")
    assert knock(x_api_key=one, authorization=f"Bearer {other}").status_code == 401


def test_a_wrong_key_is_not_saved_by_a_good_session():
    user = staff("view_claudeaccount")
    assert knock(user=user, x_api_key="nb_live_wrong").status_code == 401


def test_a_staff_member_with_the_permission_may_enter():
    assert knock(user=staff("view_claudeaccount")).status_code == 200


def test_a_staff_member_without_the_permission_may_not():
    assert knock(user=staff()).status_code == 403


def test_a_user_who_is_no_staff_counts_as_nobody():
    user = User.objects.create_user("bob", is_superuser=True)
    assert knock(user=user).status_code == 401


def test_a_session_needs_its_csrf_token_to_change_anything():
    assert knock(method="post", user=staff("view_claudeaccount")).status_code == 403


def test_a_key_needs_no_csrf_token():
    assert knock(method="post", x_api_key=key_for("admin-read")).status_code == 200


def test_a_view_without_authentication_classes_of_ours_gives_no_scope():
    class Forgotten(Door):
        authentication_classes: Any = ()

    assert Forgotten.as_view()(APIRequestFactory().get("/")).status_code in {401, 403}


def test_staff_scopes_follow_permissions_and_a_superuser_has_all():
    assert staff_principal(staff("view_claudeaccount", "send_messages")).scopes == {Scope.ADMIN_READ, Scope.MESSAGES}
    assert staff_principal(User(username="root", is_staff=True, is_superuser=True, is_active=True)).scopes == set(Scope)


# plain async views


def asked(*, method="get", user=None, **headers):
    request = getattr(AsyncRequestFactory(), method)("/", headers=headers)
    request.user = user or AnonymousUser()
    return request


@pytest.mark.django_db(transaction=True)
async def test_a_plain_view_learns_who_presents_a_key():
    plain = await in_database(lambda: key_for("messages"))
    for headers in ({"x-api-key": plain}, {"authorization": f"Bearer {plain}"}):
        principal = await authenticate(headers)
        assert principal
        assert (principal.kind, principal.name) == (Kind.ACCESS_KEY, "agents")


@pytest.mark.django_db(transaction=True)
async def test_without_any_credential_there_is_nobody():
    assert await authenticate({}) is None
    assert await authenticate_request(asked()) is None


@pytest.mark.django_db(transaction=True)
async def test_a_plain_view_accepts_a_staff_session():
    user = await in_database(lambda: staff("send_messages"))
    principal = await authenticate_request(asked(user=user))
    assert principal
    assert (principal.kind, principal.scopes) == (Kind.STAFF, frozenset({Scope.MESSAGES}))


@pytest.mark.django_db(transaction=True)
async def test_a_plain_view_refuses_a_session_without_its_csrf_token():
    user = await in_database(lambda: staff("send_messages"))
    with pytest.raises(AccessRefused, match="CSRF"):
        await authenticate_request(asked(method="post", user=user))


@pytest.mark.django_db(transaction=True)
async def test_a_plain_view_accepts_a_session_with_its_csrf_token():
    user = await in_database(lambda: staff("send_messages"))
    token = "a" * 32
    request = asked(method="post", user=user, **{"X-CSRFToken": token})
    request.COOKIES["csrftoken"] = token
    principal = await authenticate_request(request)
    assert principal
    assert principal.kind is Kind.STAFF


@pytest.mark.django_db(transaction=True)
async def test_a_disabled_staff_member_is_nobody():
    user = await in_database(lambda: staff("send_messages", is_active=False))
    assert await authenticate_request(asked(user=user)) is None
