"""Whose key an account's is: what Anthropic's answers say of organization and workspace. Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from quota.entries import Entry
from quota.errors import RecordUnreadable
from quota.records import Record

_SETTLED: Final = "lease.settled"
LONGEST: Final = 100
"""Characters of an id."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Ids as Anthropic gives them; empty where the answer did not say."""

    organization: str = ""
    workspace: str = ""


@dataclass(frozen=True, slots=True)
class _Whence(Record):
    """The one field of an attempt's record that is of interest here."""

    workspace: str = ""


def origins(entries: Iterable[Entry]) -> dict[str, Origin]:
    """Account id → the latest that was said of it."""
    found: dict[str, Origin] = {}
    for entry in entries:
        organization = entry.fields.get("organization", "") if entry.type == _SETTLED else ""
        account = entry.fields.get("account", "")
        if _fits(organization) and _is_id(account):
            workspace = _workspace(entry.fields.get("note", ""))
            found[account] = Origin(organization, workspace if _fits(workspace) else "")
    return found


def _fits(name: str) -> bool:
    """Whether the account's row can hold it: what it cannot must not keep the ledger from going on."""
    return 0 < len(name) <= LONGEST and name.isprintable()


def _is_id(account: str) -> bool:
    try:
        uuid.UUID(account)
    except ValueError:
        return False
    return True


def _workspace(note: str) -> str:
    try:
        return _Whence.from_json(note).workspace
    except RecordUnreadable:
        return ""
