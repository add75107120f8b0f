"""Who asks, and which credential a request presents. Pure."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network

from accounts.errors import AccessRefused, KeysDiffer
from accounts.roles import Ability
from accounts.scopes import Scope
from quota.engine.types import Client


class Kind(StrEnum):
    ACCESS_KEY = "access_key"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody we recognised, and what they may do. `pool_id` None: the default pool.

    `models` (a trailing `*` stands for any ending) and `networks` restrict; an empty one does not. `client` is who asks
    in the engine's words, with limits of its own. `abilities` are for management, where a key that names a pool sees
    that pool alone.
    """

    kind: Kind
    id: str
    name: str
    scopes: frozenset[Scope]
    pool_id: str | None = None
    models: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    client: Client | None = None
    expires_at: datetime | None = None
    abilities: frozenset[Ability] = frozenset()

    def may_use(self, model: str) -> bool:
        """Whether requests for this model are allowed."""
        return not self.models or any(_stands_for(pattern, model) for pattern in self.models)

    def may_come_from(self, address: str) -> bool:
        """Whether a request from this IP address is allowed. One that cannot be read comes from nowhere."""
        return not self.networks or _within(address, self.networks)

    def may(self, scope: Scope | str) -> bool:
        """Whether the scope was given; nothing follows from another one."""
        return scope in self.scopes

    def can(self, ability: Ability) -> bool:
        """Whether this may be done in management."""
        return ability in self.abilities

    # What Django REST framework asks of a request's user.

    @property
    def pk(self) -> str:
        return self.id

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_anonymous(self) -> bool:
        return False

    @property
    def is_active(self) -> bool:
        return True

    @property
    def is_staff(self) -> bool:
        """Never by a key: `IsAdminUser` is for people."""
        return False

    def __str__(self) -> str:
        return self.name


def _stands_for(pattern: str, model: str) -> bool:
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        here = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(here, "ipv4_mapped", None)  # how an IPv4 caller looks to a socket of both versions
    return any((mapped or here) in ip_network(network) for network in networks)


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The access key of `Authorization: Bearer` or `x-api-key`; None if there is neither.

    `headers` are found by their lower-case names; Django's are by any. Raises AccessRefused for an empty key, and for
    two that differ: whoever reads another header than we do must not be led to another answer.
    """
    bearer, key = _bearer(headers), headers.get("x-api-key")
    if bearer is not None and key is not None and not hmac.compare_digest(_bytes(bearer), _bytes(key)):
        raise KeysDiffer
    presented = key if bearer is None else bearer
    if presented == "":
        raise AccessRefused
    return presented


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
