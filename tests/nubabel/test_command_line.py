"""`manage.py` as a stranger meets it: real processes, a data folder of their own."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"SECRET_KEY": secrets.token_urlsafe(60), "ENCRYPTION_KEY": secrets.token_hex(32)}


def manage(*arguments: str, data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, "ENV_FILE": os.devnull, "DATA_DIR": str(data), **environ}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=100)


def test_a_bad_environment_stops_any_command_with_a_list(tmp_path: Path) -> None:
    done = manage("check", data=tmp_path, PORT="none", REDIS_URL="nowhere", **KEYS)
    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_finds_the_embedded_store_running_and_leaves_none_behind(tmp_path: Path) -> None:
    code = "import redis; from django.conf import settings; print(redis.Redis.from_url(settings.REDIS_URL).ping())"
    done = manage("shell", "--no-imports", "-c", code, data=tmp_path, **KEYS)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
    assert not (tmp_path / "valkey" / "valkey.sock").exists()


@pytest.mark.parametrize("variable", ["SECRET_KEY", "ENCRYPTION_KEY"])
def test_a_missing_key_is_no_reason_to_make_one_up(tmp_path: Path, variable: str) -> None:
    done = manage("check", data=tmp_path, **{name: value for name, value in KEYS.items() if name != variable})
    assert done.returncode == 1
    assert f"{variable}  is missing" in done.stderr


def test_production_settings_have_no_warnings(tmp_path: Path) -> None:
    production = {
        "DJANGO_ENV": "production",
        "ALLOWED_HOSTS": "pool.example.com",
        "DATABASE_URL": "postgresql://pool@127.0.0.1:1/pool",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    done = manage("check", "--deploy", "--fail-level", "WARNING", data=tmp_path, **KEYS, **production)
    assert done.returncode == 0, done.stderr


def test_no_migration_is_missing(tmp_path: Path) -> None:
    done = manage("makemigrations", "--check", "--dry-run", data=tmp_path, **KEYS)
    assert done.returncode == 0, done.stdout
