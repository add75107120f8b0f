"""Whose key an account's is: what Anthropic's answers say of organization and workspace. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from quota.entries import Entry
from quota.errors import RecordUnreadable
from quota.records import Record

_SETTLED: Final = "lease.settled"


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
        if organization and account:
            found[account] = Origin(organization, _workspace(entry.fields.get("note", "")))
    return found


def _workspace(note: str) -> str:
    try:
        return _Whence.from_json(note).workspace
    except RecordUnreadable:
        return ""
