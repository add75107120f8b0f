"""What a workspace can own: files, skills, containers, batches. All times are Unix seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.times import DAY, rfc3339

CANCELLING = 1.0

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file. Times are Unix seconds."""

    id: str
    workspace_id: str
    filename: str
    mime_type: str
    created_at: float
    expires_at: float | None
    downloadable: bool
    data: bytes = field(repr=False)

    def row(self) -> dict[str, Any]:
        """Give its metadata."""
        return {
            "type": "file",
            "id": self.id,
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": len(self.data),
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at) if self.expires_at else None,
            "downloadable": self.downloadable,
        }


@dataclass(frozen=True, slots=True)
class StoredSkill:
    """One skill. Times are Unix seconds."""

    id: str
    workspace_id: str
    display_name: str
    version_id: str
    created_at: float
    source: str = "custom"

    def row(self) -> dict[str, Any]:
        """Give it as the API shows it."""
        return {
            "type": "skill",
            "id": self.id,
            "display_name": self.display_name,
            "latest_version_id": self.version_id,
            "source": {"type": self.source},
            "created_at": rfc3339(self.created_at),
            "updated_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Container:
    """A place where code runs. `expires_at` is in Unix seconds."""

    id: str
    workspace_id: str
    expires_at: float

    def row(self) -> dict[str, Any]:
        """Give it as a message shows it."""
        return {"id": self.id, "expires_at": rfc3339(self.expires_at), "skills": None}


@dataclass(slots=True)
class Batch:
    """One batch. Times are Unix seconds; `results` is filled once it has ended."""

    id: str
    workspace_id: str
    account: str
    version: str
    created_at: float
    duration: float
    requests: list[Json] = field(repr=False)
    cancelled_at: float | None = None
    results: list[Json] | None = field(default=None, repr=False)

    def done_by(self, instant: float) -> int:
        """How many requests are processed at an instant."""
        instant = min(instant, self.cancelled_at or instant)
        if self.duration <= 0:
            return len(self.requests)
        share = (instant - self.created_at) / self.duration
        return max(0, min(len(self.requests), int(len(self.requests) * share + 1e-9)))

    @property
    def ended_at(self) -> float:
        """When it ends (or ended)."""
        full = self.created_at + self.duration
        return full if self.cancelled_at is None else min(full, self.cancelled_at + CANCELLING)

    def row(self, now: float, origin: str) -> dict[str, Any]:
        """Give it as the API shows it; `origin` makes the results' URL absolute."""
        ended = now >= self.ended_at
        status = "ended" if ended else "canceling" if self.cancelled_at else "in_progress"
        return {
            "type": "message_batch",
            "id": self.id,
            "processing_status": status,
            "request_counts": self._counts(ended=ended),
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.created_at + DAY),
            "ended_at": rfc3339(self.ended_at) if ended else None,
            "cancel_initiated_at": rfc3339(self.cancelled_at) if self.cancelled_at else None,
            "archived_at": None,
            "results_url": f"{origin}/v1/messages/batches/{self.id}/results" if ended else None,
        }

    def _counts(self, *, ended: bool) -> dict[str, int]:
        counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        if not ended or self.results is None:
            return {**counts, "processing": len(self.requests)}
        for result in self.results:
            counts[result["result"]["type"]] += 1
        return counts
