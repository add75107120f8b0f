"""Who there is: the organization, its keys, its workspaces."""

from typing import Any

from simulator.errors import InvalidRequest, NotFound
from simulator.paging import by_id
from simulator.parties import Account, Organization, Workspace
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.times import rfc3339
from simulator.validation import NEW_VERSION, json_object, version_of
from simulator.world import World

CREATOR = {"id": "user_01SimulatedFounder00000000", "type": "user"}


def me(_world: World, organization: Organization, _incoming: Incoming) -> Reply:
    """Give the organization the key belongs to."""
    return json_reply({"id": organization.id, "name": organization.name, "type": "organization"})


def _key_row(account: Account, version: str) -> dict[str, Any]:
    workspace = account.workspace
    row: dict[str, Any] = {
        "type": "api_key",
        "id": account.key_id,
        "name": account.name,
        "status": account.status,
        "partial_key_hint": f"{account.key[:16]}...{account.key[-4:]}",
        "created_at": rfc3339(account.created_at),
        "created_by": CREATOR,
        "expires_at": None,
        "principal": None,
        "scope": {"type": "workspace", "workspace_id": workspace.id},
    }
    if version != NEW_VERSION:
        row["workspace_id"] = None if workspace.is_default else workspace.id
    return row


def _keys_of(world: World, organization: Organization) -> list[Account]:
    return [account for account in world.accounts.values() if account.organization is organization]


def keys(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """List the API keys, by status and workspace if asked."""
    status, workspace = incoming.first("status"), incoming.first("workspace_id")
    creator = incoming.first("created_by_user_id")
    rows = [
        _key_row(account, version_of(incoming.headers))
        for account in _keys_of(world, organization)
        if status in {None, account.status}
        and workspace in {None, account.workspace.id}
        and creator in {None, CREATOR["id"]}
    ]
    return json_reply(by_id(rows, incoming))


def _key(world: World, organization: Organization, incoming: Incoming) -> Account:
    key_id = incoming.params["key"]
    found = next((a for a in _keys_of(world, organization) if a.key_id == key_id), None)
    if found is None:
        raise NotFound(f"API key {key_id} not found")
    return found


def key(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Give one key."""
    return json_reply(_key_row(_key(world, organization, incoming), version_of(incoming.headers)))


def update_key(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Rename a key or change its status. Raises InvalidRequest for a status there is not."""
    account = _key(world, organization, incoming)
    status = json_object(incoming.body).get("status")
    if status not in {None, "active", "inactive", "archived"}:
        raise InvalidRequest("status: Input should be 'active', 'inactive' or 'archived'")
    account.status = status or account.status
    return json_reply(_key_row(account, version_of(incoming.headers)))


def _workspace_row(workspace: Workspace) -> dict[str, Any]:
    return {
        "type": "workspace",
        "id": workspace.id,
        "name": workspace.name,
        "created_at": rfc3339(workspace.created_at),
        "archived_at": rfc3339(workspace.archived_at) if workspace.archived_at else None,
        "compartment_id": f"cmpt_{workspace.id[9:]}",
        "data_residency": {
            "allowed_inference_geos": "unrestricted",
            "default_inference_geo": "global",
            "workspace_geo": "us",
        },
        "display_color": "#6C5BB9",
        "external_key_id": None,
        "tags": {},
        "user_profile_id": None,
    }


def workspaces(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """List the workspaces; the default and the archived ones only when asked for."""
    ids = set(incoming.every("ids"))
    archived = incoming.first("include_archived") == "true"
    default = incoming.first("include_default") == "true"
    rows = [
        _workspace_row(workspace)
        for workspace in world.workspaces.values()
        if workspace.organization is organization
        and (archived or workspace.archived_at is None)
        and (default or not workspace.is_default)
        and (not ids or workspace.id in ids)
    ]
    return json_reply(by_id(rows, incoming))


def find_workspace(world: World, organization: Organization, incoming: Incoming) -> Workspace:
    """Give the workspace a path names. Raises NotFound."""
    workspace = world.workspaces.get(incoming.params["workspace"])
    if workspace is None or workspace.organization is not organization:
        raise NotFound(f"Workspace {incoming.params['workspace']} not found")
    return workspace


def workspace(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Give one workspace."""
    return json_reply(_workspace_row(find_workspace(world, organization, incoming)))


def _name(incoming: Incoming) -> str:
    name = json_object(incoming.body).get("name")
    if not isinstance(name, str) or not name:
        raise InvalidRequest("name: Field required")
    return name


def create_workspace(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Make a workspace. Raises InvalidRequest without a name."""
    return json_reply(_workspace_row(world.add_workspace(_name(incoming), organization=organization)))


def update_workspace(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Rename a workspace."""
    found = find_workspace(world, organization, incoming)
    found.name = _name(incoming)
    return json_reply(_workspace_row(found))


def archive_workspace(world: World, organization: Organization, incoming: Incoming) -> Reply:
    """Archive a workspace; its keys stop working. Raises InvalidRequest for the default one."""
    found = find_workspace(world, organization, incoming)
    if found.is_default:
        raise InvalidRequest("The default workspace cannot be archived")
    found.archived_at = found.archived_at or world.clock.now()
    return json_reply(_workspace_row(found))
