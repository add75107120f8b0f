import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from accounts.errors import AccessRefused, ScopesRefused
from accounts.principals import Kind, Principal, presented_key
from accounts.scopes import Scope, checked_scopes


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nb_live_x"},
        {"authorization": "bearer   nb_live_x "},
        {"x-api-key": "nb_live_x"},
        {"X-Api-Key": "nb_live_x"},
        {"Authorization": "Bearer nb_live_x", "X-Api-Key": "nb_live_x"},
        {"Authorization": "Basic dXNlcg==", "X-Api-Key": "nb_live_x"},
    ],
)
def test_a_key_is_found_in_either_header(headers):
    assert presented_key(CaseInsensitiveMapping(headers)) == "nb_live_x"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic dXNlcg=="}, {"Cookie": "x-api-key=nb_live_x"}])
def test_without_a_key_there_is_none(headers):
    assert presented_key(CaseInsensitiveMapping(headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer nb_live_x", "X-Api-Key": "nb_live_y"},
        {"Authorization": "Bearer ", "X-Api-Key": "nb_live_y"},
        {"Authorization": "Bearer nb_live_x", "X-Api-Key": ""},
        {"Authorization": "Bearer"},
        {"X-Api-Key": ""},
        {"Authorization": "Bearer é", "X-Api-Key": "\ud800"},
    ],
)
def test_two_different_keys_or_an_empty_one_are_refused(headers):
    with pytest.raises(AccessRefused):
        presented_key(CaseInsensitiveMapping(headers))


def test_nothing_follows_from_another_scope():
    writer = Principal(kind=Kind.ACCESS_KEY, id="1", name="w", scopes=frozenset({Scope.ADMIN_WRITE}))
    assert writer.may("admin-write")
    assert not writer.may("admin-read")
    assert not writer.may("messages")


def test_a_principal_is_never_staff():
    assert not Principal(kind=Kind.STAFF, id="1", name="w", scopes=frozenset()).is_staff


def test_scopes_are_sorted_and_counted_once():
    assert checked_scopes(["messages", "admin-read", "messages"]) == ["admin-read", "messages"]


@pytest.mark.parametrize("scopes", [[], ["everything"], ["messages", ""], ["Messages"]])
def test_unknown_scopes_and_none_at_all_are_refused(scopes):
    with pytest.raises(ScopesRefused):
        checked_scopes(scopes)


def restricted(*, models=(), networks=()):
    return Principal(kind=Kind.ACCESS_KEY, id="1", name="k", scopes=frozenset(), models=models, networks=networks)


def test_without_restrictions_every_model_and_every_place_will_do():
    assert restricted().may_use("anything")
    assert restricted().may_come_from("")


@pytest.mark.parametrize(
    ("model", "may"), [("claude-haiku-5-5", True), ("claude-opus-5", True), ("claude-opus-5-5", False)]
)
def test_a_model_is_named_or_begins_as_named(model, may):
    assert restricted(models=("claude-haiku-*", "claude-opus-5")).may_use(model) is may


@pytest.mark.parametrize(
    ("address", "may"),
    [("10.9.9.9", True), ("::ffff:10.9.9.9", True), ("11.0.0.1", False), ("2001:db8::1", True), ("x", False)],
)
def test_a_caller_comes_from_within_or_not_at_all(address, may):
    assert restricted(networks=("10.0.0.0/8", "2001:db8::1")).may_come_from(address) is may
