"""How long the admin site's pages take at full size: `make bench-pages`.

Looks at the database that DATABASE_URL or DATA_DIR names, which `manage.py fill_for_benchmark` has filled, through the
whole of Django (sessions, permissions, templates), without a network between.
"""

import os
import time
from collections.abc import Iterator
from statistics import median, quantiles

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nubabel.settings")
django.setup()

from django.conf import settings  # noqa: E402 - after setup
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from accounts.models import ClaudeAccount, Pool  # noqa: E402
from nubabel import valkey  # noqa: E402
from quota.models import Activity  # noqa: E402
from quota.publish import publish_pool  # noqa: E402

TIMES = 12
WARM = 2


def pages() -> Iterator[tuple[str, str]]:
    pool, account = Pool.objects.get(name="benchmark"), ClaudeAccount.objects.first()
    assert account is not None
    activities, attempts = reverse("admin:quota_activity_changelist"), reverse("admin:quota_attempt_changelist")
    some = Activity.objects.order_by("-started_at")[1_000]
    yield "dashboard, last hour", reverse("admin:index")
    yield "dashboard, 30 days", reverse("admin:index") + "?period=30d"
    yield "accounts", reverse("admin:accounts_claudeaccount_changelist")
    yield "accounts, page 20", reverse("admin:accounts_claudeaccount_changelist") + "?p=20"
    yield "accounts that serve", reverse("admin:accounts_claudeaccount_changelist") + "?stands=serves"
    yield "one account", reverse("admin:accounts_claudeaccount_change", args=[account.pk])
    yield "pools", reverse("admin:accounts_pool_changelist")
    yield "access keys", reverse("admin:accounts_accesskey_changelist")
    yield "requests", activities
    yield "requests, page 100", activities + "?p=100"
    yield "requests that failed", activities + "?status__exact=failed"
    yield "requests of one account", f"{activities}?account__id__exact={account.pk}"
    yield "requests, search for a session", f"{activities}?q={some.session}"
    yield "requests, search in vain", f"{activities}?q=nothing-is-called-so"
    yield "one request", reverse("admin:quota_activity_change", args=[some.pk])
    yield "calls", attempts
    yield "calls, search for an id", f"{attempts}?q={some.request_id}"
    yield "usage by hour and day", reverse("admin:quota_usagerollup_changelist")
    yield "sessions by day", reverse("admin:quota_sessionrollup_changelist")
    yield "audit log", reverse("admin:accounts_auditentry_changelist")
    yield "usage of a pool, 24 h", reverse("admin:accounts_pool_usage", args=[pool.pk])
    yield "usage of a pool, 30 days", reverse("admin:accounts_pool_usage", args=[pool.pk]) + "?period=30d"
    yield "usage of an account, 30 days", reverse("admin:accounts_claudeaccount_usage", args=[account.pk])


def measured(client: Client, address: str) -> tuple[float, float, float, int, int]:
    """p50 and p95 of the time that passed and p50 of the processor's (all milliseconds), queries, bytes."""
    took, worked = [], []
    for turn in range(WARM + TIMES):
        began, begun = time.perf_counter(), time.process_time()
        answer = client.get(address)
        if turn >= WARM:
            took.append((time.perf_counter() - began) * 1_000)
            worked.append((time.process_time() - begun) * 1_000)
        assert answer.status_code == 200, (address, answer.status_code)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    cuts = quantiles(took, n=20, method="inclusive")
    return cuts[9], cuts[18], median(worked), len(queries), len(answer.content)


def main() -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    user, _ = User.objects.get_or_create(username="benchmark", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    publish_pool(Pool.objects.get(name="benchmark").pk)
    print(f"{ClaudeAccount.objects.count():,} accounts, {Activity.objects.count():,} requests, {connection.vendor}\n")
    print("| page | p50 ms | p95 ms | processor ms | queries | kB |\n|---|---:|---:|---:|---:|---:|")
    for name, address in pages():
        p50, p95, cpu, queries, size = measured(client, address)
        print(f"| {name} | {p50:.0f} | {p95:.0f} | {cpu:.0f} | {queries} | {size // 1_000} |", flush=True)


if __name__ == "__main__":
    with valkey.lent(settings.DATA_DIR):
        main()
