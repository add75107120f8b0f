from nubabel.serve.backoff import LONGEST, Record


def crashed(times: int, *, lived: float = 0.1) -> Record:
    record = Record()
    for _ in range(times):
        record = record.after_crash(lived=lived)
    return record


def test_the_first_crash_costs_half_a_second() -> None:
    assert crashed(1).pause == 0.5


def test_each_further_crash_doubles_the_pause() -> None:
    assert [crashed(times).pause for times in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 4.0]


def test_the_pause_never_exceeds_half_a_minute() -> None:
    assert crashed(500).pause == LONGEST


def test_a_long_steady_life_forgives_earlier_crashes() -> None:
    assert crashed(8).after_crash(lived=3600).pause == 0.5
