"""Django's admin site for what happened: requests, calls, usage. All of it is to be read, none to be edited."""

from quota.admin import activities, attempts, organizations, rollups, set_aside

__all__ = ["activities", "attempts", "organizations", "rollups", "set_aside"]
