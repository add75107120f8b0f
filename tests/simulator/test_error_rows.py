"""Every row of the outcome table, as the real SDK sees it."""

from typing import Any

import anthropic
import pytest
from anthropic import types

from simulator.faults.answers import ROWS
from simulator.testing import RunningSimulator
from simulator.world import World

REQUEST: Any = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hi"}],
}
FIRST = "2026-12-01 at 00:00 UTC"

# fault -> (class, status, error.type, error_code)
EXPECTED = {
    "bad_request": (anthropic.BadRequestError, 400, "invalid_request_error", None),
    "spend_limit": (anthropic.BadRequestError, 400, "invalid_request_error", None),
    "workspace_spend_limit": (anthropic.BadRequestError, 400, "invalid_request_error", None),
    "credit": (anthropic.BadRequestError, 400, "invalid_request_error", None),
    "organization_disabled": (anthropic.BadRequestError, 400, "invalid_request_error", None),
    "on_hold": (anthropic.BadRequestError, 400, "invalid_request_error", "organization_on_hold"),
    "invalid_key": (anthropic.AuthenticationError, 401, "authentication_error", None),
    "billing": (anthropic.PaymentRequiredError, 402, "billing_error", None),
    "linked_billing": (
        anthropic.PaymentRequiredError,
        402,
        "billing_error",
        "linked_organization_billing_unavailable",
    ),
    "forbidden": (anthropic.PermissionDeniedError, 403, "permission_error", None),
    "model_forbidden": (anthropic.PermissionDeniedError, 403, "permission_error", None),
    "model_not_found": (anthropic.NotFoundError, 404, "not_found_error", None),
    "not_found": (anthropic.NotFoundError, 404, "not_found_error", None),
    "timeout": (anthropic.RequestTimeoutError, 408, "timeout_error", None),
    "conflict": (anthropic.ConflictError, 409, "conflict_error", None),
    "too_large": (anthropic.ContentTooLargeError, 413, "request_too_large", None),
    "unprocessable": (anthropic.UnprocessableEntityError, 422, "invalid_request_error", None),
    "throttle_bare": (anthropic.RateLimitError, 429, "rate_limit_error", None),
    "long_context": (anthropic.RateLimitError, 429, "rate_limit_error", None),
    "throttle": (anthropic.RateLimitError, 429, "rate_limit_error", None),
    "throttle_reset": (anthropic.RateLimitError, 429, "rate_limit_error", None),
    "throttle_ms": (anthropic.RateLimitError, 429, "rate_limit_error", None),
    "ramp": (anthropic.RateLimitError, 429, "rate_limit_error", "ramp_limit_exceeded"),
    "spend_cap": (anthropic.RateLimitError, 429, "rate_limit_error", "enforced_spend_limit_reached"),
    "contract_spend_cap": (anthropic.RateLimitError, 429, "rate_limit_error", "contract_spend_limit_reached"),
    "internal": (anthropic.InternalServerError, 500, "api_error", None),
    "bad_gateway": (anthropic.InternalServerError, 502, "api_error", None),
    "unavailable": (anthropic.ServiceUnavailableError, 503, "api_error", None),
    "gateway_timeout": (anthropic.GatewayTimeoutError, 504, "timeout_error", None),
    "overloaded": (anthropic.OverloadedError, 529, "overloaded_error", None),
}


async def fails(client: Any, **more: Any) -> Any:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**REQUEST | more)
    return caught.value


def test_every_row_is_expected_here() -> None:
    assert set(ROWS) <= set(EXPECTED)


@pytest.mark.parametrize("fault", EXPECTED)
async def test_a_row_raises_the_sdks_class(fault: str, sim: RunningSimulator, alpha: Any) -> None:
    kind, status, error_type, code = EXPECTED[fault]
    sim.world.fault(fault)
    error = await fails(alpha)
    assert isinstance(error, kind)
    assert (error.status_code, error.type, error.error_code) == (status, error_type, code)


