"""The processes of a running pool, as values."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from django.conf import settings

from nubabel.serve.supervisor import Service
from nubabel.web.server import Patience

_SPARE: Final = 5.0
"""Seconds a process gets beyond the time that its own requests may take."""
_SHARED_WITH_SIMULATOR: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


def web() -> Service:
    argv = (sys.executable, str(settings.BASE_DIR / "manage.py"), "web", "--unready", "0")  # nobody balances here
    patience = Patience(unready=0, drain=settings.DRAIN_SECONDS)
    return Service("web", argv, _env(), cwd=settings.BASE_DIR, grace=patience.longest + _SPARE)


def worker(number: int) -> Service:
    argv = (sys.executable, str(settings.BASE_DIR / "manage.py"), "run_worker")
    return Service(f"worker {number}", argv, _env(), cwd=settings.BASE_DIR)


def simulator(accounts: Path) -> Service:
    argv = (
        *(sys.executable, "-m", "simulator", "--port", str(settings.SIMULATOR_PORT), "--quiet"),
        *("--accounts", str(accounts), "--latency", "realistic"),
    )
    only_what_it_needs = {name: value for name, value in _env().items() if name in _SHARED_WITH_SIMULATOR}
    return Service("simulator", argv, {**only_what_it_needs, "PYTHONUNBUFFERED": "1"}, cwd=settings.BASE_DIR)


def _env() -> Mapping[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
