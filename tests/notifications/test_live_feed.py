from notifications.live.feed import Feed
from tests.notifications.live_makers import frame


def feed(*numbers: int, kept: int = 3, after: int = 0) -> Feed:
    made = Feed(kept=kept)
    made.begin(
        [frame(number) for number in numbers], after=f"{after}-0", last_id=f"{numbers[-1] if numbers else after}-0"
    )
    return made


def ids(of: Feed, place: int) -> list[str]:
    return [one.id for one in of.since(place)]


def test_a_listener_hears_on_from_its_place() -> None:
    it = feed(1)
    place = it.end
    it.add([frame(2), frame(3)], last_id="3-0")
    assert ids(it, place) == ["2-0", "3-0"]


def test_the_oldest_make_room() -> None:
    it = feed(1, 2, 3)
    it.add([frame(4)], last_id="4-0")
    assert (it.first, ids(it, it.first)) == (1, ["2-0", "3-0", "4-0"])


def test_who_got_as_far_as_an_event_goes_on_after_it() -> None:
    it = feed(1, 2, 3)
    assert ids(it, it.place_after("2-0") or 0) == ["3-0"]


def test_an_id_between_two_events_is_a_place_too() -> None:
    it = feed(10, 20, 30)
    assert ids(it, it.place_after("20-7") or 0) == ["30-0"]


def test_who_got_as_far_as_the_latest_entry_has_missed_nothing() -> None:
    it = feed(1, 2)
    it.add([], last_id="9-0")
    assert it.place_after("9-0") == it.end


def test_what_is_no_more_here_cannot_be_gone_on_from() -> None:
    it = feed(5, 6, 7, after=4)
    assert (it.place_after("3-9"), it.place_after("4-0")) == (None, 0)
    it.add([frame(8)], last_id="8-0")
    assert it.place_after("4-0") is None


def test_an_id_of_the_future_is_of_another_life_of_the_store() -> None:
    assert feed(1).place_after("9-0") is None


def test_a_word_that_is_no_id_is_no_place() -> None:
    assert feed(1).place_after("yesterday") is None


def test_older_events_fit_before_without_moving_anybody() -> None:
    it = feed(5, kept=3, after=5)
    place = it.end
    it.reach_back([frame(3), frame(4)], after="3-0")
    it.add([frame(6)], last_id="6-0")
    assert ids(it, place) == ["6-0"]
    assert ids(it, it.first) == ["4-0", "5-0", "6-0"]


def test_of_older_events_the_newest_are_kept() -> None:
    it = feed(5, kept=2, after=5)
    it.reach_back([frame(3), frame(4)], after="3-0")
    assert ids(it, it.first) == ["4-0", "5-0"]
    assert (it.place_after("3-0"), it.place_after("2-0")) == (it.first, None)
