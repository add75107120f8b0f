"""The steps of a document, done, and compared with what it promises."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.deployment.document import Command, File, Step, keeps
from tests.deployment.shell import Shell


class Differs(Exception):
    """The document promises something else than what happens."""


def as_it_is(command: str) -> str:
    return command


@dataclass(frozen=True, slots=True)
class Follower:
    """`here` puts this machine's places into the document's text; `instead` replaces a command, "" leaves it out."""

    shell: Shell
    here: Callable[[str], str]
    instead: Callable[[str], str] = as_it_is
    compares: bool = True
    """Whether answers count; exit codes always do."""

    def follow(self, steps: Iterable[Step]) -> None:
        """Raises Differs with the first step that goes otherwise."""
        for step in steps:
            if isinstance(step, File):
                self._write(step)
            else:
                self._run(step)

    def _write(self, file: File) -> None:
        place = Path(self.here(file.path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.here(file.text))
        print(f"  ✓        wrote {file.path}", flush=True)

    def _run(self, command: Command) -> None:
        asked = self.here(command.text)
        done = self.instead(asked)
        first = command.text.partition("\n")[0]
        if not done:
            print(f"  –        left out: {first}", flush=True)
            return
        began = time.monotonic()
        code, said = self.shell.run(done)
        if code or (self.compares and not keeps(self.here(command.answer), said)):
            promised = f"promised:\n{command.answer}\n" if self.compares else ""
            raise Differs(f"$ {command.text}\nexit code {code}; {promised}came:\n{said}")
        changed = "" if done == asked else f"   (here: {done})"
        print(f"  ✓ {time.monotonic() - began:5.1f} s  $ {first}{changed}", flush=True)
