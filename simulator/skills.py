"""The Skills API in small: create, list, retrieve, delete. Anthropic's own skills are everywhere."""

from typing import Any

from simulator.errors import Forbidden, InvalidRequest, NotFound
from simulator.paging import by_page
from simulator.parties import Account
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.things import StoredSkill
from simulator.times import rfc3339
from simulator.world import World

_FOUNDED = 1_760_572_800.0
BUILT_IN = {
    name: StoredSkill(name, "", title, f"skver_{name}", _FOUNDED, "anthropic")
    for name, title in (("pptx", "PowerPoint"), ("xlsx", "Excel"), ("docx", "Word"), ("pdf", "PDF"))
}


def create(world: World, account: Account, incoming: Incoming) -> Reply:
    """Make a skill from uploaded files. Raises InvalidRequest without files or without a SKILL.md."""
    files = [part for part in incoming.parts if part.name.startswith("files")]
    if not files:
        raise InvalidRequest("files: Field required")
    if not any((part.filename or "").endswith("SKILL.md") for part in files):
        raise InvalidRequest("files: a SKILL.md is required")
    title = next((part.data.decode() for part in incoming.parts if part.name == "display_name"), "Unnamed skill")
    skill = StoredSkill(world.ids.new("skill"), account.workspace.id, title, world.ids.new("skver"), world.clock.now())
    return json_reply(world.skills.put(skill).row())


def listing(world: World, account: Account, incoming: Incoming) -> Reply:
    """List the workspace's skills, then Anthropic's."""
    source = incoming.first("source")
    skills = [*world.skills.of(account.workspace.id), *BUILT_IN.values()]
    return json_reply(by_page([skill.row() for skill in skills if source in {None, skill.source}], incoming))


def find(world: World, account: Account, skill_id: str) -> StoredSkill:
    """Give a skill this workspace can see. Raises NotFound."""
    return BUILT_IN.get(skill_id) or world.skills.get(skill_id, workspace_id=account.workspace.id)


def retrieve(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give one skill."""
    return json_reply(find(world, account, incoming.params["skill"]).row())


def versions(world: World, account: Account, incoming: Incoming) -> Reply:
    """List the versions of a skill: there is one."""
    return json_reply(by_page([_version(find(world, account, incoming.params["skill"]))], incoming))


def version(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give one version. Raises NotFound."""
    skill = find(world, account, incoming.params["skill"])
    if incoming.params["version"] not in {skill.version_id, "latest"}:
        raise NotFound(f"Skill version {incoming.params['version']} not found")
    return json_reply(_version(skill))


def _version(skill: StoredSkill) -> dict[str, Any]:
    return {
        "type": "skill_version",
        "id": skill.version_id,
        "skill_id": skill.id,
        "name": skill.display_name,
        "description": "A simulated skill",
        "created_at": rfc3339(skill.created_at),
    }


def delete(world: World, account: Account, incoming: Incoming) -> Reply:
    """Delete a skill. Raises Forbidden for Anthropic's own."""
    skill_id = incoming.params["skill"]
    if skill_id in BUILT_IN:
        raise Forbidden("Anthropic's skills cannot be deleted")
    world.skills.remove(skill_id, workspace_id=account.workspace.id)
    return json_reply({"id": skill_id, "type": "skill_deleted"})
