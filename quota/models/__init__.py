"""The ledger: what was asked, what was called, what it cost."""

from quota.models.activities import Activity
from quota.models.attempts import Attempt
from quota.models.rejected_keys import RejectedKey
from quota.models.rollups import SessionRollup, UsageRollup
from quota.models.set_aside import SetAside

__all__ = ["Activity", "Attempt", "RejectedKey", "SessionRollup", "SetAside", "UsageRollup"]
