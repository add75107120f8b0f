"""Packages of this checkout instead of installing the same ones again; for where installing is not what is tested."""

from tests.deployment.repository import ROOT

_MAKES_ENVIRONMENT = "python3 -m venv .venv"


def reused(command: str) -> str:
    """A command in place of this one; it fails if the folder's release wants other packages than this checkout's."""
    if command == _MAKES_ENVIRONMENT:
        return f"cmp requirements.txt {ROOT}/requirements.txt && ln -s {(ROOT / '.venv').resolve()} .venv"
    return "" if "-m pip " in command else command
