import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from accounts.keys import hash_key, looks_valid
from accounts.management.commands.create_access_key import expiry
from accounts.models import AccessKey, Pool

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def created(capsys, *arguments):
    call_command("create_access_key", "--name", "agents", "--scope", "messages", *arguments)
    return capsys.readouterr().out


def test_a_key_is_printed_once_in_words(capsys):
    plain = created(capsys).split()[0]
    assert looks_valid(plain)
    assert AccessKey.objects.get().sha256 == hash_key(plain)


def test_a_key_is_printed_as_json(capsys, pool):
    facts = json.loads(created(capsys, "--scope", "admin-read", "--pool", "main", "--expires", "90d", "--json"))
    assert looks_valid(facts["key"])
    assert (facts["scopes"], facts["pool"]) == (["admin-read", "messages"], "main")
    assert datetime.fromisoformat(facts["expires_at"]) == AccessKey.objects.get().expires_at


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scope", "everything"], "Unknown scope 'everything'"),
        (["--pool", "nowhere"], "no pool 'nowhere'"),
        (["--expires", "2020-01-01"], "in the past"),
        (["--expires", "soon"], "neither a date"),
    ],
)
def test_a_command_that_makes_no_sense_says_why_and_makes_nothing(capsys, arguments, words):
    with pytest.raises(CommandError, match=words):
        created(capsys, *arguments)
    assert not AccessKey.objects.exists()


def test_without_a_pool_and_with_several_the_command_names_them(capsys):
    Pool.objects.create(name="blue")
    Pool.objects.create(name="green")
    with pytest.raises(CommandError, match="several: blue, green"):
        created(capsys)
    assert not AccessKey.objects.exists()


@pytest.mark.parametrize("names", [["demo"], ["blue", "default"], []])
def test_without_a_pool_a_key_is_made_where_its_pool_is_plain(capsys, names):
    for name in names:
        Pool.objects.create(name=name)
    assert looks_valid(created(capsys).split()[0])


@pytest.mark.parametrize(
    ("text", "when"),
    [
        (None, None),
        ("1d", NOW + timedelta(days=1)),
        ("2027-01-31", datetime(2027, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2027-01-31T12:00", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00+01:00", datetime(2027, 1, 31, 11, tzinfo=UTC)),
    ],
)
def test_an_expiry_is_read(text, when):
    assert expiry(text, now=NOW) == when


@pytest.mark.parametrize("text", ["", "0d", "2027-13-01", "2027-02-30T12:00", "-5d", "9999999999d", "²d"])
def test_an_unreadable_or_past_expiry_is_refused(text):
    with pytest.raises(ValueError, match="--expires"):
        expiry(text, now=NOW)


@pytest.mark.parametrize("way", ["id", "name", "hint"])
def test_a_key_is_revoked_by_id_name_or_beginning(capsys, way):
    created(capsys)
    key = AccessKey.objects.get()
    call_command("revoke_access_key", str(getattr(key, way)), "--json")
    assert json.loads(capsys.readouterr().out)["changed"] is True
    assert AccessKey.objects.get().revoked_at is not None


def test_revoking_again_says_so(capsys):
    created(capsys)
    call_command("revoke_access_key", "agents")
    call_command("revoke_access_key", "agents")
    assert "was revoked before" in capsys.readouterr().out


def test_revoking_what_is_not_there_or_not_clear_is_an_error(capsys):
    with pytest.raises(CommandError, match="no such"):
        call_command("revoke_access_key", "agents")
    created(capsys)
    created(capsys)
    with pytest.raises(CommandError, match="Several"):
        call_command("revoke_access_key", "agents")


def test_a_key_is_made_for_some_models_and_networks_only(capsys):
    facts = json.loads(created(capsys, "--model", "claude-haiku-*", "--ip", "10.0.0.0/8", "--json"))
    assert (facts["models"], facts["networks"]) == (["claude-haiku-*"], ["10.0.0.0/8"])


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--ip", "10.0.0.1/8", "has host bits set"),
        ("--ip", "nowhere", "is no network"),
        ("--ip", "::ffff:10.0.0.0/104", "as an IPv4 network"),
        ("--model", "claude-*-5", "neither a model's name"),
        ("--model", " claude-opus-5", "neither a model's name"),
    ],
)
def test_a_restriction_that_would_not_do_what_it_seems_to_is_refused(capsys, option, value, words):
    with pytest.raises(CommandError, match=words):
        created(capsys, option, value)


def test_a_key_is_made_with_limits_and_says_so(capsys):
    words = created(capsys, "--requests-per-minute", "60", "--cost-per-month", "12.50", "--concurrency", "4")
    assert "limited to 60 requests per minute, 12.50 US dollars per month, 4 requests at once" in words
    key = AccessKey.objects.get()
    assert (key.limit_requests_minute, key.limit_cost_month, key.max_concurrency) == (60, Decimal("12.5"), 4)


def test_limits_are_printed_as_json_exactly(capsys):
    facts = json.loads(created(capsys, "--tokens-per-day", "1000000", "--cost-per-day", "0.10", "--json"))
    assert facts["limits"] == {"limit_tokens_day": 1_000_000, "limit_cost_day": "0.10"}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--tokens-per-day", "0"),
        ("--concurrency", "0"),
        ("--ip", "nowhere"),
        ("--model", "claude-*-5"),
        ("--scope", "everything"),
        ("--pool", "nowhere"),
        ("--expires", "yesterday"),
        ("--name", ""),
    ],
)
def test_what_is_wrong_is_said_of_the_option_that_was_typed(capsys, option, value):
    with pytest.raises(CommandError, match=f"^{option}"):
        created(capsys, option, value)


@pytest.mark.parametrize("amount", ["0", "-1", "much", "NaN", "0.0000000001"])
def test_a_limit_that_makes_no_sense_is_refused_and_no_key_is_made(capsys, amount):
    with pytest.raises(CommandError):
        created(capsys, f"--cost-per-day={amount}")
    assert not AccessKey.objects.exists()
