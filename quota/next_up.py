"""Who would get the next request now, from a snapshot. Pure.

It means an ordinary small request without a session, for a model that everybody serves: what a real one asks for may
lead elsewhere. Under the random strategy nobody is next, all that serve are equally likely.
"""

from collections.abc import Iterable

from quota.engine.strategies import Standing, rank
from quota.engine.types import Strategy
from quota.engine.views import AccountState, PoolSnapshot


def next_up(snapshot: PoolSnapshot, *, serving: Iterable[str]) -> str:
    """The account's id, of those (ids) that serve; empty if nobody can be named."""
    strategy = snapshot.settings.strategy
    standings = [_standing(snapshot.accounts[name]) for name in serving if name in snapshot.accounts]
    if strategy is Strategy.RANDOM or not standings:
        return ""
    return min(standings, key=lambda standing: rank(standing, strategy)).id


def _standing(state: AccountState) -> Standing:
    return Standing(
        id=state.id,
        priority=state.priority,
        load_ppm=state.load_ppm,
        in_flight=state.in_flight,
        passed=state.passed,
        last_turn=state.last_turn,
    )
