"""Which letters go now, together or alone, and which are not worth sending any more."""

from hypothesis import given
from hypothesis import strategies as st

from notifications.planning import PATIENCE_MS, PROGRESS_MS, Thread, Waiting, planned

NOW = 10_000_000


def letter(
    id_: int,
    *,
    thread: str = "t",
    place: int = 1,
    lasting: bool = True,
    progress: bool = False,
    age_ms: int = 0,
) -> Waiting:
    return Waiting(id_, f"event {id_}", thread, place, lasting, progress, NOW - age_ms)


def sent_of(*waiting: Waiting, threads: dict[str, Thread] | None = None, together: int = 20) -> list[int]:
    return [it.id for it in planned(waiting, threads or {}, now_ms=NOW, together=together).send]


def test_what_waits_leaves_together_oldest_first_up_to_what_one_message_holds() -> None:
    waiting = [letter(number, thread=str(number), age_ms=100 - number) for number in range(5)]
    assert (sent_of(*waiting), sent_of(*waiting, together=1)) == ([0, 1, 2, 3, 4], [0])


def test_a_lasting_letter_waits_for_the_one_before_it() -> None:
    assert sent_of(letter(1, place=2)) == []
    assert sent_of(letter(1, place=2), threads={"t": Thread(place=1)}) == [1]


def test_but_not_forever() -> None:
    assert sent_of(letter(1, place=2, age_ms=PATIENCE_MS)) == [1]


def test_a_whole_thread_may_leave_at_once_in_its_order() -> None:
    assert sent_of(letter(2, place=2), letter(1, place=1)) == [1, 2]


def test_a_start_that_waits_beside_its_end_is_not_worth_sending() -> None:
    plan = planned([letter(1, lasting=False), letter(2, place=9, lasting=False)], {}, now_ms=NOW)
    assert [[it.id for it in part] for part in (plan.skip, plan.send)] == [[1], [2]]


def test_what_comes_after_its_successor_was_sent_is_not_worth_sending() -> None:
    plan = planned([letter(1, place=1)], {"t": Thread(place=2)}, now_ms=NOW)
    assert [it.id for it in plan.skip] == [1]


def test_progress_is_told_now_and_then() -> None:
    progress = letter(1, place=2, lasting=False, progress=True)
    assert sent_of(progress, threads={"t": Thread(1, sent_ms=NOW - PROGRESS_MS + 1)}) == []
    assert sent_of(progress, threads={"t": Thread(1, sent_ms=NOW - PROGRESS_MS)}) == [1]


letters = st.lists(
    st.builds(
        letter,
        st.integers(1, 10**6),
        thread=st.sampled_from("abc"),
        place=st.integers(1, 4),
        lasting=st.just(True),
        age_ms=st.integers(0, 2_000),
    ),
    unique_by=lambda it: (it.thread, it.place),
)


@given(letters, st.integers(1, 5))
def test_whatever_the_order_of_arrival_lasting_letters_leave_once_each_in_the_order_of_their_thread(
    arriving: list[Waiting], together: int
) -> None:
    left, out = list(arriving), list[Waiting]()
    for later in range(2 * len(arriving) + 1):
        places = {it.thread: Thread(place=it.place) for it in out}
        plan = planned(left, places, now_ms=NOW + later * PATIENCE_MS, together=together)
        out += plan.send
        assert not plan.skip
        left = [it for it in left if it not in plan.send]
    assert sorted(it.id for it in out) == sorted(it.id for it in arriving)
    for thread in "abc":
        places_out = [it.place for it in out if it.thread == thread]
        assert places_out == sorted(places_out)
