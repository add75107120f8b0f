"""Who may listen, by key or by session, through Django's sessions and permissions as in life."""

from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts.access import issue_access_key
from accounts.models import Pool
from accounts.scopes import Scope
from notifications.errors import LiveRefused
from nubabel.live_access import viewer_of

pytestmark = pytest.mark.django_db(transaction=True)


def scope_of(headers: Mapping[str, str], **more: Any) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers.items()], **more}


@sync_to_async
def signed_in(name: str, *, is_staff: bool = False, may_view: bool = True) -> tuple[User, Client, dict[str, Any]]:
    user = User.objects.create_user(name, is_staff=is_staff)
    if may_view:
        user.user_permissions.add(Permission.objects.get(codename="view_claudeaccount"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user, client, scope_of({"cookie": f"other=1; sessionid={client.cookies['sessionid'].value}"})


async def status(scope: dict[str, Any]) -> int:
    with pytest.raises(LiveRefused) as refused:
        await viewer_of(scope)
    return refused.value.status


async def test_alice_of_the_staff_may() -> None:
    _, _, scope = await signed_in("alice", is_staff=True)
    assert (await viewer_of(scope)).name == "alice"


async def test_bob_who_may_not_view_accounts_may_not() -> None:
    _, _, scope = await signed_in("bob", is_staff=True, may_view=False)
    assert await status(scope) == 403


async def test_charlie_who_is_no_staff_may_not() -> None:
    _, _, scope = await signed_in("charlie")
    assert await status(scope) == 401


@pytest.mark.parametrize("headers", [{}, {"cookie": "sessionid=nonsense"}, {"cookie": "sessionid"}])
async def test_a_stranger_may_not(headers: dict[str, str]) -> None:
    assert await status(scope_of(headers)) == 401


async def test_alice_may_not_once_she_signed_out() -> None:
    _, client, scope = await signed_in("alice", is_staff=True)
    await sync_to_async(client.logout)()
    assert await status(scope) == 401


@pytest.mark.parametrize("lost", ["is_staff", "is_active"])
async def test_alice_may_not_once_she_lost_her_role(lost: str) -> None:
    user, _, scope = await signed_in("alice", is_staff=True)
    await User.objects.filter(pk=user.pk).aupdate(**{lost: False})
    assert await status(scope) == 401


async def test_alice_may_not_in_a_session_older_than_her_password() -> None:
    user, _, scope = await signed_in("alice", is_staff=True)
    user.set_password("a new one")
    await user.asave()
    assert await status(scope) == 401


@sync_to_async
def key_of(*scopes: Scope, networks: tuple[str, ...] = (), pool: str = "") -> tuple[str, str]:
    bound = Pool.objects.create(name=pool) if pool else None
    plain, _ = issue_access_key(name="watcher", scopes=scopes, networks=networks, pool=bound)
    return plain, str(bound.pk) if bound else ""


async def test_a_key_sees_its_own_pool() -> None:
    plain, pool = await key_of(Scope.ADMIN_READ, pool="default")
    assert (await viewer_of(scope_of({"authorization": f"Bearer {plain}"}))).pool == pool


async def test_a_key_without_the_scope_may_not() -> None:
    plain, _ = await key_of(Scope.MESSAGES)
    assert await status(scope_of({"x-api-key": plain})) == 403


async def test_a_key_that_comes_from_elsewhere_is_turned_away() -> None:
    plain, _ = await key_of(Scope.ADMIN_READ, networks=("10.0.0.0/8",))
    with pytest.raises(LiveRefused, match="address"):
        await viewer_of(scope_of({"x-api-key": plain}, client=("192.0.2.1", 5)))
    assert await viewer_of(scope_of({"x-api-key": plain}, client=("10.1.2.3", 5)))


async def test_a_wrong_key_decides_even_beside_a_good_session() -> None:
    _, _, scope = await signed_in("alice", is_staff=True)
    wrong = {"headers": [*scope["headers"], (b"x-api-key", b"nb_live_wrong")]}
    with pytest.raises(LiveRefused) as refused:
        await viewer_of(wrong)
    assert refused.value.status == 401


async def test_two_keys_are_one_too_many() -> None:
    scope = {"headers": [(b"x-api-key", b"one"), (b"X-API-Key", b"two")]}
    with pytest.raises(LiveRefused, match="several"):
        await viewer_of(scope)
