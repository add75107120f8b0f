"""Rate limits and spend limits, as the Admin API tells them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.admin.directory import find_workspace
from simulator.buckets import Limits
from simulator.catalogue import ALIASES, GROUPS, MODELS, find
from simulator.errors import InvalidRequest, NotFound
from simulator.ids import token_for
from simulator.paging import by_page
from simulator.parties import Organization, Purse, Workspace, limits_in_force
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.times import rfc3339
from simulator.validation import NEW_VERSION, json_object, version_of
from simulator.world import World

# The API's name of each of our three limits.
FIELDS = {
    "requests_per_minute": "rpm",
    "input_tokens_per_minute_cache_aware": "itpm",
    "output_tokens_per_minute": "otpm",
}
OTHER_GROUPS: Mapping[str, Mapping[str, int]] = {
    "batch": {"requests_per_minute": 4_000, "enqueued_batch_requests": 500_000},
    "token_count": {"requests_per_minute": 8_000},
    "files": {"requests_per_minute": 1_000},
    "skills": {"requests_per_minute": 500},
    "web_search": {"tool_uses_per_second": 30},
}

Row = dict[str, Any]


def _values(limits: Limits) -> dict[str, int]:
    return {name: getattr(limits, field) for name, field in FIELDS.items()}


def _limit_id(organization: Organization, group: str) -> str:
    return f"rlim_01{token_for(f'{organization.name}/{group}', length=22)}"


def _models_of(group: str) -> list[str]:
    ids = [model.id for model in MODELS.values() if model.group == group]
    return ids + [alias for alias, target in ALIASES.items() if target in ids]


def _entry(organization: Organization, group: str) -> Row:
    """What every entry says about its group."""
    if group in GROUPS:
        kind = {"type": "model_group", "id": group, "display_name": GROUPS[group].display_name}
        return {"id": _limit_id(organization, group), "group": kind, "models": _models_of(group)}
    return {"id": _limit_id(organization, group), "group": {"type": group, "id": group}, "models": None}


def _organization_values(organization: Organization, group: str) -> Mapping[str, int]:
    if group in OTHER_GROUPS:
        return OTHER_GROUPS[group]
    return _values(limits_in_force(organization.limits, group, GROUPS[group].limits))


def _wanted_groups(incoming: Incoming) -> list[str]:
    model, kind = incoming.first("model"), incoming.first("group_type")
    groups = [*GROUPS, *OTHER_GROUPS]
    if model is not None:
        found = find(model)
        if found is None:
            raise NotFound(f"model: {model}")
        groups = [found.group]
    return [group for group in groups if kind in {None, "model_group" if group in GROUPS else group}]


def organization_limits(_world: World, organization: Organization, incoming: Incoming) -> Reply:
    """List the organization's rate limits. Raises NotFound for a model nobody knows."""
    rows = []
    for group in _wanted_groups(incoming):
        values = _organization_values(organization, group)
        limits = [{"type": name, "value": value} for name, value in values.items()]
        row: Row = {"type": "rate_limit", **_entry(organization, group), "limits": limits}
        if version_of(incoming.headers) != NEW_VERSION:
            row["group_type"] = row["group"]["type"]
        rows.append(row)
    return json_reply(by_page(rows, incoming, default=100))


def workspace_limits(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """List a workspace's own limits, with those it inherits when asked."""
    workspace = find_workspace(world, organization, incoming)
    inherited = incoming.first("include_inherited") == "true"
    rows = [_workspace_row(workspace, group) for group in _wanted_groups(incoming)]
    kept = [row for row in rows if inherited or any(limit["source"]["type"] == "workspace" for limit in row["limits"])]
    return json_reply(by_page(kept, incoming, default=100))


def _workspace_row(workspace: Workspace, group: str) -> Row:
    entry = _entry(workspace.organization, group)
    above = _organization_values(workspace.organization, group)
    own = above
    if group in GROUPS and workspace.limits:
        own = _values(limits_in_force(workspace.limits, group, Limits(*above.values())))
    limits = [
        {
            "type": name,
            "value": own[name],
            "org_limit": above[name],
            "source": {"type": "organization" if own[name] == above[name] else "workspace"},
        }
        for name in above
    ]
    return {
        "type": "workspace_rate_limit",
        "workspace_id": workspace.id,
        "rate_limit_id": entry["id"],
        "group": entry["group"],
        "models": entry["models"],
        "limits": limits,
    }


def update_workspace_limits(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Set (or with null clear) a workspace's limits of one model group. Raises InvalidRequest or NotFound."""
    workspace = find_workspace(world, organization, incoming)
    if workspace.is_default:
        raise InvalidRequest("Limits cannot be set on the default workspace")
    wanted = incoming.params["limit"]
    group = next((group for group in GROUPS if _limit_id(organization, group) == wanted), None)
    if group is None:
        raise NotFound(f"Rate limit {wanted} not found")
    above = limits_in_force(organization.limits, group, GROUPS[group].limits)
    limits = limits_in_force(workspace.limits, group, above)
    for change in json_object(incoming.body).get("limits") or ():
        limits = _changed(limits, above, change)
    workspace.limits[group] = limits
    return json_reply(_workspace_row(workspace, group))


def _changed(limits: Limits, above: Limits, change: Mapping[str, Any]) -> Limits:
    field = FIELDS.get(str(change.get("type")))
    if field is None:
        raise InvalidRequest(f"limits: unknown type {change.get('type')!r}")
    value = change.get("value")
    ceiling = getattr(above, field)
    if value is not None and not (isinstance(value, int) and 0 < value <= ceiling):
        raise InvalidRequest(f"limits.{change['type']}: Input should be between 1 and {ceiling}")
    return replace(limits, **{field: ceiling if value is None else value})


def spend_limits(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """List spend limits: the tier's cap, the organization's own and its workspaces'. Amounts are cents."""
    purse = organization.purse
    found = [
        _spend_row(organization, purse.cap, {"type": "usage_tier"}),
        _spend_row(organization, purse.limit, {"type": "organization"}),
    ]
    found += [
        _spend_row(organization, workspace.purse.limit, {"type": "workspace", "workspace_id": workspace.id})
        for workspace in world.workspaces.values()
        if workspace.organization is organization and workspace.purse != Purse()
    ]
    kinds, workspace_id = set(incoming.every("scope_type")), incoming.first("workspace_id")
    rows = [row for row in found if not kinds or row["scope"]["type"] in kinds]
    rows = [row for row in rows if workspace_id in {None, row["scope"].get("workspace_id")}]
    return json_reply(by_page(rows, incoming))


def _spend_row(organization: Organization, nano: int | None, scope: Mapping[str, str]) -> Row:
    name = f"{organization.name}/{sorted(scope.items())}"
    return {
        "type": "spend_limit",
        "id": f"spl_01{token_for(name, length=22)}",
        "amount": None if nano is None else str(nano // 10_000_000),
        "currency": "USD",
        "is_enabled": nano is not None,
        "period": "monthly",
        "scope": dict(scope),
        "created_at": rfc3339(organization.created_at),
        "updated_at": rfc3339(organization.created_at),
    }
