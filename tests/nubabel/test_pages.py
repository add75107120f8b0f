"""What the browser gets."""

import pytest
from django.test import AsyncClient, Client


async def test_static_files_come_without_a_collecting_step(async_client: AsyncClient) -> None:
    answer = await async_client.get("/static/nubabel/favicon.svg")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer.content.startswith(b"<svg")
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.django_db  # Django looks at open connections when an answer is closed
def test_an_unchanged_static_file_is_not_sent_again(client: Client) -> None:
    first = client.get("/static/nubabel/favicon.svg")
    again = client.get("/static/nubabel/favicon.svg", headers={"If-Modified-Since": first["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.django_db
def test_the_front_page_leads_to_the_log_in(client: Client) -> None:
    answer = client.get("/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/admin/login/")
    assert answer.status_code == 200


@pytest.mark.django_db
def test_the_admin_site_says_that_the_pool_is_simulated(admin_client: Client) -> None:
    assert "DEMO: simulated accounts" in admin_client.get("/admin/").content.decode()


@pytest.mark.django_db
def test_scripts_come_from_this_site_only(client: Client) -> None:
    policy = client.get("/admin/login/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_the_exception_for_the_admin_skin_is_for_it_alone(client: Client) -> None:
    assert "unsafe-eval" not in client.get("/health/live")["Content-Security-Policy"]


def test_the_page_cannot_be_framed(client: Client) -> None:
    assert client.get("/health/live")["X-Frame-Options"] == "DENY"


def test_a_program_that_asks_for_nothing_known_gets_json(client: Client) -> None:
    answer = client.get("/api/nothing", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_browser_that_asks_for_nothing_known_gets_a_page(client: Client) -> None:
    answer = client.get("/nothing", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert "To the admin site" in answer.content.decode()


def test_an_unknown_host_is_refused_without_a_stack_trace(client: Client) -> None:
    answer = client.get("/admin/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "host_not_allowed")
