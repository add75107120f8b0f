"""`/api/admin/alerts/` and an account's own, from the outside."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ClaudeAccount, Pool
from quota.alert_store import claim_look, judge
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.engine.types import Limit, Metric, Window
from quota.models import QuotaAlert
from tests.quota.alerting.cast import NOON_MS
from tests.rest import callers

ALERTS = "/api/admin/alerts/"
LIMIT, HOLD = CauseKind.LIMIT, CauseKind.HOLD


def found(subject, id_, *, level=Level.WARNING, kind=HOLD, detail="spend_limit", **more):
    return Finding(Cause(kind, subject, str(id_), detail), level, title=f"about {id_}", **more)


def judged(pool, *findings, at=0):
    claim_look(pool.pk, now=timezone.now(), every=timedelta(0))
    judge(pool.pk, findings, now_ms=NOON_MS + at)


def listed(caller, query="", base=ALERTS):
    answer = caller.get(f"{base}{query}")
    assert answer.status_code == 200, answer.content
    return [one["title"] for one in answer.json()["results"]]


def at(alert, action=""):
    return f"{ALERTS}{alert.pk}/{action}"


def of(account):
    return f"/api/admin/accounts/{account.pk}/alerts/"


@pytest.fixture
def alert(pool):
    """Of alpha, which is called so by its name here."""
    judged(pool, found(Subject.ACCOUNT, "alpha"))
    return QuotaAlert.objects.get()


def test_open_alerts_are_listed_and_resolved_ones_when_asked_for(viewer, pool):
    judged(pool, found(Subject.ACCOUNT, "a"))
    judged(pool, found(Subject.ACCOUNT, "b"), at=1)
    assert listed(viewer) == ["about b"]
    assert listed(viewer, "?state=resolved") == ["about a"]
    assert listed(viewer, "?state=all") == ["about b", "about a"]
    assert listed(viewer, "?state=all&ordering=opened_at") == ["about a", "about b"]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("kind=limit", ["about p"]),
        ("level=critical", ["about b"]),
        ("subject=pool", ["about p"]),
        ("subject_id=a", ["about a"]),
        ("acknowledged=true", ["about a"]),
        ("acknowledged=false&kind=hold", ["about b"]),
        ("since=2026-11-22T12:00:01Z", []),
        ("until=2026-11-22T12:00:00Z", []),
    ],
)
def test_the_list_can_be_narrowed(operator, pool, query, titles):
    judged(
        pool,
        found(Subject.ACCOUNT, "a"),
        found(Subject.ACCOUNT, "b", level=Level.CRITICAL),
        found(Subject.POOL, "p", kind=LIMIT, detail="its budget, cost per month"),
    )
    operator.post(at(QuotaAlert.objects.get(subject_id="a"), "acknowledge/"))
    assert listed(operator, f"?{query}") == titles


@pytest.mark.parametrize(
    "query", ["state=over", "level=bad", "nonsense=1", "ordering=title", "pool=main", "since=noon"]
)
def test_what_makes_no_sense_is_refused(viewer, query):
    assert viewer.get(f"{ALERTS}?{query}").status_code == 400


def test_an_alert_of_a_limit_says_how_much_is_gone_and_money_is_dollars(viewer, pool):
    cost, tokens = Limit(Metric.COST, Window.MONTH, 10**11), Limit(Metric.TOKENS, Window.DAY, 1_000)
    judged(
        pool,
        found(Subject.POOL, "p", kind=LIMIT, detail="its budget, cost per month", limit=cost, used=8 * 10**10 + 1),
        found(Subject.ACCOUNT, "a", kind=LIMIT, detail="tokens per day", limit=tokens, used=900, until_ms=NOON_MS + 5),
    )
    shown = {one["subject"]: one for one in viewer.get(ALERTS).json()["results"]}
    assert (shown["pool"]["used"], shown["pool"]["amount"]) == ("80.000000001", "100")
    assert (shown["account"]["used"], shown["account"]["amount"]) == (900, 1_000)
    assert (shown["account"]["until_at"], shown["pool"]["until_at"]) == ("2026-11-22T12:00:00.005000Z", None)
    assert shown["pool"]["pool_name"] == "main"


def test_an_alert_tells_its_history(viewer, alert):
    judged(alert.pool, found(Subject.ACCOUNT, "alpha", level=Level.EXHAUSTED), at=1)
    judged(alert.pool, at=2)
    shown = viewer.get(at(alert)).json()
    steps = [(step["number"], step["kind"], step["level"]) for step in shown["history"]]
    assert steps == [(1, "opened", "warning"), (2, "escalated", "exhausted"), (3, "resolved", "exhausted")]
    assert (shown["level"], shown["resolved_at"] is None) == ("exhausted", False)


def test_an_operator_takes_note_and_is_named(operator, alert):
    shown = operator.post(at(alert, "acknowledge/")).json()
    assert (shown["acknowledged_by"], shown["resolved_at"]) == ("olaf", None)
    assert [step["by"] for step in shown["history"]] == ["", "olaf"]


def test_taking_note_again_or_too_late_changes_nothing(operator, admin, alert):
    first = operator.post(at(alert, "acknowledge/")).json()
    assert admin.post(at(alert, "acknowledge/")).json() == first
    judged(alert.pool, at=1)
    assert admin.post(at(alert, "acknowledge/")).json()["acknowledged_by"] == "olaf"


def test_an_account_has_its_own_alerts_and_those_of_its_organization(viewer, alpha, beta):
    ClaudeAccount.objects.filter(pk=alpha.pk).update(organization_id="org-1")
    judged(
        alpha.pool,
        found(Subject.ACCOUNT, alpha.pk),
        found(Subject.ACCOUNT, beta.pk),
        found(Subject.ORGANIZATION, "org-1"),
        found(Subject.ORGANIZATION, "org-2"),
    )
    assert set(listed(viewer, base=of(alpha))) == {f"about {alpha.pk}", "about org-1"}
    assert listed(viewer, base=of(beta)) == [f"about {beta.pk}"]
    assert listed(viewer, "?state=resolved", base=of(alpha)) == []


def test_an_account_of_no_known_organization_has_its_own_alerts_only(viewer, alpha):
    judged(alpha.pool, found(Subject.ORGANIZATION, ""))
    assert listed(viewer, base=of(alpha)) == []


def test_a_key_of_one_pool_sees_and_acknowledges_that_pools_alerts_only(alert, other_pool):
    caller = callers.key("admin-read", "admin-write", pool=other_pool)
    assert listed(caller) == []
    assert caller.get(at(alert)).status_code == 404
    assert caller.post(at(alert, "acknowledge/")).status_code == 404
    alert.refresh_from_db()
    assert alert.acknowledged_at is None


def test_alerts_outlive_their_pool(viewer, alert):
    Pool.objects.all().delete()
    (shown,) = viewer.get(ALERTS).json()["results"]
    assert (shown["pool"], shown["pool_name"]) == (str(alert.pool_id), None)


def test_the_list_costs_the_same_queries_for_1_and_for_60(viewer, pool):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            return len(viewer.get(f"{ALERTS}?page_size=200").json()["results"]), len(captured)

    judged(pool, found(Subject.ACCOUNT, "a"))
    few = queries()
    judged(pool, *(found(Subject.ACCOUNT, number) for number in range(60)), at=1)
    many = queries()
    assert (few[0], many[0]) == (1, 60)
    assert few[1] == many[1] <= 8
