"""The cast of the gateway's tests: a clock wound by hand, an Anthropic that does as told, and a pool of accounts."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from accounts.credentials import Secret
from accounts.directory import Credential
from gateway.background import Background
from gateway.calls import Call
from gateway.driver import Run
from gateway.errors import ConnectionCut
from gateway.ports import Ports
from gateway.renewals import Renewals
from gateway.replies import Fault
from gateway.wire import Deadlines, Request
from quota.engine.memory import MemoryEngine
from quota.engine.types import Account, Event, PoolSettings
from tests.gateway.remembered import RememberedOwners

NOON = 1_795_435_200_000  # 2026-11-23 12:00 UTC
POOL = "pool"
MODEL = "claude-sonnet-5-5"
SECRET = "sk-ant-api03-CANARY-0123456789"


class HandClock:
    """Time passes only when somebody sleeps or winds it."""

    def __init__(self, now_ms=NOON):
        self.ms = now_ms
        self.slept = []

    def now_ms(self):
        return self.ms

    def monotonic(self):
        return self.ms / 1_000

    def wind(self, seconds):
        self.ms += round(seconds * 1_000)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.wind(seconds)
        await asyncio.sleep(0)


@dataclass
class Answers:
    """One scripted answer. A chunk that is an exception is raised; one that is callable is called (and may wait)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[Any] = field(default_factory=list)


class ScriptedExchange:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = {"content-type": "application/json", "request-id": "req_1", **answer.headers}
        self.left = deque(answer.chunks)
        self.closed = False
        self.timeouts = []

    async def read(self, *, timeout):  # noqa: ASYNC109 - the protocol's
        self.timeouts.append(timeout)
        if not self.left:
            return b""
        chunk = self.left.popleft()
        if callable(chunk):
            chunk = await chunk()
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk

    def close(self):
        self.closed = True


class ScriptedUpstream:
    """Answers per account; an exception instead of an answer is raised. The last one stays."""

    def __init__(self, **scripts):
        self.scripts = {account: deque(script) for account, script in scripts.items()}
        self.sent = []
        self.exchanges = []

    async def open(self, request, credential, *, first_byte):
        self.sent.append((credential.id, request))
        script = self.scripts[credential.id]
        answer = script.popleft() if len(script) > 1 else script[0]
        if callable(answer):
            answer = await answer()
        if isinstance(answer, BaseException):
            raise answer
        exchange = ScriptedExchange(answer)
        self.exchanges.append(exchange)
        return exchange


class Keyring:
    def __init__(self, **raising):
        self.raising = raising

    async def get(self, account_id):
        if account_id in self.raising:
            raise self.raising[account_id]
        return Credential(account_id, account_id.title(), POOL, "https://api.anthropic.com", Secret(SECRET), True)


def ok(text="Hello", input_tokens=10, output_tokens=5, **headers):
    content = [{"type": "text", "text": text}]
    usage = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    body = {"type": "message", "role": "assistant", "model": MODEL, "content": content, "usage": usage}
    return Answers(200, headers, [json.dumps(body).encode()])


def fails(status, type_="api_error", message="no", **headers):
    body = {"type": "error", "error": {"type": type_, "message": message}}
    return Answers(status, {k.replace("_", "-"): v for k, v in headers.items()}, [json.dumps(body).encode()])


def frame(name, **data):
    return f"event: {name}\ndata: {json.dumps({'type': name, **data}, separators=(',', ':'))}\n\n".encode()


def text_delta(text):
    return frame("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


START = frame("message_start", message={"model": MODEL, "usage": {"input_tokens": 10, "output_tokens": 1}})
BLOCK = frame("content_block_start", index=0, content_block={"type": "text", "text": ""})
END = frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
STOP = frame("message_stop")
OVERLOADED_FRAME = frame("error", error={"type": "overloaded_error", "message": "Overloaded"})


def streams(*chunks):
    return Answers(200, {"content-type": "text/event-stream; charset=utf-8"}, list(chunks))


def good_stream(*texts):
    return streams(START, BLOCK, *[text_delta(text) for text in texts or ("Hi",)], END, STOP)


CUT = ConnectionCut(Fault.CUT)


@dataclass
class Stage:
    """A pool whose accounts are on a scripted Anthropic, and everything one can look at."""

    upstream: ScriptedUpstream
    clock: HandClock = field(default_factory=HandClock)
    settings: PoolSettings = field(default_factory=lambda: PoolSettings(version=1))
    keyring: Keyring = field(default_factory=Keyring)
    deadlines: Deadlines = field(default_factory=Deadlines)
    accounts: list[Account] = field(default_factory=list)
    loads: int = 0
    events: list[Event] = field(default_factory=list)
    owners: Any = field(default_factory=RememberedOwners)

    def __post_init__(self):
        self.engine = MemoryEngine(clock=self.clock.now_ms)
        self.background = Background()
        self.accounts = self.accounts or [Account(id=name) for name in self.upstream.scripts]
        self.ports = Ports(
            engine=self.engine,
            credentials=self.keyring,
            upstream=self.upstream,
            reload=self.load,
            clock=self.clock,
            background=self.background,
            renewals=Renewals(clock=self.clock),
            deadlines=self.deadlines,
        )

    async def load(self, pool):
        self.loads += 1
        await self.engine.configure(pool, self.settings, self.accounts)

    def run(self, *, ports=None, **options):
        call = Call(
            **{
                "activity": "activity-1",
                "pool": POOL,
                "model": MODEL,
                "group": "sonnet-5-5",
                "tokens": 100,
                "cost": 1_000,
                **options,
            }
        )
        request = Request("POST", "/v1/messages", (("anthropic-version", "2026-10-21"),), b"{}")
        return Run(ports or self.ports, call, request, listener=self.events.append)

    async def respond(self, **options):
        run = self.run(**options)
        return run, await run.respond()

    async def state(self, account):
        return (await self.engine.snapshot(POOL)).accounts[account]

    async def leases(self):
        await self.background.drain(timeout=1)
        return (await self.engine.snapshot(POOL)).leases

    def types(self):
        return [event.type for event in self.events]


def stage(**options):
    """A pool of the accounts named, each with its answers: `stage(alpha=[ok()], beta=[fails(500)])`."""
    settings = {name: options.pop(name) for name in list(options) if name in Stage.__dataclass_fields__}
    return Stage(ScriptedUpstream(**options), **settings)
