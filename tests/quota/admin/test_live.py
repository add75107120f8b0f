"""The page of the live view; what its script does is in tests/browser."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from accounts.models import Pool

pytestmark = pytest.mark.django_db
URL = "/admin/live/"


@pytest.fixture
def viewer(client: Client) -> Client:
    """Signed in as a member of staff who may view accounts and nothing else."""
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_claudeaccount"))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_stranger_is_led_to_the_log_in(client: Client) -> None:
    assert client.get(URL).headers["location"] == f"/admin/login/?next={URL}"


def test_who_may_not_view_accounts_may_not_watch_them(client: Client) -> None:
    user = User.objects.create_user("bob", is_staff=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(URL).status_code == 403


def test_without_a_pool_it_says_what_to_do(viewer: Client) -> None:
    assert "There is no pool yet" in page(viewer)


def test_the_pool_that_is_named_is_shown(viewer: Client) -> None:
    Pool.objects.create(name="default")
    other = Pool.objects.create(name="night shift")
    assert f'data-pool="{other.pk}"' in page(viewer, "?pool=night+shift")
    assert viewer.get(f"{URL}?pool=nobodys").status_code == 404


def test_several_pools_can_be_chosen_from(viewer: Client) -> None:
    default = Pool.objects.create(name="default")
    assert 'aria-label="Pools"' not in page(viewer)
    Pool.objects.create(name="<b>night</b>")
    shown = page(viewer)
    assert f'data-pool="{default.pk}"' in shown
    assert "&lt;b&gt;night&lt;/b&gt;" in shown
    assert "<b>night" not in shown


def test_its_script_is_a_file_of_ours_that_changes_its_name_with_its_content(viewer: Client) -> None:
    Pool.objects.create(name="default")
    (script,) = re.findall(r'<script type="module" src="([^"]+)"></script>', page(viewer))
    assert re.fullmatch(r"/static/quota/live/live\.js\?[0-9a-f]{12}", script)
    assert viewer.get(script).status_code == 200


def test_the_admin_site_leads_there(admin_client: Client) -> None:
    assert f'href="{reverse("live")}"' in admin_client.get("/admin/").content.decode()
