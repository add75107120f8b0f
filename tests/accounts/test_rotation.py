import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import rotation, wiring
from accounts.errors import UndecryptableKey
from accounts.models import ClaudeAccount, Pool
from accounts.rotation import Result, rotate
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, GAMMA_KEY, NEW, OLD

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(use_keys, make_account):
    """Three accounts encrypted under the old key, which is now the fallback."""
    use_keys(OLD)
    made = [make_account(name, key) for name, key in (("alpha", ALPHA_KEY), ("beta", BETA_KEY), ("gamma", GAMMA_KEY))]
    use_keys(NEW, OLD)
    return made


def keys() -> list[str]:
    return [account.reveal_key().reveal() for account in ClaudeAccount.objects.order_by("name")]


def ciphertexts() -> list[bytes]:
    return [account.api_key.stored for account in ClaudeAccount.objects.order_by("name")]


def test_after_a_rotation_the_old_key_is_not_needed_any_more(three, use_keys):
    report = rotate()
    assert (report.counts[Result.ROTATED], report.complete) == (3, True)
    use_keys(NEW)
    assert keys() == [ALPHA_KEY, BETA_KEY, GAMMA_KEY]


def test_fingerprints_follow_so_that_the_same_key_is_still_recognised(three):
    rotate()
    ring = wiring.keyring()
    stored = ClaudeAccount.objects.order_by("name")
    assert [row.key_fingerprint for row in stored] == [ring.fingerprint(row.reveal_key()) for row in stored]


def test_a_second_rotation_changes_nothing(three):
    rotate()
    before = ciphertexts()
    report = rotate()
    assert (report.counts[Result.CURRENT], report.counts[Result.ROTATED]) == (3, 0)
    assert ciphertexts() == before


def test_a_dry_run_counts_and_changes_nothing(three):
    before = ciphertexts()
    assert rotate(dry_run=True).counts[Result.ROTATED] == 3
    assert ciphertexts() == before


@pytest.mark.parametrize("batch_size", [1, 2, 3, 200])
def test_batches_of_any_size_reach_every_row(three, batch_size):
    told = []
    rotate(batch_size=batch_size, progress=lambda report: told.append(report.total))
    assert told[-1] == 3
    assert rotate().counts[Result.CURRENT] == 3


def test_what_cannot_be_decrypted_is_named_and_left_as_it_is(three, use_keys, make_account):
    use_keys("12" * 32)
    lost = make_account("lost", "sk-ant-api03-0123456789abcdefgh")
    use_keys(NEW, OLD)
    report = rotate()
    assert (report.counts[Result.ROTATED], report.complete) == (3, False)
    assert report.named[Result.UNDECRYPTABLE] == ["Claude account lost"]
    use_keys("12" * 32)
    assert ClaudeAccount.objects.get(pk=lost.pk).has_readable_key


def test_an_edit_made_meanwhile_wins(three, monkeypatch):
    replaced = rotation._replaced
    once: list[Any] = []

    def edited_in_between(row, column, sealed):
        if not once:
            once.append(row.pk)
            ClaudeAccount.objects.get(pk=row.pk).save()
            other = ClaudeAccount.objects.get(pk=row.pk)
            other.api_key = "sk-ant-api03-edited-meanwhile-0123456789"
            other.save()
        return replaced(row, column, sealed)

    monkeypatch.setattr(rotation, "_replaced", edited_in_between)
    report = rotate()
    assert report.complete
    assert ClaudeAccount.objects.get(pk=once[0]).reveal_key().reveal() == "sk-ant-api03-edited-meanwhile-0123456789"


def test_a_row_that_never_holds_still_is_reported_busy(three, monkeypatch):
    monkeypatch.setattr(rotation, "_replaced", lambda *_: False)
    report = rotate()
    assert (report.counts[Result.BUSY], report.complete) == (3, False)


def test_a_key_that_slipped_in_twice_is_reported(three, pool):
    # Made by a process that did not know the old key, so it could not see the twin.
    twin = ClaudeAccount(pool=pool, name="twin", api_key=ALPHA_KEY)
    twin.save()
    report = rotate()
    assert report.named[Result.DUPLICATE] == ["Claude account alpha"]
    assert len(set(keys())) == 3


def test_a_rotation_is_no_edit_of_a_pool(three, pool):
    before = Pool.objects.get().version
    rotate()
    assert Pool.objects.get().version == before


def test_readers_with_both_keys_never_miss_while_rows_change_one_by_one(three):
    seen = []
    rotate(batch_size=1, progress=lambda _: seen.append(keys()))
    assert seen == [[ALPHA_KEY, BETA_KEY, GAMMA_KEY]] * 3


def test_rows_that_cannot_be_read_are_listed_by_name(three, use_keys):
    assert rotation.undecryptable_rows() == []
    use_keys(NEW)
    assert len(rotation.undecryptable_rows()) == 3


# the command


def run(capsys, *arguments):
    call_command("rotate_encryption_key", *arguments)
    return capsys.readouterr()


def test_the_command_says_what_it_did(three, capsys):
    captured = run(capsys)
    assert "3 re-encrypted, 0 current already." in captured.out
    assert "3 of 3" in captured.err


def test_the_command_speaks_json_and_nothing_else(three, capsys):
    captured = run(capsys, "--json", "--dry-run")
    facts = json.loads(captured.out)
    assert (facts["rotated"], facts["total"], facts["dry_run"], facts["complete"]) == (3, 3, True, True)
    assert captured.err == ""


def test_the_command_exits_1_and_names_the_rows_that_are_lost(three, use_keys, capsys):
    use_keys(NEW)
    with pytest.raises(CommandError) as failure:
        call_command("rotate_encryption_key", "--json")
    assert failure.value.returncode == 1
    assert "Claude account alpha" in json.loads(capsys.readouterr().out)["rows"]["undecryptable"]


def test_the_command_exits_2_when_the_encryption_key_is_unusable(three, settings):
    settings.ENCRYPTION_KEY = "short"
    with pytest.raises(CommandError, match="64 hexadecimal") as failure:
        call_command("rotate_encryption_key")
    assert failure.value.returncode == 2


@pytest.mark.parametrize("size", ["0", "-1", "many"])
def test_the_command_refuses_a_silly_batch_size(size):
    with pytest.raises(CommandError):
        call_command("rotate_encryption_key", "--batch-size", size)


def test_without_any_account_there_is_nothing_to_do(db, capsys):
    assert "0 re-encrypted" in run(capsys).out


def test_the_table_holds_no_plain_key_before_or_after(three):
    rotate()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_claudeaccount")
        assert "CANARY" not in repr([[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cursor])


def test_an_old_key_that_is_dropped_too_early_is_said_so(three, use_keys):
    use_keys(NEW)
    with pytest.raises(UndecryptableKey, match="ENCRYPTION_KEY_FALLBACKS"):
        ClaudeAccount.objects.order_by("name")[0].reveal_key()
