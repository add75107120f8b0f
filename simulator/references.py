"""What a message may point at: files, containers and custom skills of its own workspace, and no others."""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator import files, skills
from simulator.parties import Account
from simulator.things import Container
from simulator.times import DAY
from simulator.world import World

CONTAINER_LIFE = 30 * DAY

Json = Mapping[str, Any]


def file_ids(value: object) -> Iterator[str]:
    """Find every file a body names, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("file_id"), str):
            yield value["file_id"]
        for inner in value.values():
            yield from file_ids(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from file_ids(inner)


def check(world: World, account: Account, body: Json, raw: bytes) -> None:
    """Refuse what belongs to another workspace. Raises NotFound."""
    if b'"file_id"' in raw:
        for file_id in file_ids(body):
            files.find(world, account, file_id)
    container = body.get("container")
    if isinstance(container, dict):
        for skill in container.get("skills") or ():
            skills.find(world, account, str(skill.get("skill_id")))
    if wanted := _container_id(body):
        world.containers.get(wanted, workspace_id=account.workspace.id)


def _container_id(body: Json) -> str | None:
    container = body.get("container")
    if isinstance(container, dict):
        container = container.get("id")
    return container if isinstance(container, str) else None


def container_for(world: World, account: Account, body: Json) -> dict[str, Any] | None:
    """Give the container a message runs in: the one it names, or a new one when it brings code execution or skills."""
    if wanted := _container_id(body):
        return world.containers.get(wanted, workspace_id=account.workspace.id).row()
    runs_code = any(str(tool.get("type", "")).startswith("code_execution_") for tool in body.get("tools") or ())
    if not runs_code and not isinstance(body.get("container"), dict):
        return None
    expires_at = world.clock.now() + CONTAINER_LIFE
    made = Container(world.ids.new("container"), account.workspace.id, expires_at)
    return world.containers.put(made).row()
