"""The breaker as pure functions: what holds after any history whatever."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quota.engine.breaker import Breaker, extend, force, grant, obstacle, release, reset, settle
from quota.engine.types import BreakerMode, BreakerSettings, BreakerState, Verdict

SETTINGS = BreakerSettings(threshold=3, open_ms=1_000, successes_to_close=2)
leases = st.sampled_from(("one", "two", "three"))
verdicts = st.sampled_from((Verdict.SUCCESS, Verdict.FAILURE, Verdict.ALIVE, Verdict.NEUTRAL))
acts = st.one_of(
    st.tuples(st.just("lease"), leases),
    st.tuples(st.just("settle"), leases, verdicts),
    st.tuples(st.just("renew"), leases),
    st.tuples(st.just("die"), leases),
    st.tuples(st.just("wait"), st.integers(0, 1_500)),
    st.tuples(st.just("order"), st.sampled_from(("reset", *BreakerMode))),
)


class History:
    """A breaker, the generations its leases were lent under, and the time."""

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.lent: dict[str, int] = {}
        self.now = 0

    def do(self, act: tuple[object, ...]) -> None:
        getattr(self, str(act[0]))(*act[1:])

    def lease(self, name: str) -> None:
        if obstacle(self.breaker, now_ms=self.now) is None:
            self.breaker = grant(self.breaker, lease=name, deadline_ms=self.now + 500)
            self.lent[name] = self.breaker.generation

    def settle(self, name: str, verdict: Verdict) -> None:
        generation = self.lent.pop(name, -1)
        self.breaker = settle(
            self.breaker, lease=name, generation=generation, verdict=verdict, settings=SETTINGS, now_ms=self.now
        )

    def renew(self, name: str) -> None:
        self.breaker = extend(self.breaker, lease=name, deadline_ms=self.now + 500)

    def die(self, name: str) -> None:
        self.breaker = release(self.breaker, lease=name)

    def wait(self, ms: int) -> None:
        self.now += ms

    def order(self, what: str) -> None:
        is_reset = what == "reset"
        self.breaker = reset(self.breaker) if is_reset else force(self.breaker, mode=BreakerMode(what), why="")


@given(st.lists(acts, max_size=60))
def test_every_change_of_state_or_mode_begins_a_new_generation(history: list[tuple[object, ...]]) -> None:
    run = History()
    for act in history:
        before = run.breaker
        run.do(act)
        moved = (before.state, before.mode) != (run.breaker.state, run.breaker.mode)
        assert run.breaker.generation >= before.generation + moved


@given(st.lists(acts, max_size=60))
def test_only_half_open_has_a_probe_and_only_with_a_deadline(history: list[tuple[object, ...]]) -> None:
    run = History()
    for act in history:
        run.do(act)
        breaker = run.breaker
        assert bool(breaker.probe) == bool(breaker.probe_deadline_ms)
        assert breaker.state is BreakerState.HALF_OPEN or not breaker.probe


@given(st.lists(acts, max_size=60))
def test_closed_has_fewer_failures_than_the_threshold(history: list[tuple[object, ...]]) -> None:
    run = History()
    for act in history:
        run.do(act)
        assert run.breaker.state is not BreakerState.CLOSED or run.breaker.failures < SETTINGS.threshold


@given(st.lists(acts, max_size=60))
def test_whatever_happened_an_automatic_one_lets_somebody_through_in_the_end(history: list[tuple[object, ...]]) -> None:
    run = History()
    for act in history:
        run.do(act)
    run.breaker = replace(run.breaker, mode=BreakerMode.AUTO)
    for name in ("one", "two", "three"):
        run.die(name)  # every holder is dead and every deadline past
    run.wait(SETTINGS.open_ms)
    assert obstacle(run.breaker, now_ms=run.now) is None


@given(st.lists(acts, max_size=40), verdicts)
def test_a_result_of_an_older_generation_changes_nothing(history: list[tuple[object, ...]], verdict: Verdict) -> None:
    run = History()
    for act in history:
        run.do(act)
    before = run.breaker
    run.lent["late"] = before.generation - 1
    run.settle("late", verdict)
    assert run.breaker == before


@given(st.lists(acts, max_size=40), leases)
def test_a_neutral_result_moves_no_state(history: list[tuple[object, ...]], name: str) -> None:
    run = History()
    for act in history:
        run.do(act)
    before = run.breaker
    run.settle(name, Verdict.NEUTRAL)
    after = run.breaker
    assert (after.state, after.generation, after.failures) == (before.state, before.generation, before.failures)
    assert after.probe != name
