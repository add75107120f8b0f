import os
from pathlib import Path
from typing import Any

import pytest

from nubabel import env
from nubabel.errors import ConfigError
from nubabel.variables import VARIABLES

GOOD = {
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "a long enough key for tests, " * 2,
    "ENCRYPTION_KEY": "0123456789abcdef" * 4,
}
PRODUCTION = {
    "DJANGO_ENV": "production",
    "DATABASE_URL": "postgresql://pool:hunter2@db.example/pool",
    "REDIS_URL": "rediss://:hunter2@redis.example:6379/0",
    "ALLOWED_HOSTS": "pool.example.com",
}


def load(**changes: str) -> env.Config:
    return env.load(GOOD | changes)


def complaints(**changes: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(**changes)
    return {problem.name: problem.wrong for problem in caught.value.problems}


def test_two_keys_are_enough_to_start() -> None:
    config = load()
    assert (config.django_env, config.port, config.redis_url) == ("development", 8000, "")


def test_every_bad_variable_is_named_at_once() -> None:
    wrong = complaints(PORT="99999", LOG_LEVEL="loud", ENCRYPTION_KEY="abc", DATABASE_URL="mysql://x/y", DEBUG="maybe")
    assert set(wrong) == {"PORT", "LOG_LEVEL", "ENCRYPTION_KEY", "DATABASE_URL", "DEBUG"}


def test_missing_and_bad_variables_are_reported_together() -> None:
    with pytest.raises(ConfigError) as caught:
        env.load({"ENV_FILE": os.devnull, "PORT": "0"})
    assert {problem.name for problem in caught.value.problems} == {"SECRET_KEY", "ENCRYPTION_KEY", "PORT"}


def test_each_complaint_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        load(PORT="x", REDIS_URL="http://x")
    assert all(problem.remedy in str(caught.value) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENCRYPTION_KEY", "zz" * 32),
        ("ENCRYPTION_KEY_FALLBACKS", "0f" * 32 + ",short"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "ab" * 40),
        ("PORT", "0"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("DRAIN_SECONDS", "0"),
        ("POOL_PROCESSES", "0"),
        ("UNREADY_SECONDS", "-1"),
        ("ANTHROPIC_BASE_URLS", ","),
        ("ANTHROPIC_PRIVATE_NETWORKS", "10.0.0.1/8"),
        ("ANTHROPIC_PRIVATE_NETWORKS", "internal"),
        ("DATABASE_URL", "oracle://x/y"),
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_URL", "postgresql://host:port/name"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "redis://host:port/0"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "https://pool.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "pool.example.com"),
        ("CSRF_TRUSTED_ORIGINS", "https://pool.example.com/path"),
        ("ANTHROPIC_API_KEY", "sk-ant-oat01-consumer"),
        ("ANTHROPIC_API_KEY", "sk-ant-sid01-consumer"),
        ("ANTHROPIC_API_KEY", "sk-ant-admin01-other"),
        ("ANTHROPIC_API_KEY", "sk-ant-api03-two words"),
        ("ANTHROPIC_ADMIN_API_KEY", "sk-ant-api03-plain"),
        ("ANTHROPIC_BASE_URLS", "http://api.example.com"),
        ("ANTHROPIC_BASE_URLS", "https://user:password@api.example.com"),
        ("SLACK_BOT_TOKEN", "token"),
        ("SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/x"),
        ("DJANGO_ENV", "staging"),
    ],
)
def test_a_bad_value_is_refused(name: str, value: str) -> None:
    assert set(complaints(**{name: value})) == {name}


def test_no_complaint_repeats_a_value() -> None:
    secret = "hunter2-correct-horse"
    names = [variable.name for variable in VARIABLES if variable.secret]
    with pytest.raises(ConfigError) as caught:
        load(**dict.fromkeys(names, secret))
    assert secret not in str(caught.value)


def test_no_secret_shows_in_repr() -> None:
    config = load(**PRODUCTION, ANTHROPIC_API_KEY="sk-ant-api03-hunter2", SLACK_BOT_TOKEN="xoxb-hunter2")
    assert "hunter2" not in repr(config)
    assert GOOD["ENCRYPTION_KEY"] not in repr(config)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(PORT="", DATABASE_URL="  ", ALLOWED_HOSTS="").port == 8000


def test_lists_are_split_at_commas() -> None:
    assert load(ALLOWED_HOSTS="a.example, b.example,").allowed_hosts == ("a.example", "b.example")


def test_production_names_everything_it_needs() -> None:
    assert set(complaints(DJANGO_ENV="production")) == {"DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"}


def test_production_is_never_a_demo() -> None:
    assert load().demo
    assert not load(**PRODUCTION).demo
    assert not load(ANTHROPIC_API_KEY="sk-ant-api03-real").demo


def test_plain_http_is_allowed_to_this_machine_only() -> None:
    assert load(ANTHROPIC_BASE_URLS="http://127.0.0.1:9100/").anthropic_base_urls == ("http://127.0.0.1:9100",)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("PORT=1234\nLOG_LEVEL=ERROR\n")
    config = load(ENV_FILE=str(file), PORT="4321")
    assert (config.port, config.log_level) == (4321, "ERROR")


def test_dollar_signs_in_the_file_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("SLACK_BOT_TOKEN='xoxb-${HOME}-$x'\n")
    assert load(ENV_FILE=str(file)).slack_bot_token == "xoxb-${HOME}-$x"


def test_a_wrong_environment_ends_the_process_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "nowhere")
    with pytest.raises(SystemExit) as caught:
        env.load_or_exit()
    shown: Any = capsys.readouterr().err
    assert caught.value.code == 1
    assert "PORT" in shown
    assert "Traceback" not in shown


def test_a_file_that_is_no_text_is_named_and_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"SECRET_KEY=hunter2\xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text") as caught:
        env.load({"ENV_FILE": str(file)})
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no pairs"),
        ("LOG_FORMAT", "xml"),
        ("ACCESS_LOG", "perhaps"),
    ],
)
def test_what_is_told_to_machines_is_checked(name: str, value: str) -> None:
    assert set(complaints(**{name: value})) == {name}


def test_a_collector_may_be_inside_of_a_network() -> None:
    config = load(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318/", OTEL_EXPORTER_OTLP_HEADERS="a=b,c=d%20e")
    assert config.otel_exporter_otlp_endpoint == "http://collector:4318"


def test_a_collector_without_the_packages_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nubabel.parsers.find_spec", lambda _: None)
    assert set(complaints(OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318")) == {"OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_machines_read_the_logs_of_production_unless_told_otherwise() -> None:
    assert [load().logs_as, load(LOG_FORMAT="json").logs_as] == ["text", "json"]
    assert [load(**PRODUCTION).logs_as, load(**PRODUCTION, LOG_FORMAT="text").logs_as] == ["json", "text"]
