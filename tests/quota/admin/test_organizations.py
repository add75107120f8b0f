"""Organizations in the admin site: a key goes in, an answer comes out."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from quota.models import Organization, ReportedUsage
from simulator.testing import RunningSimulator, threaded_simulator

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "admin:quota_organization_changelist"


@pytest.fixture
def simulator(settings: Any) -> Iterator[RunningSimulator]:
    with threaded_simulator() as running:
        settings.SIMULATOR_URL, settings.ALLOWED_BASE_URLS = running.url, (running.url,)
        yield running


def key_of(simulator: RunningSimulator) -> str:
    return simulator.world.accounts["alpha"].workspace.organization.admin_key


def added(client: Client, simulator: RunningSimulator, **changes: str) -> Any:
    inlines = {
        f"{name}-{part}_FORMS": "0" for name in ("keys", "rate_limits") for part in ("TOTAL", "INITIAL", "MIN_NUM")
    }
    form = {"name": "Ours", "base_url": simulator.url, "new_key": key_of(simulator), **inlines, **changes}
    return client.post(reverse("admin:quota_organization_add"), form)


def test_an_organization_is_entered_with_its_key_which_never_shows_again(
    admin_client: Client, simulator: RunningSimulator
) -> None:
    assert added(admin_client, simulator).status_code == 302
    one = Organization.objects.get()
    assert one.admin_key.reveal().reveal() == key_of(simulator)
    pages = (reverse(LIST), reverse("admin:quota_organization_change", args=[one.pk]))
    assert not any(key_of(simulator) in admin_client.get(page).content.decode() for page in pages)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"new_key": ""}, "asked with its Admin key"),
        ({"new_key": "sk-ant-api03-plain-key-of-an-account"}, "begins with sk-ant-admin"),
        ({"base_url": "https://evil.example"}, "not an allowed upstream"),
    ],
)
def test_what_makes_no_sense_is_refused_and_stores_nothing(
    admin_client: Client, simulator: RunningSimulator, changes: dict[str, str], words: str
) -> None:
    assert words in added(admin_client, simulator, **changes).content.decode()
    assert not Organization.objects.exists()


def test_asking_now_says_what_was_learned(admin_client: Client, simulator: RunningSimulator) -> None:
    added(admin_client, simulator)
    one = Organization.objects.get()
    chosen = {"action": "ask_now", "_selected_action": [str(one.pk)]}
    page = admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    assert "1 keys, 0 of them accounts here" in page
    assert "in step" in page


def test_asking_with_a_dead_key_says_what_to_do(admin_client: Client, simulator: RunningSimulator) -> None:
    added(admin_client, simulator)
    simulator.world.by_admin_key.clear()
    chosen = {"action": "ask_now", "_selected_action": [str(Organization.objects.get().pk)]}
    page = admin_client.post(reverse(LIST), chosen, follow=True).content.decode()
    assert "Make a new Admin key" in page
    assert not ReportedUsage.objects.exists()
