import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from accounts import wiring
from accounts.checks import check_base_urls, check_encryption_key_strength, check_encryption_keys
from tests.accounts.cast import NEW


def ids(messages):
    return [message.id for message in messages]


def test_good_settings_pass(use_keys):
    use_keys(NEW, "0f" * 32)
    assert check_encryption_keys() == check_base_urls() == check_encryption_key_strength() == []


@pytest.mark.parametrize("key", ["", None, "00", "g" * 64, NEW[:-1], NEW + "0", f" {NEW}"])
def test_a_wrong_encryption_key_is_an_error_that_tells_how_to_make_one(settings, key):
    settings.ENCRYPTION_KEY = key
    (error,) = check_encryption_keys()
    assert error.id == "accounts.E001"
    assert "token_hex" in str(error.hint)


def test_a_wrong_fallback_is_an_error_that_says_which(use_keys):
    use_keys(NEW, "0f" * 32, "short")
    (error,) = check_encryption_keys()
    assert (error.id, "Key 2" in error.msg) == ("accounts.E002", True)


def test_no_check_repeats_a_key(use_keys):
    use_keys("CANARY" * 5, "CANARY" * 4)
    assert "CANARY" not in str(check_encryption_keys())


@pytest.mark.parametrize("url", ["http://proxy.example", "https://a@b", "https://api.anthropic.com/v1", "nonsense"])
def test_an_upstream_that_keys_must_not_be_sent_to_is_an_error(settings, url):
    settings.ALLOWED_BASE_URLS = ("https://api.anthropic.com", url)
    assert ids(check_base_urls()) == ["accounts.E003"]


def test_a_key_typed_by_hand_is_a_warning_before_deployment(use_keys):
    use_keys("01" * 32)
    assert ids(check_encryption_key_strength()) == ["accounts.W001"]


def test_the_checks_run_with_djangos_own(settings):
    settings.ENCRYPTION_KEY = "short"
    assert "accounts.E001" in ids(run_checks(tags=["security"]))


def test_a_wrong_key_in_use_is_a_configuration_error_without_the_key(settings):
    settings.ENCRYPTION_KEY = "CANARY"
    with pytest.raises(ImproperlyConfigured, match="64 hexadecimal") as error:
        wiring.keyring()
    assert "CANARY" not in str(error.value)
