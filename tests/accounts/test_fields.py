"""The encrypted field on a real table; run it with DATABASE_URL set and it runs on PostgreSQL."""

import base64
import copy
import pickle

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection
from django.db.models import Case, F, QuerySet, Value, When

from accounts.credentials import Secret
from accounts.errors import UndecryptableKey
from accounts.fields import Sealed
from accounts.models import ClaudeAccount
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, DELTA_KEY, GAMMA_KEY, NEW, OLD

pytestmark = pytest.mark.django_db


def loaded(account: ClaudeAccount) -> ClaudeAccount:
    return ClaudeAccount.objects.get(pk=account.pk)


def stored_bytes(account: ClaudeAccount) -> bytes:
    with connection.cursor() as cursor:
        pk = ClaudeAccount._meta.pk.get_db_prep_value(account.pk, connection)
        cursor.execute("SELECT api_key FROM accounts_claudeaccount WHERE id = %s", [pk])
        return bytes(cursor.fetchone()[0])


def store_bytes(account: ClaudeAccount, token: bytes) -> None:
    with connection.cursor() as cursor:
        pk = ClaudeAccount._meta.pk.get_db_prep_value(account.pk, connection)
        cursor.execute("UPDATE accounts_claudeaccount SET api_key = %s WHERE id = %s", [token, pk])


def test_a_saved_key_comes_back(alpha):
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


def test_the_table_holds_nothing_of_the_key(alpha):
    stored = stored_bytes(alpha)
    assert b"CANARY" not in stored
    assert b"CANARY" not in base64.urlsafe_b64decode(stored)


def test_a_key_set_by_assignment_keeps_its_description_in_step(alpha):
    alpha.api_key = BETA_KEY
    alpha.save(update_fields=["api_key"])
    fresh = loaded(alpha)
    assert (fresh.key_hint, fresh.key_fingerprint) == (BETA_KEY[-4:], alpha.key_fingerprint)
    assert fresh.reveal_key() == Secret(BETA_KEY)


def test_saving_a_loaded_row_writes_the_same_ciphertext(alpha):
    before = stored_bytes(alpha)
    loaded(alpha).save()
    assert stored_bytes(alpha) == before


def test_a_row_without_a_key_cannot_be_saved(pool):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        ClaudeAccount.objects.create(pool=pool, name="empty")


# moved, damaged, wrong key


def test_ciphertexts_swapped_between_rows_are_refused_by_both(alpha, beta):
    mine, theirs = stored_bytes(alpha), stored_bytes(beta)
    store_bytes(alpha, theirs)
    store_bytes(beta, mine)
    for account in (alpha, beta):
        with pytest.raises(UndecryptableKey, match="another row"):
            loaded(account).reveal_key()


def test_a_row_copied_under_a_new_id_does_not_carry_the_key_along(alpha):
    twin = loaded(alpha)
    twin.pk, twin.name, twin.key_fingerprint = "00000000-0000-4000-8000-000000000000", "twin", "0" * 12
    twin._state.adding = True
    twin.save()
    with pytest.raises(UndecryptableKey, match="another row"):
        loaded(twin).reveal_key()


@pytest.mark.parametrize("position", [0, 1, 9, 30, 60, -1])
def test_a_flipped_byte_is_refused_on_reading(alpha, position):
    token = bytearray(stored_bytes(alpha))
    token[position] ^= 1
    store_bytes(alpha, bytes(token))
    with pytest.raises(UndecryptableKey):
        loaded(alpha).reveal_key()


def test_with_a_wrong_key_rows_load_and_say_that_they_are_undecryptable(alpha, beta, use_keys):
    use_keys(OLD)
    rows = list(ClaudeAccount.objects.all())
    assert [row.has_readable_key for row in rows] == [False, False]
    assert [row.is_serviceable for row in rows] == [False, False]


def test_with_a_wrong_key_revealing_names_the_account_and_what_to_do(alpha, use_keys):
    use_keys(OLD)
    with pytest.raises(UndecryptableKey, match=r"'alpha'.*ENCRYPTION_KEY_FALLBACKS"):
        loaded(alpha).reveal_key()


def test_with_a_wrong_key_other_columns_can_be_changed_and_the_key_survives(alpha, use_keys, settings):
    right = settings.ENCRYPTION_KEY
    use_keys(OLD)
    row = loaded(alpha)
    row.priority = 7
    row.save()
    use_keys(right)
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


def test_the_key_never_falls_back_to_secret_key(pool, settings):
    from django.core.exceptions import ImproperlyConfigured

    settings.ENCRYPTION_KEY = ""
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEY is not set"):
        ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=ALPHA_KEY)


def test_a_fallback_key_still_reads(alpha, use_keys, settings):
    use_keys(NEW, settings.ENCRYPTION_KEY)
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


# updates that the original field corrupts


