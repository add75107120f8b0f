"""The environment, read once and checked whole: `load()` gives a frozen `Config` or raises every problem at once.

A variable that is empty counts as not set, so that lines of .env.example can stay in place. The environment wins
over the file.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, cast

from dotenv import dotenv_values
from environs import Env, EnvValidationError

from nubabel import parsers
from nubabel.errors import ConfigError, Problem
from nubabel.production import insecurities
from nubabel.variables import BY_NAME

BASE_DIR: Final = Path(__file__).resolve().parent.parent
ENV_FILE_NAME: Final = "ENV_FILE"
"""Names another file than .env (tests and side-by-side set-ups); the one variable not read from that file."""

_NEEDED_ALWAYS: Final = ("SECRET_KEY", "ENCRYPTION_KEY")
_NEEDED_IN_PRODUCTION: Final = ("DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS")


@dataclass(frozen=True, slots=True)
class Config:
    """Every variable, parsed. Empty string or tuple: not set. Secrets stay out of repr."""

    django_env: str
    debug: bool
    secret_key: str = field(repr=False)
    encryption_key: str = field(repr=False)
    encryption_key_fallbacks: tuple[str, ...] = field(repr=False)
    host: str
    port: int
    data_dir: Path
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    allowed_hosts: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    log_level: str
    log_format: str
    access_log: bool
    drain_seconds: int
    unready_seconds: int
    metrics_token: str = field(repr=False)
    pool_processes: int
    simulator_port: int
    anthropic_api_key: str = field(repr=False)
    anthropic_admin_api_key: str = field(repr=False)
    anthropic_base_urls: tuple[str, ...]
    anthropic_private_networks: tuple[parsers.Network, ...]
    slack_bot_token: str = field(repr=False)
    slack_webhook_url: str = field(repr=False)
    slack_alert_webhook_url: str = field(repr=False)
    slack_activity_webhook_url: str = field(repr=False)
    slack_activity_channel: str
    slack_alert_channel: str
    slack_mention_user_id: str
    notify_webhook_url: str = field(repr=False)
    notify_webhook_secret: str = field(repr=False)
    otel_exporter_otlp_endpoint: str
    otel_exporter_otlp_headers: str = field(repr=False)
    otel_service_name: str

    @property
    def production(self) -> bool:
        return self.django_env == "production"

    @property
    def logs_as(self) -> Literal["text", "json"]:
        """What was asked for; else JSON in production, where machines read it."""
        return "json" if (self.log_format or ("json" if self.production else "text")) == "json" else "text"

    @property
    def demo(self) -> bool:
        """No real account is configured, and this is no production: three simulated accounts stand in."""
        return not self.production and not self.anthropic_api_key

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"


_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "DJANGO_ENV": parsers.one_of("development", "production"),
    "DEBUG": parsers.switch,
    "SECRET_KEY": parsers.secret_key,
    "ENCRYPTION_KEY": parsers.hex_key,
    "ENCRYPTION_KEY_FALLBACKS": parsers.listed(parsers.hex_key),
    "HOST": parsers.host_name,
    "PORT": parsers.whole_number(1, 65535),
    "DATA_DIR": lambda text: BASE_DIR / Path(text).expanduser(),
    "DATABASE_URL": parsers.database_url,
    "REDIS_URL": parsers.redis_url,
    "ALLOWED_HOSTS": parsers.listed(parsers.host_name),
    "CSRF_TRUSTED_ORIGINS": parsers.listed(parsers.origin),
    "LOG_LEVEL": lambda text: parsers.one_of("DEBUG", "INFO", "WARNING", "ERROR")(text.upper()),
    "LOG_FORMAT": parsers.one_of("text", "json"),
    "ACCESS_LOG": parsers.switch,
    "DRAIN_SECONDS": parsers.whole_number(1, 3600),
    "UNREADY_SECONDS": parsers.whole_number(0, 300),
    "METRICS_TOKEN": parsers.token,
    "POOL_PROCESSES": parsers.whole_number(1, 1000),
    "SIMULATOR_PORT": parsers.whole_number(1, 65535),
    "ANTHROPIC_API_KEY": parsers.api_key,
    "ANTHROPIC_ADMIN_API_KEY": parsers.admin_key,
    "ANTHROPIC_BASE_URLS": parsers.listed(parsers.secure_address),
    "ANTHROPIC_PRIVATE_NETWORKS": parsers.listed(parsers.network),
    "SLACK_BOT_TOKEN": parsers.slack_token,
    "SLACK_WEBHOOK_URL": parsers.secure_address,
    "SLACK_ALERT_WEBHOOK_URL": parsers.secure_address,
    "SLACK_ACTIVITY_WEBHOOK_URL": parsers.secure_address,
    "NOTIFY_WEBHOOK_URL": parsers.secure_address,
    "OTEL_EXPORTER_OTLP_ENDPOINT": parsers.collector,
    "OTEL_EXPORTER_OTLP_HEADERS": parsers.header_pairs,
}
_LISTS: Final = frozenset(
    {"ENCRYPTION_KEY_FALLBACKS", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "ANTHROPIC_PRIVATE_NETWORKS"}
)


def _checked(text: str, *, parse: Callable[[str], Any]) -> Any:  # noqa: ANN401 - the type is the parser's
    """Empty text is the value of a variable that is not set and has no default."""
    return parse(text) if text else ""


class _Env(Env):
    """Environs over given values instead of the process's environment."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._values_given = values
        self.add_parser("checked", _checked)

    def _get_value(self, env_key: str, default: Any) -> Any:  # noqa: ANN401 - environs' own signature
        return self._values_given.get(env_key, default)


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Raises ConfigError, which lists everything that is wrong and what to do."""
    given = read(os.environ if environ is None else environ)
    env = _Env(given)
    values = {spec.name: _parsed(env, spec.name.upper()) for spec in fields(Config)}
    problems = _complaints(env)
    production = values["django_env"] == "production"
    problems += _missing(given, production=production)
    problems += insecurities(values) if production else []
    if problems:
        raise ConfigError(tuple(problems))
    return Config(**values)


def load_or_exit() -> Config:
    """For settings: a wrong environment ends the process with exit code 1 and a list, not with a traceback."""
    try:
        return load()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


def read(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that are set, blanks around them removed, from the environment and the file behind it.

    Raises ConfigError for a file that is no text.
    """
    from_file = _from_file(env_file(environ))
    merged = {**from_file, **{name: value for name, value in environ.items() if value.strip()}}
    return {name: value.strip() for name, value in merged.items() if name in BY_NAME and value and value.strip()}


