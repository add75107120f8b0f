"""What keeps the product from starting or running.

    NubabelError
    ├── ConfigError            environment variables are missing or wrong; carries every problem at once
    ├── StoreError             the embedded Valkey
    │   ├── StoreNotFound      no server program to be found
    │   └── StoreFailed        it was found, but does not start, answer or stop
    └── ServeError             `manage.py serve` cannot begin (port taken, already running, first steps failed)

Each message ends with what to do about it.
"""

from dataclasses import dataclass


class NubabelError(Exception):
    """Base of all: an operator's problem, shown without a traceback."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One variable, what is wrong with it (never its value), and what to do."""

    name: str
    wrong: str
    remedy: str


class ConfigError(NubabelError):
    """Everything that is wrong with the environment."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(_listed(problems))


class StoreError(NubabelError):
    """The embedded Valkey is in trouble."""


class StoreNotFound(StoreError):
    """There is no Valkey or Redis program on this machine."""


class StoreFailed(StoreError):
    """The program is there but did not do what was asked in time."""


class ServeError(NubabelError):
    """`manage.py serve` cannot begin."""


def _listed(problems: tuple[Problem, ...]) -> str:
    width = max(len(problem.name) for problem in problems)
    count = f"{len(problems)} environment variable" + ("s need" if len(problems) > 1 else " needs")
    lines = [f"Nubabel cannot start: {count} attention.", ""]
    for problem in problems:
        lines += [f"  {problem.name:<{width}}  {problem.wrong}", f"  {'':<{width}}  → {problem.remedy}"]
    return "\n".join(
        [
            *lines,
            "",
            "Variables come from the environment, else from the file .env; .env.example explains each.",
        ]
    )
