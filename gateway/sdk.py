"""The pooled client: the official SDK over the pool.

    import gateway

    async def ask() -> str:
        async with gateway.client(session="conversation-42") as claude:
            message = await claude.messages.create(
                model="claude-sonnet-5-5", max_tokens=200, messages=[{"role": "user", "content": "Hello"}]
            )
            return message.content[0].text

Streaming, tools, token counting, batches, files and raw responses work as ever. Code that is not async calls such a
function with `asyncio.run(ask())`, or with `asgiref.sync.async_to_sync(ask)()` inside Django. A client costs 0.1 ms:
make one for each conversation, so that the conversation stays on one account and its prompt cache.
"""

from typing import TYPE_CHECKING, Final

from gateway.preparing import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthropic import AsyncAnthropic

    from gateway.driver import Run
    from gateway.ports import Listener, Source
    from gateway.serving import Service
    from quota.engine.types import Client

BASE_URL: Final = "http://pool.invalid"
"""Never connected to. Explicit, lest ANTHROPIC_BASE_URL is read."""
PLACEHOLDER_KEY: Final = "the-pool-chooses-the-key"
"""The SDK insists on a key; the transport throws it away."""
TIMEOUT_SECONDS: Final = 3_600.0
"""The pool has deadlines of its own; this one only tells the SDK not to have another opinion."""


def client(  # noqa: PLR0913 - keywords, each with a default
    *,
    pool: str = "",
    session: str = "",
    category: str = "",
    principal: str = "",
    source: str = "client",
    on_behalf_of: "Client | None" = None,
    caller: str = "",
    listener: "Listener | None" = None,
    on_run: "Callable[[Run], None] | None" = None,
    via: "Source | None" = None,
    service: "Callable[[], Service] | None" = None,
) -> "AsyncAnthropic":
    """Give an `AsyncAnthropic` whose requests are served by the pool's accounts.

    `pool` is a name or id, or empty: the pool named default, else the only one there is. One that does not exist shows
    at the first request, as an `anthropic.APIConnectionError` caused by `gateway.errors.UnknownPool`.
    `on_behalf_of` has limits of its own, which are counted and enforced beside the accounts'. `caller` is for logs.
    `session` keeps requests on one account while that makes sense, among requests of the same `principal`. `via` and
    `service` bring machinery of one's own (tests do). The SDK retries nothing: the pool has done so already.
    """
    import httpx2  # both imported here: the SDK takes 1.5 s, which only those who call Claude should pay
    from anthropic import AsyncAnthropic

    from gateway.transport import PoolTransport

    context = Context(
        principal=principal,
        session=session,
        source=source,
        category=category,
        client=on_behalf_of,
        caller=caller,
    )
    transport = PoolTransport(
        via or _wired(pool), context=context, listener=listener, on_run=on_run, service=service or _service
    )
    return AsyncAnthropic(
        api_key=PLACEHOLDER_KEY,
        base_url=BASE_URL,
        max_retries=0,
        timeout=TIMEOUT_SECONDS,
        http_client=httpx2.AsyncClient(transport=transport, trust_env=False, timeout=TIMEOUT_SECONDS),
    )


def _service() -> "Service":
    from gateway.wiring import service

    return service()


def _wired(pool: str) -> "Source":
    from gateway.wiring import machinery_of

    return machinery_of(pool)
