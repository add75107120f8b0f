"""What `make qa` needs, and what it refuses."""

import pytest

from notifications.slack_blocks import Channel
from notifications.slack_routes import destination
from qa.config import NEEDED, Unusable, config_of

GOOD = {
    "BASE_URL": "https://pool.example.com/",
    "SMOKE_TEST_ACCESS_KEY": "nb_live_secret\n",
    "QA_USERNAME": "qa",
    "QA_PASSWORD": "a password of qa",
}


def test_an_address_and_credentials_suffice():
    config = config_of(GOOD)
    assert (config.base_url, config.key) == ("https://pool.example.com", "nb_live_secret")
    assert destination(config.slack, channel=Channel.ACTIVITY) is None


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_named(name):
    with pytest.raises(Unusable, match=name):
        config_of({**GOOD, name: " "})


@pytest.mark.parametrize("url", ["http://pool.example.com", "pool.example.com", "ftp://pool.example.com"])
def test_secrets_are_sent_to_no_address_in_the_open(url):
    with pytest.raises(Unusable, match="BASE_URL"):
        config_of({**GOOD, "BASE_URL": url})


def test_this_machine_may_be_asked_over_plain_http():
    assert config_of({**GOOD, "BASE_URL": "http://127.0.0.1:8000"}).base_url == "http://127.0.0.1:8000"


def test_the_result_goes_where_requests_are_told():
    place = destination(
        config_of({**GOOD, "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_ACTIVITY_CHANNEL": "#it-test"}).slack,
        channel=Channel.ACTIVITY,
    )
    assert place is not None
    assert place.name == "bot to #it-test"


def test_no_secret_is_shown():
    shown = repr(config_of({**GOOD, "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/hush"}))
    assert not any(secret in shown for secret in ("nb_live_secret", "a password of qa", "hush"))