def _from_file(path: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(path, interpolate=False)
    except UnicodeDecodeError as error:
        # Not chained: the original repeats the bytes of the file, secrets among them.
        wrong = f"is not UTF-8 text (byte {error.start + 1} is the first that is not)"
    raise ConfigError((Problem(str(path), wrong, "save it as UTF-8, or remove that character"),))


def env_file(environ: Mapping[str, str]) -> Path:
    return BASE_DIR / environ.get(ENV_FILE_NAME, ".env")


def _parsed(env: _Env, name: str) -> Any:  # noqa: ANN401 - the type is the parser's
    value = env.checked(name, BY_NAME[name].default, parse=_PARSERS.get(name, str))
    return () if name in _LISTS and value == "" else value


def _complaints(env: Env) -> list[Problem]:
    try:
        env.seal()
    except EnvValidationError as error:
        by_name = cast("Mapping[str, list[str]]", error.error_messages)
        return [Problem(name, "; ".join(said), BY_NAME[name].remedy) for name, said in by_name.items()]
    return []


def _missing(given: Mapping[str, str], *, production: bool) -> list[Problem]:
    needed = _NEEDED_ALWAYS + (_NEEDED_IN_PRODUCTION if production else ())
    when = dict.fromkeys(_NEEDED_IN_PRODUCTION, " in production")
    return [
        Problem(name, f"is missing (needed{when.get(name, '')})", BY_NAME[name].remedy)
        for name in needed
        if name not in given
    ]
