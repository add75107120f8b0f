"""The ledger: what was asked, what was called, what it cost; and what deserves attention."""

from quota.models.activities import Activity
from quota.models.alerts import PoolWatch, QuotaAlert, QuotaAlertStep
from quota.models.attempts import Attempt
from quota.models.organizations import Organization, OrganizationKey, RateLimit, ReportedUsage
from quota.models.rejected_keys import RejectedKey
from quota.models.rollups import SessionRollup, UsageRollup
from quota.models.set_aside import SetAside

__all__ = [
    "Activity",
    "Attempt",
    "Organization",
    "OrganizationKey",
    "PoolWatch",
    "QuotaAlert",
    "QuotaAlertStep",
    "RateLimit",
    "RejectedKey",
    "ReportedUsage",
    "SessionRollup",
    "SetAside",
    "UsageRollup",
]
