"""What must be right before the pool can serve. Each check raises `SetupFailed`, which says how to mend it."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts import wiring as accounts_wiring
from accounts.models import ClaudeAccount
from quota.errors import SchemaBehind, SetupFailed
from quota.following import beside

_TIMEOUT_SECONDS: Final = 3.0
_POLICY: Final = "maxmemory-policy"


def encryption_key() -> None:
    """ENCRYPTION_KEY is there and usable."""
    try:
        accounts_wiring.keyring()
    except ImproperlyConfigured as error:
        mend = "set ENCRYPTION_KEY to 64 hex digits; make them with: openssl rand -hex 32"
        raise SetupFailed("ENCRYPTION_KEY", str(error), mend) from None


def database() -> None:
    """The database answers and its schema is as new as the code."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        mend = "start the database, or correct DATABASE_URL"
        raise SetupFailed("Database", f"it cannot be used ({type(error).__name__})", mend) from None
    if missing:
        raise SchemaBehind("Database", f"{len(missing)} migrations are not applied", "run: python manage.py migrate")


def stored_keys() -> None:
    """Every enabled account's key can be opened with the encryption keys in force."""
    enabled = ClaudeAccount.objects.enabled().select_related("pool")
    sealed = [f"{account.name} ({account.pool.name})" for account in enabled if not account.has_readable_key]
    if sealed:
        mend = (
            "put the key they were encrypted with into ENCRYPTION_KEY or ENCRYPTION_KEY_FALLBACKS; if it is lost, "
            "enter their API keys again in the admin site"
        )
        raise SetupFailed("Stored keys", f"this ENCRYPTION_KEY does not open those of {', '.join(sealed)}", mend)


def redis_server(url: str) -> list[str]:
    """Redis answers and forgets nothing by itself. Returns warnings about what survives its restart."""
    client = redis.Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0)
    )
    with client:
        try:
            client.ping()
            return [warning for node in _nodes(client) for warning in _look_at(node)]
        except redis.RedisError as error:
            if "cluster mode" in str(error):
                mend = "a cluster has no other than 0: end REDIS_URL with /0"
                raise SetupFailed("Redis", "REDIS_URL names a database of a Redis Cluster", mend) from None
            mend = "start Redis, or correct REDIS_URL (unset: the embedded server is used)"
            raise SetupFailed("Redis", f"it does not answer ({type(error).__name__})", mend) from None


def failures(checks: list[Callable[[], None]]) -> list[SetupFailed]:
    """Run all checks, so that everything wrong is said at once."""
    found = []
    for check in checks:
        try:
            check()
        except SetupFailed as failure:
            found.append(failure)
    return found


def _nodes(client: "redis.Redis") -> "Iterator[redis.Redis]":
    """The server itself; of a Redis Cluster every node that keeps something. Raises SetupFailed for one that fails."""
    info: Any = client.info("cluster")
    if not info.get("cluster_enabled"):
        yield client
        return
    ask: Any = client.execute_command
    if b"cluster_state:ok" not in ask("CLUSTER", "INFO"):
        raise SetupFailed("Redis", "the cluster does not serve all its slots", "run: redis-cli --cluster check")
    masters = {(master[0].decode(), int(master[1])) for _, _, master, *_ in ask("CLUSTER", "SLOTS")}
    for host, port in sorted(masters):
        with beside(client, host, port) as node:
            yield node


def _look_at(client: "redis.Redis") -> list[str]:
    # Typed as Any: redis-py's stubs leave open whether the client is async.
    info: Any = client.info()
    policy = info.get("maxmemory_policy") or _configured_policy(client)
    if policy is None:
        return [f"Redis does not tell its {_POLICY}; make sure that it is noeviction"]
    if policy != "noeviction":
        why = f"{_POLICY} is {policy}: an evicted counter would be an invisible refill of an account's limits"
        mend = f"run: redis-cli CONFIG SET {_POLICY} noeviction (and write it into redis.conf)"
        raise SetupFailed("Redis", why, mend)
    return _persistence_warnings(client, info)


def _configured_policy(client: "redis.Redis") -> str | None:
    try:
        answer: Any = client.config_get(_POLICY)
    except redis.ResponseError:  # many providers forbid CONFIG
        return None
    policy = answer.get(_POLICY)
    return str(policy) if policy else None


def _persistence_warnings(client: "redis.Redis", info: dict[str, Any]) -> list[str]:
    if info.get("aof_enabled"):
        return []
    try:
        answer: Any = client.config_get("save")
    except redis.ResponseError:
        return []
    if answer.get("save"):
        return ["Redis keeps snapshots only: a crash loses the events since the last one; consider appendonly yes"]
    return ["Redis keeps nothing on disk: a restart loses events not yet in the ledger; consider appendonly yes"]
