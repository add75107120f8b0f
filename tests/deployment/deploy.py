"""`make test-deploy`: docs/deploy.md's plain-host part, literally, from nothing to a green `make qa`.

With `--reuse-packages` nothing is installed anew, which is for working on the rest of it; what is left out is printed.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from tests.deployment import repository
from tests.deployment.document import part
from tests.deployment.follow import Differs, Follower, as_it_is
from tests.deployment.packages import reused
from tests.deployment.shell import Shell
from tests.deployment.stand import CannotRun, Stand, stand

DOCUMENT: Final = repository.ROOT / "docs/deploy.md"
PARTS: Final = ("first deployment", "proof")
LEFT_OUT: Final = """\
Not followed here: Docker (tests/nubabel/test_container.py follows the Dockerfile without it) and Railway (its files are
held to the Procfile there). systemd is stood in for by tests/deployment/systemctl.py. `make qa` runs in this checkout
and uses its packages, as from an operator's own machine; what is deployed is a fresh clone with packages of its own.
"""


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    print(LEFT_OUT, flush=True)
    if changed := repository.uncommitted():
        print(f"! {len(changed)} changed files are not committed; what is cloned is the last commit.", flush=True)
    try:
        with stand(**{repository.OLDER: "HEAD"}) as made:
            return _followed(made, began, instead=reused if "--reuse-packages" in arguments else as_it_is)
    except CannotRun as missing:
        print(f"COULD NOT RUN: {missing}", file=sys.stderr)
        return 1


def _followed(made: Stand, began: float, *, instead: Callable[[str], str]) -> int:
    text = DOCUMENT.read_text()
    with Shell(env=made.environment, cwd=made.root) as shell:
        try:
            for name in PARTS:
                print(f"docs/deploy.md, {name}:", flush=True)
                Follower(shell, made.here, instead).follow(part(text, name))
            print(f"  {verified(made)}", flush=True)
        except (Differs, TimeoutError) as trouble:
            print(f"✗ {trouble}\n{made.logs()}", file=sys.stderr)
            print("0 passed, 1 failed")
            return 1
    told = len(made.simulator.world.slack.messages)
    print(f"docs/deploy.md holds: {time.monotonic() - began:.0f} s; Slack's double got {told} messages.")
    print("1 passed, 0 failed")
    return 0


def verified(made: Stand) -> str:
    """What systemd itself says of the unit files, where its checker is installed."""
    if shutil.which("systemd-analyze") is None:
        return "–        systemd-analyze is not installed: the unit files were not checked by it"
    units = [str(made.units / f"{stem}@{made.ports[0]}.service") for stem in ("nubabel-web", "nubabel-worker")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "nubabel-" in line]
    if ours:
        raise Differs("systemd-analyze verify:\n" + "\n".join(ours))
    return "✓        systemd-analyze verify: nothing to complain about"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
