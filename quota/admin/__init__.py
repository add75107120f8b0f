"""Django's admin site for what happened: requests, calls, usage, alerts. All of it is to be read, none to be edited."""

from quota.admin import activities, alerts, attempts, organizations, rollups, set_aside

__all__ = ["activities", "alerts", "attempts", "organizations", "rollups", "set_aside"]
