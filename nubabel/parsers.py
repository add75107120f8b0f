"""Text of one variable → a checked value. Pure; complaints never repeat the text, which may be a secret."""

import re
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from environs import EnvError
from redis.connection import parse_url

T = TypeVar("T")
Network = IPv4Network | IPv6Network

_HEADER_PAIR: Final = re.compile(r"[\w.-]+=\S+")
_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")
_CONSUMER_TOKENS: Final = ("sk-ant-oat", "sk-ant-ort", "sk-ant-sid")
_SECRET_KEY_LENGTH: Final = 50
_TOKEN_LENGTH: Final = 32
_DATABASES: Final = frozenset({"postgresql", "postgres", "sqlite"})


def listed(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """A parser of comma-separated values from the parser of one."""

    def parse_list(text: str) -> tuple[T, ...]:
        values = tuple(parse(part.strip()) for part in text.split(",") if part.strip())
        if not values:
            raise EnvError("is a list without a value")
        return values

    return parse_list


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not lowest <= int(text) <= highest:
            raise EnvError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise EnvError("must be one of " + ", ".join(words))
        return text

    return parse


def switch(text: str) -> bool:
    known = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in known:
        raise EnvError("must be true or false")
    return known[text.lower()]


def hex_key(text: str) -> str:
    """32 bytes as 64 hex digits."""
    if not _HEX_KEY.fullmatch(text):
        raise EnvError(f"must be 64 hex digits (0-9, a-f); this is {len(text)} characters")
    return text.lower()


def secret_key(text: str) -> str:
    if len(text) < _SECRET_KEY_LENGTH or len(set(text)) < 5:  # noqa: PLR2004 - Django's own rule (security.W009)
        raise EnvError(f"is too weak: at least {_SECRET_KEY_LENGTH} characters, at least 5 different ones")
    return text


def token(text: str) -> str:
    """A secret that a program presents as it is."""
    if len(_opaque(text)) < _TOKEN_LENGTH:
        raise EnvError(f"is too short: at least {_TOKEN_LENGTH} characters")
    return text


def database_url(text: str) -> str:
    """Raises EnvError for anything but PostgreSQL and SQLite."""
    scheme = text.partition(":")[0]
    if scheme not in _DATABASES:
        raise EnvError("must begin with postgresql:// or sqlite:///")
    try:
        name = dj_database_url.parse(text).get("NAME")
    except ValueError as error:
        raise EnvError("is not a database address") from error
    if not name:
        raise EnvError("names no database")
    return text


def redis_url(text: str) -> str:
    try:
        parts = parse_url(text)  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise EnvError("is not a Redis address") from error
    if not parts.get("host") and not parts.get("path"):
        raise EnvError("names no host")
    return text


def host_name(text: str) -> str:
    if text == "*":
        raise EnvError("must name hosts; * would let anyone pretend to be you")
    if "/" in text or " " in text:
        raise EnvError("must be host names without scheme or path")
    return text


def origin(text: str) -> str:
    """scheme://host[:port], nothing behind it."""
    parts = _web_address(text)
    if parts.path.strip("/") or parts.query:
        raise EnvError("must end after host and port")
    return f"{parts.scheme}://{parts.netloc}"


def secure_address(text: str) -> str:
    """An https address; plain http only to this machine."""
    parts = _web_address(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise EnvError("must be https (plain http only to this machine)")
    if parts.username or parts.password:
        raise EnvError("must not contain a user name or password")
    return text.rstrip("/")


def collector(text: str) -> str:
    """Where traces are sent; plain http too, because collectors stand inside of networks."""
    parts = _web_address(text)
    if parts.username or parts.password:
        raise EnvError("must not contain a user name or password")
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise EnvError("needs packages that are not installed")
    return text.rstrip("/")


def header_pairs(text: str) -> str:
    """name=value, separated by commas, as OpenTelemetry reads them."""
    if not all(_HEADER_PAIR.fullmatch(pair.strip()) for pair in text.split(",")):
        raise EnvError("must be name=value pairs")
    return text


def network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise EnvError("must be networks such as 10.1.0.0/16, without bits beyond the prefix") from error


def api_key(text: str) -> str:
    """An organization's key. Consumer sign-in tokens are refused: Anthropic forbids third parties to route them."""
    if text.startswith(_CONSUMER_TOKENS):
        raise EnvError("is a consumer sign-in token; Anthropic's terms do not let a pool hold those")
    if text.startswith("sk-ant-admin"):
        raise EnvError("is an Admin API key, which cannot send messages (it belongs in ANTHROPIC_ADMIN_API_KEY)")
    return _opaque(text)


def admin_key(text: str) -> str:
    if text.startswith((*_CONSUMER_TOKENS, "sk-ant-api")):
        raise EnvError("is not an Admin API key")
    return _opaque(text)


def slack_token(text: str) -> str:
    if not text.startswith("xox"):
        raise EnvError("must begin with xoxb-")
    return _opaque(text)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _opaque(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise EnvError("contains blanks or unprintable characters (a copying accident?)")
    return text


def _web_address(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:
        raise EnvError("is not a web address") from error
    if not usable:
        raise EnvError("must begin with https:// and name a host")
    return parts
