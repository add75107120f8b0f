"""Access keys handed out by somebody who has rights of their own: nobody gives away more than they have."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from accounts.access import issue_access_key
from accounts.errors import GrantRefused
from accounts.models import AccessKey
from accounts.money import to_nano
from accounts.principals import Kind, Principal
from quota.engine.types import Client, Metric


def issue_as(principal: Principal, *, scopes: Iterable[str], **facts: Any) -> tuple[str, AccessKey]:  # noqa: ANN401
    """Make a key in somebody's name. Raises GrantRefused, and what `issue_access_key` raises.

    Scopes are some of the giver's own. A key that is restricted (to a pool, to networks, to models, by limits) makes
    none that is less so.
    """
    wanted = set(scopes)
    if lacking := sorted(wanted - set(principal.scopes)):
        raise GrantRefused(f"You cannot give the scope {lacking[0]}, which you have not got.")
    if principal.kind is Kind.ACCESS_KEY:
        _refuse_more(principal, facts)
    return issue_access_key(scopes=wanted, **facts)


def _refuse_more(giver: Principal, facts: dict[str, Any]) -> None:
    pool = facts.get("pool")
    if giver.pool_id and (pool is None or str(pool.pk) != giver.pool_id):
        raise GrantRefused("This access key belongs to one pool and makes keys for that pool only.")
    for noun, own in (("networks", giver.networks), ("models", giver.models)):
        given = tuple(facts.get(noun) or ())
        if own and not (given and set(given) <= set(own)):
            raise GrantRefused(f"This access key is restricted to some {noun}; name some of those: {', '.join(own)}.")
    if giver.client is not None:
        _refuse_larger(giver.client, facts.get("limits") or {})


def _refuse_larger(own: Client, given: Mapping[str, int | Decimal | None]) -> None:
    for limit in own.limits:
        amount = given.get(f"limit_{limit.metric}_{limit.window}")
        if amount is None or _counted(limit.metric, amount) > limit.amount:
            said = f"This access key is limited in {limit.metric} per {limit.window}"
            raise GrantRefused(f"{said}; limit the new one to no more than that.")
    at_once = given.get("max_concurrency")
    if own.max_concurrency is not None and (at_once is None or at_once > own.max_concurrency):
        raise GrantRefused(f"Give the new key no more than {own.max_concurrency} requests at once (max_concurrency).")


def _counted(metric: Metric, amount: int | Decimal) -> int:
    return to_nano(Decimal(amount)) if metric is Metric.COST else int(amount)
