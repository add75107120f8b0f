"""The twin of `gateway.owners.Owners`, in memory; `test_owners` holds both to the same answers."""

from dataclasses import replace

from gateway.errors import OwnersUnavailable
from gateway.owners import Page


class RememberedOwners:
    def __init__(self):
        self.rows = {}
        self.deleted = set()
        self.gone = False

    def _look(self):
        if self.gone:
            raise OwnersUnavailable

    async def note(self, owned, *, principal):
        self._look()
        holder, known = self.rows.get(owned.id, (principal, owned))
        if holder == principal:
            fresh = replace(owned, account=known.account, kind=known.kind)
            self.rows[owned.id] = (principal, fresh)

    async def find(self, ids, *, principal):
        self._look()
        mine = self._mine(principal)
        return {id_: mine[id_] for id_ in ids if id_ in mine}

    async def forget(self, id_, *, principal):
        self._look()
        if id_ in self._mine(principal):
            self.deleted.add(id_)

    async def page(self, kind, wanted, *, principal):
        self._look()
        places = [one for holder, one in reversed(self.rows.values()) if (holder, one.kind) == (principal, kind)]
        ids = [one.id for one in places]
        cursor = wanted.before or wanted.after
        if cursor and cursor not in ids:
            raise LookupError(cursor)
        if wanted.before:
            newer = self._alive(places[: ids.index(cursor)])
            return Page(tuple(newer[-wanted.limit :]), has_more=len(newer) > wanted.limit)
        rest = self._alive(places[ids.index(cursor) + 1 :] if cursor else places)
        return Page(tuple(rest[: wanted.limit]), has_more=len(rest) > wanted.limit)

    def _alive(self, places):
        return [one for one in places if one.id not in self.deleted]

    def _mine(self, principal):
        alive = ((id_, row) for id_, row in self.rows.items() if id_ not in self.deleted)
        return {id_: owned for id_, (holder, owned) in alive if holder == principal}
