import stat
from pathlib import Path

import pytest

from nubabel import env, first_run


def prepared(path: Path, **environ: str) -> first_run.Prepared:
    return first_run.prepare({"ENV_FILE": str(path), **environ})


def test_a_fresh_checkout_gets_keys_that_the_settings_accept(tmp_path: Path) -> None:
    path = tmp_path / "env"
    assert set(prepared(path).added) == {"SECRET_KEY", "ENCRYPTION_KEY"}
    assert len(env.load({"ENV_FILE": str(path)}).encryption_key) == 64


def test_the_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "env"
    prepared(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "env"
    prepared(path)
    before = path.read_bytes()
    assert prepared(path).added == ()
    assert path.read_bytes() == before


def test_what_the_operator_wrote_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("# mine\nPORT=9000\nENCRYPTION_KEY=")
    assert set(prepared(path).added) == {"SECRET_KEY", "ENCRYPTION_KEY"}
    assert path.read_text().startswith("# mine\nPORT=9000\nENCRYPTION_KEY=\n")
    assert env.load({"ENV_FILE": str(path)}).port == 9000


def test_only_the_missing_key_is_made(tmp_path: Path) -> None:
    assert prepared(tmp_path / "env", ENCRYPTION_KEY="0f" * 32).added == ("SECRET_KEY",)


def test_production_is_never_given_keys_by_surprise(tmp_path: Path) -> None:
    path = tmp_path / "env"
    assert prepared(path, DJANGO_ENV="production").added == ()
    assert not path.exists()


def test_two_runs_have_different_keys(tmp_path: Path) -> None:
    prepared(tmp_path / "one")
    prepared(tmp_path / "two")
    assert (tmp_path / "one").read_text() != (tmp_path / "two").read_text()


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEY"])
def test_a_file_that_ends_without_a_newline_is_continued_properly(tmp_path: Path, name: str) -> None:
    path = tmp_path / "env"
    path.write_text("PORT=9000")
    prepared(path)
    assert f"\n{name}=" in path.read_text()
