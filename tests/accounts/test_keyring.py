import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.credentials import Secret
from accounts.errors import UndecryptableKey
from accounts.keyring import Keyring, key_fault

OLD, NEW = "0f" * 32, "a1b2c3d4" * 8
HERE, THERE = "accounts.claudeaccount.api_key:1", "accounts.claudeaccount.api_key:2"


@given(st.text(), st.text())
def test_what_is_sealed_for_a_place_opens_there(text, place):
    binding = place.replace("\n", "")
    ring = Keyring([NEW])
    assert ring.open(ring.seal(Secret(text), binding=binding), binding=binding).reveal() == text


def test_what_is_sealed_for_one_place_does_not_open_in_another():
    ring = Keyring([NEW])
    with pytest.raises(UndecryptableKey, match="another row"):
        ring.open(ring.seal(Secret("secret"), binding=HERE), binding=THERE)


def test_any_changed_byte_is_refused():
    ring = Keyring([NEW])
    token = ring.seal(Secret("secret"), binding=HERE)
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1
        with pytest.raises(UndecryptableKey):
            ring.open(bytes(changed), binding=HERE)


@pytest.mark.parametrize("token", [b"", b"garbage", b"\xff\xfe", b"gAAAAA"])
def test_what_is_no_ciphertext_is_refused(token):
    with pytest.raises(UndecryptableKey):
        Keyring([NEW]).open(token, binding=HERE)


def test_a_token_that_another_program_made_with_the_same_key_is_refused():
    ring = Keyring([NEW])
    with pytest.raises(UndecryptableKey, match="not written by this field"):
        ring.open(ring.fernet.encrypt(b"sk-ant-api03-bare"), binding=HERE)


def test_a_fallback_key_opens_and_the_first_key_seals():
    old, both = Keyring([OLD]), Keyring([NEW, OLD])
    token = old.seal(Secret("secret"), binding=HERE)
    assert both.open(token, binding=HERE).reveal() == "secret"
    assert not both.is_current(token)
    assert both.is_current(both.seal(Secret("secret"), binding=HERE))


def test_capital_digits_are_the_same_key():
    token = Keyring([NEW.upper()]).seal(Secret("secret"), binding=HERE)
    assert Keyring([NEW]).open(token, binding=HERE).reveal() == "secret"


def test_fingerprints_follow_the_key_and_are_known_under_all_keys():
    secret = Secret("secret")
    assert Keyring([OLD]).fingerprint(secret) != Keyring([NEW]).fingerprint(secret)
    assert Keyring([NEW, OLD]).fingerprints(secret) == {
        Keyring([OLD]).fingerprint(secret),
        Keyring([NEW]).fingerprint(secret),
    }


def test_a_keyring_shows_no_key():
    assert NEW not in repr(Keyring([NEW]))


@pytest.mark.parametrize("text", [None, "", "00", "g" * 64, "0" * 63, "0" * 65, " " + "0" * 63, 5, "0" * 64 + "\n"])
def test_what_is_no_key_is_named_without_repeating_it(text):
    fault = key_fault(text)
    assert fault
    assert str(text) not in fault or text in {"", None, 5}


def test_sixty_four_hex_digits_are_a_key():
    assert key_fault(NEW) == ""
