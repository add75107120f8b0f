"""What can be done with activities beside reading them."""

from datetime import datetime

from quota.facts import ActivityStatus
from quota.models import Activity

_UNDER_WAY = (ActivityStatus.STARTED, ActivityStatus.RUNNING)


def mark_silent(*, before: datetime) -> int:
    """Say of activities under way without a sign of life since `before` that they are unknown; how many.

    Most are told by the expiry of their lease. This is for those that died between two leases. Whatever is heard of
    them later still counts.
    """
    silent = Activity.objects.filter(status__in=_UNDER_WAY, started_at__lt=before, seen_at__lt=before)
    return silent.update(status=ActivityStatus.UNKNOWN)