@pytest.mark.parametrize("fault", EXPECTED)
async def test_an_error_names_its_request_organization_and_workspace(
    fault: str, sim: RunningSimulator, alpha: Any
) -> None:
    sim.world.fault(fault)
    error = await fails(alpha)
    account = sim.world.accounts["alpha"]
    assert error.request_id == error.body["request_id"] == sim.world.exchanges[-1].request_id
    assert error.response.headers["anthropic-organization-id"] == account.organization.id
    assert error.workspace_id == account.workspace.id


async def test_a_ramp_limit_has_a_class_of_its_own(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("ramp", retry_after=12)
    error = await fails(alpha)
    assert isinstance(error, types.shared.RampLimitExceededError)
    assert error.response.headers["retry-after"] == "12"


async def test_a_throttle_says_when_to_come_back(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("throttle", retry_after=7, dimension="input-tokens")
    headers = (await fails(alpha)).response.headers
    assert headers["retry-after"] == "7"
    assert headers["anthropic-ratelimit-input-tokens-remaining"] == "0"
    assert headers["anthropic-ratelimit-input-tokens-reset"] == "2026-11-22T12:00:07Z"
    assert headers["anthropic-ratelimit-requests-remaining"] == "10000"


async def test_a_throttle_may_only_have_reset_headers(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("throttle_reset", seconds=45)
    headers = (await fails(alpha)).response.headers
    assert "retry-after" not in headers
    assert headers["anthropic-ratelimit-requests-reset"] == "2026-11-22T12:00:45Z"


@pytest.mark.parametrize(
    "fault", ["spend_cap", "contract_spend_cap", "throttle_bare", "long_context", "throttle_reset"]
)
async def test_these_come_without_a_retry_after(fault: str, sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault(fault)
    assert "retry-after" not in (await fails(alpha)).response.headers


@pytest.mark.parametrize(
    ("fault", "beginning"),
    [
        ("spend_limit", f"You have reached your specified API usage limits. You will regain access on {FIRST}."),
        ("workspace_spend_limit", "You have reached your specified workspace API usage limits."),
        ("credit", "Your credit balance is too low"),
        ("organization_disabled", "This organization has been disabled"),
        ("long_context", "Extra usage is required for long context requests."),
        ("model_not_found", "model: claude-sonnet-5-5"),
    ],
)
async def test_wordings_are_the_known_ones(fault: str, beginning: str, sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault(fault)
    assert (await fails(alpha)).api_message.startswith(beginning)


async def test_a_row_can_be_varied(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("overloaded", message="Try {later}", retry_after=2, should_retry=False)
    error = await fails(alpha)
    assert error.api_message == "Try {later}"
    assert error.response.headers["retry-after"] == "2"
    assert error.response.headers["x-should-retry"] == "false"


async def test_any_other_status_can_be_scripted(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("status", status=418, type="teapot_error", message="short and stout")
    error = await fails(alpha)
    assert (error.status_code, error.api_message) == (418, "short and stout")


async def test_a_stream_request_gets_its_error_as_a_plain_answer(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("overloaded")
    assert isinstance(await fails(alpha, stream=True), anthropic.OverloadedError)


async def test_a_failed_request_costs_nothing(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.fault("internal")
    await fails(alpha)
    account = sim.world.accounts["alpha"]
    assert (account.requests, account.tokens, account.cost, account.statuses) == (1, 0, 0, {500: 1})


async def test_a_sequence_is_played_one_by_one_and_then_it_serves(sim: RunningSimulator, alpha: Any) -> None:
    sim.world.play("alpha", "overloaded", "ok", "internal")
    assert isinstance(await fails(alpha), anthropic.OverloadedError)
    await alpha.messages.create(**REQUEST)
    assert isinstance(await fails(alpha), anthropic.InternalServerError)
    await alpha.messages.create(**REQUEST)


async def test_a_fault_of_one_account_leaves_the_others_alone(sim: RunningSimulator, connect: Any) -> None:
    sim.world.always("beta", "internal")
    await connect("alpha").messages.create(**REQUEST)
    assert isinstance(await fails(connect("beta")), anthropic.InternalServerError)


def test_secrets_stay_out_of_sight(world: World) -> None:
    assert "sk-ant" not in repr(world.accounts)
