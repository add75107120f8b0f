"""What `manage.py` does around Django's own command line.

`serve` makes the keys of a fresh checkout first. Any other command that may touch the pool's state finds the embedded
Valkey running: it is started if need be, and stopped afterwards unless somebody else has begun to use it.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from accounts.actors import Actor, Via, acting
from nubabel import first_run, valkey
from nubabel.errors import NubabelError

WITHOUT_STORE: Final = frozenset(
    {
        *("check", "collectstatic", "compilemessages", "dbshell", "diffsettings", "findstatic", "help", "makemessages"),
        *(
            "makemigrations",
            "migrate",
            "serve",
            "showmigrations",
            "smoke_test",
            "spectacular",
            "sqlmigrate",
            "startapp",
            "test",
        ),
        *("version", "--version", "--help", "-h"),
    }
)
"""`serve` looks after the store itself; the others have no use for it."""
_INTERRUPTED: Final = 130
"""What shells expect of a program that Ctrl-C ended."""


def run(argv: Sequence[str]) -> None:
    """Run the command; an operator's problem is one message and exit code 1, never a traceback."""
    command = argv[1] if len(argv) > 1 else "help"
    try:
        if command == "serve" and not {"-h", "--help"} & set(argv):
            _make_keys()
        with _store_for(command, argv):
            _execute(argv)
    except NubabelError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None


def _execute(argv: Sequence[str]) -> None:
    from django.core.management import execute_from_command_line

    actor = Actor(f"manage.py {argv[1] if len(argv) > 1 else 'help'}", Via.COMMAND)
    with acting(lambda: actor):
        execute_from_command_line(list(argv))


def _make_keys() -> None:
    try:
        prepared = first_run.prepare(os.environ)
    except OSError as error:
        raise NubabelError(
            f"The file .env cannot be written: {error.strerror}. Mend it, or set its variables."
        ) from None
    if prepared.added:
        sys.stdout.write(
            f"  ✓ keys       {' and '.join(prepared.added)} made, in {prepared.path} (for you alone; keep a copy)\n"
        )


def _store_for(command: str, argv: Sequence[str]) -> AbstractContextManager[object]:
    if command in WITHOUT_STORE or {"-h", "--help"} & set(argv):
        return nullcontext()
    from django.conf import settings

    return valkey.lent(settings.DATA_DIR) if settings.EMBEDDED_VALKEY else nullcontext()
