"""A key that is looked for wherever the management API could let it out."""

import logging

import pytest
from drf_spectacular.generators import EndpointEnumerator

from accounts.models import ClaudeAccount, Pool
from accounts.services import disable_account
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, NEW
from tests.rest.engine import load, tripped

NOWHERE = "http://127.0.0.1:9"
ACCOUNTS = "/api/admin/accounts/"


def leaks(text):
    pieces = [key[start : start + 20] for key in (ALPHA_KEY, BETA_KEY) for start in range(len("sk-ant-api03-"), 40)]
    return [piece for piece in pieces if piece in text]


def everything(caller, account):
    """Each operation of the API on this account, its pool, and what there is none of."""
    for path, _, method, _ in EndpointEnumerator().get_api_endpoints():
        row = account.pool_id if "/pools/" in path else account.pk
        yield caller.call(
            method, path.replace("{id}", str(row)).replace("{pk}", str(row)), {} if method != "GET" else None
        )


@pytest.mark.parametrize("readable", [True, False])
def test_no_operation_shows_or_logs_a_key(admin, alpha, beta, settings, caplog, readable):  # noqa: PLR0917 - the cast
    settings.ALLOWED_BASE_URLS = (NOWHERE,)
    Pool.objects.update(simulated=True)
    ClaudeAccount.objects.update(base_url=NOWHERE)
    load(alpha.pool)
    tripped(alpha)
    disable_account(beta)
    if not readable:
        settings.ENCRYPTION_KEY = NEW
    with caplog.at_level(logging.DEBUG):
        answers = list(everything(admin, alpha))
    assert len(answers) > 25
    for answer in answers:
        assert answer.status_code < 500, answer.content
        assert not leaks(answer.content.decode() + str(answer.headers))
    assert not leaks(caplog.text)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "api_key": f"{BETA_KEY}\n"},
        {"name": "x", "api_key": [BETA_KEY]},
        {"name": BETA_KEY * 3},
        {"base_url": BETA_KEY},
        {BETA_KEY: 1},
        {"limits": {BETA_KEY: 1}},
        {"version": BETA_KEY},
        [BETA_KEY],
        BETA_KEY,
    ],
    ids=str,
)
def test_a_key_in_the_wrong_place_is_not_said_again(admin, alpha, caplog, body):
    with caplog.at_level(logging.DEBUG):
        answer = admin.patch(f"{ACCOUNTS}{alpha.pk}/", body, If_Match="*")
    assert 400 <= answer.status_code < 500
    assert not leaks(answer.content.decode())
    assert not leaks(caplog.text)


def test_an_undecryptable_account_says_so_and_stays_manageable(admin, alpha, settings):
    settings.ENCRYPTION_KEY = NEW
    assert admin.get(f"{ACCOUNTS}{alpha.pk}/health/").json()["standing"] == "undecryptable"
    assert admin.get(f"{ACCOUNTS}{alpha.pk}/").json()["key"]["readable"] is False
    assert admin.post(f"{ACCOUNTS}{alpha.pk}/test/").json()["outcome"] == "key_unreadable"
    mended = admin.patch(f"{ACCOUNTS}{alpha.pk}/", {"api_key": BETA_KEY}, If_Match="*")
    assert mended.json()["key"]["readable"] is True
