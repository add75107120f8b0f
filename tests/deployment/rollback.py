"""`make test-rollback`: one release forward, back, and forward again, as the documents say, while requests keep coming.

The older release is deployed by docs/deploy.md's first part, the newer by its *A new version*; docs/rollback.md says
how one goes back, and forward again. The front and the load go on all the time. No caller may notice anything, and
afterwards each request is in the ledger once, to the nano-dollar.
"""

import re
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from tests.deployment import books, repository
from tests.deployment.document import part
from tests.deployment.follow import Differs, Follower
from tests.deployment.load import ANSWERED, Load
from tests.deployment.packages import reused
from tests.deployment.shell import Shell
from tests.deployment.stand import CannotRun, Stand, stand

DEPLOY: Final = (repository.ROOT / "docs/deploy.md").read_text()
ROLLBACK: Final = (repository.ROOT / "docs/rollback.md").read_text()
SETTLED_SECONDS: Final = 5.0
"""So long the load goes on in each state."""
KEY: Final = ".venv/bin/python manage.py create_access_key --name load --scope messages"
OPENS_EVERY_KEY: Final = ".venv/bin/python manage.py init_multi_account"


@dataclass(frozen=True, slots=True)
class Journey:
    """`older` and `newer` follow the documents in the releases' folders; only the newer's answers are today's."""

    stand: Stand
    shell: Shell
    newer: Follower

    @property
    def older(self) -> Follower:
        return replace(self.newer, compares=False)

    def deploy_the_older(self) -> str:
        """Give an access key."""
        self.older.follow(part(DEPLOY, "first deployment"))
        _, said = self.shell.run(KEY)
        key: str = re.findall(r"nb_live_\S+", said)[0]
        return key

    def go(self, load: Load) -> None:
        with _phase("forward: docs/deploy.md, new version", load):
            self.newer.follow(part(DEPLOY, "new version"))
        with _phase("back: docs/rollback.md, going back", load):
            self.older.follow(part(ROLLBACK, "going back"))
        with _phase("forward again: docs/rollback.md, forward again", load):
            self.newer.follow(part(ROLLBACK, "forward again"))

    def complaints(self, load: Load) -> Iterator[str]:
        """Everything that is not as it must be."""
        yield from (f"{count} requests: {name}" for name, count in load.lost.items())
        found = books.opened(self.stand.database, activities=load.activities)
        print(f"  {found}", flush=True)
        yield from found.complaints(
            answered=load.outcomes[ANSWERED], claude=self.stand.simulator.world.accounts["alpha"]
        )
        for folder in self.stand.ports[:2]:
            code, said = self.shell.run(f"cd {self.stand.root}/opt/nubabel/{folder} && {OPENS_EVERY_KEY}")
            if code:
                yield f"the release in {folder} cannot open the accounts' keys: {said}"
        yield from (f"{unit} ended with {code}" for unit, code in self.stand.exit_codes().items() if code)


@contextmanager
def _phase(name: str, load: Load) -> Iterator[None]:
    """Do it under load, and keep the load on for a while afterwards."""
    began, answered = time.monotonic(), load.outcomes[ANSWERED]
    print(f"{name}:", flush=True)
    yield
    time.sleep(SETTLED_SECONDS)
    took, more = time.monotonic() - began, load.outcomes[ANSWERED] - answered
    print(f"  {took:.0f} s, {more} requests answered meanwhile; lost so far: {load.lost or 'none'}", flush=True)


def main() -> int:
    began = time.monotonic()
    try:
        before = repository.release_before()
        print(f"older: {repository.git('log', '-1', '--format=%h %s', before)}")
        print(f"newer: {repository.git('log', '-1', '--format=%h %s')}", flush=True)
        with stand(**{repository.OLDER: before, repository.NEWER: "HEAD"}) as made:
            complaints, summary = _journey(made)
    except (CannotRun, LookupError) as missing:
        print(f"COULD NOT RUN: {missing}", file=sys.stderr)
        return 1
    for complaint in complaints:
        print(f"✗ {complaint}", file=sys.stderr)
    print(f"{summary}; {time.monotonic() - began:.0f} s in all.")
    print("0 passed, 1 failed" if complaints else "1 passed, 0 failed")
    return 1 if complaints else 0


def _journey(made: Stand) -> tuple[list[str], str]:
    trust = ssl.create_default_context(cafile=str(made.ca))
    with Shell(env=made.environment, cwd=made.root) as shell:
        journey = Journey(made, shell, Follower(shell, made.here, reused))
        try:
            print("the older release: docs/deploy.md, first deployment:", flush=True)
            key = journey.deploy_the_older()
            with Load(made.site, key, trust) as load:
                time.sleep(SETTLED_SECONDS)
                journey.go(load)
            complaints = list(journey.complaints(load))
        except (Differs, TimeoutError) as trouble:
            return [str(trouble), made.logs()], "Not followed to its end"
    if complaints:
        complaints.append(made.logs())
    return complaints, f"{load.sent} requests, {sum(load.lost.values())} lost, longest answer {load.longest:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
