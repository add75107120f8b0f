"""Whom we hold: pools, their Claude accounts, and the keys of those who use us."""

from accounts.models.access_keys import AccessKey
from accounts.models.audit import AuditEntry
from accounts.models.claude_accounts import ClaudeAccount
from accounts.models.pools import Degraded, EstimatePolicy, Pool, Strategy

__all__ = ["AccessKey", "AuditEntry", "ClaudeAccount", "Degraded", "EstimatePolicy", "Pool", "Strategy"]
