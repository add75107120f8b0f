"""The Admin API, through the SDK where it has the route and bare where it has not."""

from typing import Any

import anthropic
import httpx2
import pytest

from simulator.buckets import Limits
from simulator.clock import ManualClock
from simulator.ids import admin_key_for
from simulator.parties import Purse
from simulator.testing import RunningSimulator

MODEL = "claude-sonnet-5-5"
BETA = {"anthropic-beta": "analytics-usage-cost-2026-08-24"}
DAY = "2026-11-22T00:00:00Z"


@pytest.fixture
def admin(connect: Any) -> Any:
    """The SDK on the Admin key of alpha's organization."""
    return connect(key=admin_key_for("alpha"))


@pytest.fixture
async def usage(alpha: Any) -> Any:
    """One served request of alpha, at noon."""
    message = await alpha.messages.create(model=MODEL, max_tokens=90, messages=[{"role": "user", "content": "hi"}])
    return message.usage


async def get(admin: Any, path: str, **params: Any) -> Any:
    options: Any = {"params": params, "headers": BETA}
    response = await admin.get(f"/v1/organizations/{path}", cast_to=httpx2.Response, options=options)
    return response.json()


async def test_me_is_the_keys_organization(sim: RunningSimulator, admin: Any) -> None:
    me = await admin.organization.retrieve()
    assert (me.id, me.name) == (sim.world.organizations["alpha"].id, "alpha")


async def test_an_ordinary_key_administers_nothing(alpha: Any) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        await alpha.organization.retrieve()


async def test_keys_are_listed_with_their_hint_and_scope(sim: RunningSimulator, admin: Any) -> None:
    keys = [key async for key in admin.organization.api_keys.list()]
    account = sim.world.accounts["alpha"]
    assert [key.id for key in keys] == [account.key_id]
    assert keys[0].scope.workspace_id == account.workspace.id
    assert keys[0].partial_key_hint == f"{account.key[:16]}...{account.key[-4:]}"


async def test_the_old_version_still_has_workspace_id_on_keys(admin: Any) -> None:
    options: Any = {"headers": {"anthropic-version": "2023-06-01"}}
    response = await admin.get("/v1/organizations/api_keys", cast_to=httpx2.Response, options=options)
    assert response.json()["data"][0]["workspace_id"] is None


async def test_a_deactivated_key_opens_nothing(sim: RunningSimulator, admin: Any, alpha: Any) -> None:
    await admin.organization.api_keys.update(sim.world.accounts["alpha"].key_id, status="inactive")
    with pytest.raises(anthropic.AuthenticationError):
        await alpha.models.list()
    assert [key async for key in admin.organization.api_keys.list(status="active")] == []


async def test_workspaces_are_made_renamed_and_archived(admin: Any) -> None:
    made = await admin.organization.workspaces.create(name="Research")
    assert (await admin.organization.workspaces.update(made.id, name="Labs")).name == "Labs"
    assert [workspace.name async for workspace in admin.organization.workspaces.list()] == ["Labs"]
    await admin.organization.workspaces.archive(made.id)
    assert [workspace.name async for workspace in admin.organization.workspaces.list()] == []
    everything = admin.organization.workspaces.list(include_archived=True, include_default=True)
    assert [workspace.name async for workspace in everything] == ["Default", "Labs"]


