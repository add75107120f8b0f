"""Things that belong to a workspace; another workspace is told that they do not exist."""

from typing import Generic, Protocol, TypeVar

from simulator.errors import NotFound


class Owned(Protocol):
    """Anything with an id and a workspace."""

    @property
    def id(self) -> str:
        """Its identifier."""
        ...

    @property
    def workspace_id(self) -> str:
        """Where it belongs."""
        ...


T = TypeVar("T", bound=Owned)


class Shelf(Generic[T]):
    """All things of one kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._things: dict[str, T] = {}

    def put(self, thing: T) -> T:
        """Add it, or replace the one with its id."""
        self._things[thing.id] = thing
        return thing

    def get(self, thing_id: str, *, workspace_id: str) -> T:
        """Give it to its own workspace. Raises NotFound to everybody else."""
        thing = self._things.get(thing_id)
        if thing is None or thing.workspace_id != workspace_id:
            raise NotFound(f"{self._kind} {thing_id} not found")
        return thing

    def of(self, workspace_id: str) -> list[T]:
        """Give all of a workspace, newest first."""
        return [thing for thing in reversed(self._things.values()) if thing.workspace_id == workspace_id]

    def every(self) -> list[T]:
        """Give all of all workspaces, oldest first."""
        return list(self._things.values())

    def remove(self, thing_id: str, *, workspace_id: str) -> None:
        """Take it away. Raises NotFound as `get` does."""
        self.get(thing_id, workspace_id=workspace_id)
        del self._things[thing_id]
