from dataclasses import replace

from nubabel.serve.banner import Facts, text

FIRST = Facts(
    url="http://127.0.0.1:8000",
    admin="admin",
    password="only-once",
    key_file=".data/access-key",
    demo=True,
    manage="python manage.py",
)
AGAIN = replace(FIRST, password="")


def test_the_first_start_shows_the_password_once() -> None:
    assert text(FIRST).count("only-once") == 1


def test_later_starts_say_how_to_change_a_forgotten_password() -> None:
    assert "python manage.py changepassword admin" in text(AGAIN)


def test_a_demo_pool_says_that_it_is_one() -> None:
    assert "simulated" in text(FIRST)
    assert "simulated" not in text(replace(FIRST, demo=False))


def test_the_example_is_a_whole_command() -> None:
    assert "curl -s http://127.0.0.1:8000/api/orchestrator/execute" in text(FIRST)
    assert '"Authorization: Bearer $(cat .data/access-key)"' in text(FIRST)


def test_no_password_shows_in_repr() -> None:
    assert "only-once" not in repr(FIRST)
