"""The set-up page: this server's own address, for staff only."""

import pytest
from django.urls import reverse

from gateway.snippets import KEY, snippets

pytestmark = pytest.mark.django_db


def test_the_page_is_filled_in_with_the_address_it_was_reached_at(admin_client):
    page = admin_client.get(reverse("setup"), headers={"host": "127.0.0.1:8123"})
    assert page.status_code == 200
    assert page.content.count(b"http://127.0.0.1:8123") == len(snippets("x"))


def test_a_stranger_is_sent_to_the_log_in(client):
    answer = client.get(reverse("setup"))
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, reverse("admin:login"))


@pytest.mark.parametrize("snippet", snippets("https://pool.example.com"), ids=lambda one: one.title)
def test_each_snippet_names_the_address_and_the_place_of_the_key(snippet):
    assert "https://pool.example.com" in snippet.text
    assert KEY in snippet.text
    assert "<" not in snippet.text
    assert "ANTHROPIC_BASE_URL" in snippet.text or "Claude Code" not in snippet.title
