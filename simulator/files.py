"""The Files API: upload, list, metadata, download, delete. A file belongs to its workspace."""

from simulator.errors import InvalidRequest, NotFound
from simulator.paging import by_page
from simulator.parties import Account
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.things import StoredFile
from simulator.world import World


def upload(world: World, account: Account, incoming: Incoming) -> Reply:
    """Store the part called `file`. Raises InvalidRequest without one."""
    part = next((part for part in incoming.parts if part.name == "file"), None)
    if part is None:
        raise InvalidRequest("file: Field required")
    seconds = next((part.data.decode() for part in incoming.parts if part.name == "expires_in_seconds"), None)
    now = world.clock.now()
    stored = StoredFile(
        id=world.ids.new("file"),
        workspace_id=account.workspace.id,
        filename=part.filename or "unnamed",
        mime_type=part.content_type or "application/octet-stream",
        created_at=now,
        expires_at=now + _seconds(seconds) if seconds else None,
        downloadable=world.files_downloadable,
        data=part.data,
    )
    return json_reply(world.files.put(stored).row())


def _seconds(text: str) -> int:
    if not text.isdigit():
        raise InvalidRequest("expires_in_seconds: Input should be a valid integer")
    return int(text)


def find(world: World, account: Account, file_id: str) -> StoredFile:
    """Give a file of this workspace. Raises NotFound, with the code file_expired when its time is over."""
    stored = world.files.get(file_id, workspace_id=account.workspace.id)
    if stored.expires_at is not None and stored.expires_at <= world.clock.now():
        raise NotFound(f"File {file_id} has expired", code="file_expired")
    return stored


def listing(world: World, account: Account, incoming: Incoming) -> Reply:
    """List the workspace's files, newest first."""
    now = world.clock.now()
    wanted = set(incoming.every("ids"))
    alive = [file for file in world.files.of(account.workspace.id) if not file.expires_at or file.expires_at > now]
    return json_reply(by_page([file.row() for file in alive if not wanted or file.id in wanted], incoming))


def metadata(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give one file's metadata."""
    return json_reply(find(world, account, incoming.params["file"]).row())


def content(world: World, account: Account, incoming: Incoming) -> Reply:
    """Give a file's bytes. Raises InvalidRequest for uploads, which the API does not hand back."""
    stored = find(world, account, incoming.params["file"])
    if not stored.downloadable:
        raise InvalidRequest(f"File {stored.id} is not downloadable", code="file_not_downloadable")
    return Reply(200, {"content-type": stored.mime_type}, (stored.data,))


def delete(world: World, account: Account, incoming: Incoming) -> Reply:
    """Delete a file."""
    file_id = incoming.params["file"]
    world.files.remove(file_id, workspace_id=account.workspace.id)
    return json_reply({"id": file_id, "type": "file_deleted"})