def test_bulk_update_writes_the_keys_and_not_the_text_of_its_own_sql(alpha, beta):
    alpha.api_key, beta.api_key = GAMMA_KEY, DELTA_KEY
    ClaudeAccount.objects.bulk_update([alpha, beta], ["api_key"])
    assert loaded(alpha).reveal_key() == Secret(GAMMA_KEY)
    assert loaded(beta).reveal_key() == Secret(DELTA_KEY)
    assert loaded(beta).key_hint == DELTA_KEY[-4:]


def test_bulk_update_of_other_columns_leaves_the_keys_alone(alpha, beta):
    alpha.priority = beta.priority = 1
    ClaudeAccount.objects.bulk_update([alpha, beta], ["priority"])
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


def test_bulk_create_binds_each_key_to_its_own_row(pool):
    made = [ClaudeAccount(pool=pool, name=name, api_key=key) for name, key in (("a", ALPHA_KEY), ("b", BETA_KEY))]
    ClaudeAccount.objects.bulk_create(made)
    assert [loaded(row).reveal_key().reveal() for row in made] == [ALPHA_KEY, BETA_KEY]


def test_an_update_from_the_column_itself_changes_nothing(alpha):
    ClaudeAccount.objects.update(api_key=F("api_key"))
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


def test_an_update_from_another_column_is_refused(alpha):
    with pytest.raises(FieldError, match="unencrypted"):
        ClaudeAccount.objects.update(api_key=F("name"))
    assert loaded(alpha).reveal_key() == Secret(ALPHA_KEY)


@pytest.mark.parametrize("value", [ALPHA_KEY, Secret(ALPHA_KEY)])
def test_an_update_with_a_bare_text_is_refused_because_it_belongs_to_no_row(alpha, value):
    with pytest.raises(FieldError, match="through its row") as refusal:
        ClaudeAccount.objects.update(api_key=value)
    assert "CANARY" not in str(refusal.value)


def test_a_value_inside_an_expression_is_refused_too(alpha):
    with pytest.raises(FieldError, match="through its row"):
        ClaudeAccount.objects.update(
            api_key=Case(
                When(name="alpha", then=Value(GAMMA_KEY, output_field=ClaudeAccount._meta.get_field("api_key")))
            )
        )


def test_a_key_of_another_row_cannot_be_assigned_without_revealing_it(alpha, beta):
    with pytest.raises(FieldError, match="another row"):
        beta.api_key = alpha.api_key
    beta.api_key = alpha.api_key.reveal()
    assert beta.key_fingerprint == alpha.key_fingerprint


# reading in other ways


@pytest.mark.parametrize("lookup", ["api_key", "api_key__contains", "api_key__startswith", "api_key__in"])
def test_searching_by_key_is_refused(alpha, lookup):
    with pytest.raises(FieldError):
        list(ClaudeAccount.objects.filter(**{lookup: [ALPHA_KEY] if lookup.endswith("in") else ALPHA_KEY}))


def test_values_give_something_that_reveals_nothing(alpha):
    sealed = ClaudeAccount.objects.values_list("api_key", flat=True).get()
    assert isinstance(sealed, Sealed)
    with pytest.raises(FieldError):
        sealed.reveal()


def test_a_deferred_key_is_loaded_when_asked_for(alpha):
    row = ClaudeAccount.objects.defer("api_key").get(pk=alpha.pk)
    assert row.reveal_key() == Secret(ALPHA_KEY)


def test_refreshing_brings_the_stored_key_back(alpha):
    alpha.api_key = BETA_KEY
    alpha.refresh_from_db()
    assert alpha.reveal_key() == Secret(ALPHA_KEY)


def test_ciphertexts_can_be_compared_for_compare_and_set(alpha, beta):
    token = stored_bytes(alpha)
    assert list(QuerySet(ClaudeAccount).filter(api_key__token_is=token)) == [alpha]


def test_a_loaded_row_can_be_copied_and_pickled_without_its_plain_key(alpha):
    row = loaded(alpha)
    assert copy.deepcopy(row).reveal_key() == Secret(ALPHA_KEY)
    pickled = pickle.dumps(row)
    assert b"CANARY" not in pickled
    assert pickle.loads(pickled).reveal_key() == Secret(ALPHA_KEY)


def test_an_unsaved_key_is_not_pickled(alpha):
    alpha.api_key = BETA_KEY
    with pytest.raises(TypeError):
        pickle.dumps(alpha)


# fixtures


def test_dumpdata_holds_the_ciphertext_and_not_the_key(alpha, capsys):
    call_command("dumpdata", "accounts")
    dumped = capsys.readouterr().out
    assert "CANARY" not in dumped
    assert stored_bytes(alpha).decode() in dumped


def test_what_dumpdata_wrote_can_be_loaded_again(alpha):
    dumped = serializers.serialize("json", [alpha])
    alpha.delete()
    for item in serializers.deserialize("json", dumped):
        item.save()
    assert ClaudeAccount.objects.get().reveal_key() == Secret(ALPHA_KEY)


def test_the_upstream_field_is_what_we_stand_on():
    import fernet_fields

    assert isinstance(ClaudeAccount._meta.get_field("api_key"), fernet_fields.EncryptedTextField)
