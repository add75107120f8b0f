"""Django's admin site for pools, accounts, access keys and the people who may sign in. Edges: they translate."""

from accounts.admin import access_keys, audit, claude_accounts, people, pools

__all__ = ["access_keys", "audit", "claude_accounts", "people", "pools"]