async def test_another_organizations_workspace_is_not_there(sim: RunningSimulator, admin: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await admin.organization.workspaces.retrieve(sim.world.accounts["beta"].workspace.id)


async def test_rate_limits_are_those_the_buckets_use(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("small", limits={"claude_sonnet_5_5": Limits(rpm=5, itpm=600, otpm=70)})
    admin = connect(key=admin_key_for("small"))
    entries = [entry async for entry in admin.organization.rate_limits.list(model=MODEL)]
    assert [entry.group.id for entry in entries] == ["claude_sonnet_5_5"]
    assert {limit.type: limit.value for limit in entries[0].limits} == {
        "requests_per_minute": 5,
        "input_tokens_per_minute_cache_aware": 600,
        "output_tokens_per_minute": 70,
    }
    assert entries[0].models == [MODEL]


async def test_rate_limits_have_groups_beside_the_models(admin: Any) -> None:
    entries = [entry async for entry in admin.organization.rate_limits.list(limit=3)]
    assert {entry.group.type for entry in entries} == {
        "model_group",
        "batch",
        "token_count",
        "files",
        "skills",
        "web_search",
    }
    only = [entry async for entry in admin.organization.rate_limits.list(group_type="batch")]
    assert [entry.models for entry in only] == [None]


async def test_rate_limits_of_an_unknown_model_are_404(admin: Any) -> None:
    with pytest.raises(anthropic.NotFoundError):
        await admin.organization.rate_limits.list(model="claude-gherkin-1")


async def test_a_workspace_limit_is_set_and_then_holds(sim: RunningSimulator, admin: Any, connect: Any) -> None:
    organization = sim.world.organizations["alpha"]
    workspace = sim.world.add_workspace("tight", organization=organization)
    sim.world.add_account("tight", workspace=workspace)
    [entry] = [entry async for entry in admin.organization.rate_limits.list(model=MODEL)]
    limits: Any = [{"type": "requests_per_minute", "value": 1}]
    await admin.organization.workspaces.rate_limits.update(entry.id, workspace_id=workspace.id, limits=limits)
    [listed] = [row async for row in admin.organization.workspaces.rate_limits.list(workspace.id)]
    values = {limit.type: (limit.value, limit.org_limit, limit.source.type) for limit in listed.limits}
    assert values["requests_per_minute"] == (1, 10_000, "workspace")
    assert values["output_tokens_per_minute"][2] == "organization"
    request: Any = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    await connect("tight").messages.create(**request)
    with pytest.raises(anthropic.RateLimitError):
        await connect("tight").messages.create(**request)


async def test_spend_limits_are_in_cents(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("rich", purse=Purse(cap=500 * 10**9))
    admin = connect(key=admin_key_for("rich"))
    limits = [limit async for limit in admin.beta.organization.spend_limits.list(scope_type=["usage_tier"])]
    assert [(limit.amount, limit.currency, limit.period) for limit in limits] == [("50000", "USD", "monthly")]


async def test_the_usage_report_tells_what_was_served(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    report = await get(
        admin, "usage_report/messages", starting_at=DAY, bucket_width="1h", group_by=["api_key_id", "model"]
    )
    [noon] = [bucket for bucket in report["data"] if bucket["results"]]
    assert noon["starting_at"] == "2026-11-22T12:00:00Z"
    [row] = noon["results"]
    assert (row["uncached_input_tokens"], row["output_tokens"]) == (usage.input_tokens, usage.output_tokens)
    assert (row["api_key_id"], row["model"]) == (sim.world.accounts["alpha"].key_id, MODEL)
    assert row["workspace_id"] is row["service_tier"] is None


async def test_empty_buckets_are_present(admin: Any) -> None:
    report = await get(admin, "usage_report/messages", starting_at="2026-11-20T00:00:00Z")
    assert [bucket["results"] for bucket in report["data"]] == [[], [], []]


async def test_reports_come_in_pages(admin: Any) -> None:
    query = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-11T00:00:00Z", "limit": 4}
    first = await get(admin, "usage_report/messages", **query)
    second = await get(admin, "usage_report/messages", page=first["next_page"], **query)
    third = await get(admin, "usage_report/messages", page=second["next_page"], **query)
    assert [len(page["data"]) for page in (first, second, third)] == [4, 4, 2]
    assert (first["has_more"], third["has_more"], third["next_page"]) == (True, False, None)


async def test_reports_can_lag_behind(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    sim.world.admin_lag = 300
    clock.advance(299)
    query = {"starting_at": DAY, "ending_at": "2026-11-23T00:00:00Z"}
    early = await get(admin, "usage_report/messages", **query)
    clock.advance(2)
    late = await get(admin, "usage_report/messages", **query)
    assert [bool(report["data"][0]["results"]) for report in (early, late)] == [False, True]


async def test_a_report_can_be_filtered(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    other = await get(admin, "usage_report/messages", starting_at=DAY, models=["claude-opus-5"])
    same = await get(admin, "usage_report/messages", starting_at=DAY, models=[MODEL])
    assert [bool(report["data"][0]["results"]) for report in (other, same)] == [False, True]


async def test_another_organizations_usage_is_not_told(
    connect: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    report = await get(connect(key=admin_key_for("beta")), "usage_report/messages", starting_at=DAY)
    assert report["data"][0]["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"starting_at": "yesterday"},
        {"starting_at": DAY, "bucket_width": "1w"},
        {"starting_at": DAY, "limit": 32},
        {"starting_at": DAY, "group_by": ["colour"]},
        {"starting_at": DAY, "ending_at": DAY},
    ],
)
async def test_a_report_asked_for_badly_is_400(query: dict[str, Any], admin: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        await get(admin, "usage_report/messages", **query)


async def test_costs_are_decimal_strings_in_cents(admin: Any, usage: anthropic.types.Usage, clock: ManualClock) -> None:
    clock.advance(60)
    report = await get(admin, "cost_report", starting_at=DAY, group_by=["description", "workspace_id"])
    rows = {row["token_type"]: row for row in report["data"][0]["results"]}
    assert rows["uncached_input_tokens"]["amount"] == "0.0008"
    assert rows["output_tokens"]["description"] == "Claude Sonnet 5.5 Usage - Output Tokens"
    assert rows["output_tokens"]["cost_type"] == "tokens"
    assert rows["output_tokens"]["workspace_id"] is None


async def test_the_costs_add_up(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    report = await get(admin, "cost_report", starting_at=DAY)
    [row] = report["data"][0]["results"]
    assert row["amount"] == f"{sim.world.accounts['alpha'].cost / 10_000_000:f}".rstrip("0")


async def test_analytics_gives_the_cost_of_each_key(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    page = admin.beta.organization.analytics.cost.list(
        starting_at=DAY, group_by=["api_key_id", "token_type"], betas=["analytics-usage-cost-2026-08-24"]
    )
    rows = [row async for row in page]
    assert {row.group.api_key_id for row in rows} == {sim.world.accounts["alpha"].key_id}
    assert {row.group.token_type for row in rows} == {"uncached_input_tokens", "output_tokens"}
    assert rows[0].cost.currency == "USD"


async def test_analytics_usage_names_the_default_workspace(
    sim: RunningSimulator, admin: Any, usage: anthropic.types.Usage, clock: ManualClock
) -> None:
    clock.advance(60)
    report = await get(
        admin,
        "analytics/usage",
        starting_at=DAY,
        ending_at="2026-11-23T00:00:00Z",
        time_bucket_width="1h",
        group_by=["workspace_id"],
    )
    [row] = report["data"]
    assert row["group"] == {"workspace_id": sim.world.accounts["alpha"].workspace.id}
    assert row["starting_at"] == "2026-11-22T12:00:00Z"
    assert (row["usage"]["requests"], row["usage"]["total_tokens"]) == (1, sim.world.accounts["alpha"].tokens)
    assert report["data_refreshed_at"] == "2026-11-22T12:01:00Z"


@pytest.mark.parametrize(
    "query",
    [
        {"starting_at": "2025-12-31T00:00:00Z"},
        {"starting_at": DAY, "time_bucket_width": "1h"},
        {"starting_at": "2026-09-01T00:00:00Z", "ending_at": "2026-11-01T00:00:00Z"},
    ],
)
async def test_analytics_has_bounds(query: dict[str, Any], admin: Any) -> None:
    with pytest.raises(anthropic.BadRequestError):
        await get(admin, "analytics/usage", **query)


async def test_analytics_needs_its_beta_header(admin: Any) -> None:
    options: Any = {"params": {"starting_at": DAY}}
    with pytest.raises(anthropic.BadRequestError):
        await admin.get("/v1/organizations/analytics/usage", cast_to=httpx2.Response, options=options)


async def test_claude_codes_use_is_told_apart(connect: Any, alpha: Any, admin: Any, clock: ManualClock) -> None:
    request: Any = {"model": MODEL, "max_tokens": 90, "messages": [{"role": "user", "content": "hi"}]}
    await alpha.messages.create(**request)
    await alpha.messages.create(**request, extra_headers={"user-agent": "claude-cli/3.0.1 (external)"})
    clock.advance(60)
    report = await get(admin, "usage_report/claude_code", starting_at="2026-11-22")
    [row] = report["data"]
    assert row["actor"] == {"type": "api_actor", "api_key_name": "alpha"}
    assert (row["core_metrics"]["num_sessions"], row["model_breakdown"][0]["tokens"]["input"]) == (1, 4)


async def test_a_batch_that_is_due_is_in_the_report(alpha: Any, admin: Any, clock: ManualClock) -> None:
    request: Any = {"model": MODEL, "max_tokens": 90, "messages": [{"role": "user", "content": "hi"}]}
    await alpha.messages.batches.create(requests=[{"custom_id": "one", "params": request}])
    clock.advance(120)
    report = await get(admin, "usage_report/messages", starting_at=DAY, group_by=["service_tier"])
    assert [row["service_tier"] for row in report["data"][0]["results"]] == ["batch"]
