"""Processes that do what a worker does of telling people, started in milliseconds.

`python -m tests.chaos_slack.workers URL SEED WORKERS TRANSITIONS TOGETHER INTERVAL HELD_FOR` imports all of it once and
then forks a worker for each number on its standard input, answering with its process id. Each writes its share of
the letters, which another one writes too, and carries what waits until it is told to leave.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - these need Django's apps

from notifications.errors import Unavailable  # noqa: E402
from notifications.planning import Waiting  # noqa: E402
from notifications.post_office import PostOffice  # noqa: E402
from notifications.sinks import SlackSink, WebhookSettings, sinks_of  # noqa: E402
from notifications.slack_blocks import Channel  # noqa: E402
from notifications.slack_routes import SlackSettings  # noqa: E402
from tests.chaos_slack.plan import CHANNEL, Plan, transitions  # noqa: E402
from tests.notifications.fakes import NAMES, FakeEntry, alert_entry  # noqa: E402

BATCH = 10
PAUSE_SECONDS = 0.2


class Hurried:
    """A destination with a pace of its own that now and then does not answer; such messages it did not take."""

    def __init__(self, inner: SlackSink, *, plan: Plan, random: Random) -> None:
        self._inner = inner
        self._random = random
        self.interval_s, self.together = plan.interval, plan.together
        self.name, self.fingerprint = inner.name, inner.fingerprint
        self.content = inner.content

    async def deliver(self, letters: Sequence[Waiting], /, *, unlisted: int, thread: str) -> str:
        if self._random.random() < 0.03:
            raise Unavailable("timeout", retry_after=0.5)
        return await self._inner.deliver(letters, unlisted=unlisted, thread=thread)


async def work(url: str, plan: Plan, number: int) -> None:
    """Write one's share, in batches as a stream gives them, and deliver until SIGTERM."""
    stop, thread = asyncio.Event(), ThreadPoolExecutor(max_workers=1)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def do(orm: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(thread, orm)

    random = Random(plan.seed * 1_000 + number)
    settings = SlackSettings(bot_token="xoxb-chaos", channels={Channel.ALERT: CHANNEL}, api_url=f"{url}/slack/api/")
    sinks = [
        Hurried(sink, plan=plan, random=random)
        for sink in sinks_of(settings, WebhookSettings())
        if isinstance(sink, SlackSink)
    ]
    held_for = timedelta(seconds=plan.held_for)
    office = PostOffice(sinks=sinks, do=do, now=timezone.now, name=f"worker-{os.getpid()}", held_for=held_for)
    share = _share(plan, number % plan.workers, random)

    async def write() -> None:
        """Beside the carrying, as in the real worker: what is written late is skipped when a later step was told."""
        while share and not stop.is_set():
            await office.relay.publish(share.pop(0), names=NAMES)

    async def carry() -> None:
        while not stop.is_set():
            await office.deliver()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)

    await asyncio.gather(write(), carry())


def _share(plan: Plan, mine: int, random: Random) -> list[list[FakeEntry]]:
    """Every transition is two workers' business; who comes back begins anew, as with entries it did not acknowledge."""
    entries = [
        alert_entry(alert=str(alert), number=number, title=f"transition {alert} {number}", entry_id=f"{at + 1}-0")
        for at, (alert, number) in enumerate(transitions(plan))
        if mine in {at % plan.workers, (at * 7 + 3) % plan.workers}
    ]
    batches = [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
    for batch in batches:
        random.shuffle(batch)
    return batches


def main(url: str, *numbers: str) -> None:
    seed, workers, count, together = map(int, numbers[:4])
    interval, held_for = map(float, numbers[4:])
    plan = Plan(seed=seed, workers=workers, transitions=count, together=together, interval=interval, held_for=held_for)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no farewell
    born = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(url, plan, int(line))
        born.append(pid)
        print(pid, flush=True)
    for pid in born:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _live(url: str, plan: Plan, number: int) -> None:
    try:
        asyncio.run(work(url, plan, number))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
