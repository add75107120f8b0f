"""Schemathesis over the whole description: whatever is asked, and by whomever, the answer is one that is described."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from accounts.api.throttling import PerCaller
from accounts.models import AccessKey, ClaudeAccount, Pool
from quota.alert_store import claim_look, judge
from quota.alerting.values import Cause, CauseKind, Finding, Level, Subject
from quota.models import Activity, QuotaAlert
from tests.rest import callers
from tests.rest.callers import Caller
from tests.rest.engine import load

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
NOWHERE = "http://127.0.0.1:9"
ROLES = {
    "nobody": (callers.nobody, 1),
    "viewer": (lambda: callers.person("vera", "viewer"), 1),
    "operator": (lambda: callers.person("olaf", "operator"), 1),
    "admin": (lambda: callers.person("ada", "admin"), 4),
    "messages": (lambda: callers.key("messages"), 1),
    "read and write": (lambda: callers.key("admin-read", "admin-write"), 1),
}
"""Who asks, and how many questions of each kind."""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request has a minute of its own, so that none is answered with 429."""
    minutes = count(1_000_000_000, 60)
    monkeypatch.setattr(PerCaller, "clock", staticmethod(lambda: float(next(minutes))))


@pytest.fixture(autouse=True)
def one_connection(db: None) -> Iterator[None]:
    """The end of a request does not close the test's connection; Django's own test client sees to the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def things(alpha, beta, settings) -> dict[str, str]:
    """Something that exists for each address that names one. Where the accounts' keys are sent, nobody answers."""
    now = timezone.now()
    settings.ALLOWED_BASE_URLS = (NOWHERE,)
    Pool.objects.update(simulated=True)
    ClaudeAccount.objects.update(base_url=NOWHERE)
    load(alpha.pool)
    Activity.objects.create(pool=alpha.pool, account=alpha, status="completed", started_at=now, seen_at=now)
    callers.key("messages", pool=alpha.pool)
    claim_look(alpha.pool_id, now=now, every=timedelta(0))
    cause = Cause(CauseKind.LIMIT, Subject.ACCOUNT, str(alpha.pk), "tokens per day")
    judge(alpha.pool_id, [Finding(cause, Level.WARNING, title="80 %")], now_ms=1)
    return {
        "accounts": str(alpha.pk),
        "pools": str(alpha.pool_id),
        "access-keys": str(AccessKey.objects.get().pk),
        "activities": str(Activity.objects.get().pk),
        "alerts": str(QuotaAlert.objects.get().pk),
    }


@dataclass
class Served:
    """The product as a WSGI application that knows who asks, whatever the question says of that."""

    caller: Caller
    handler: WSGIHandler = field(default_factory=WSGIHandler)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        jar = self.caller.client.cookies
        told = {**self.caller.headers, "Cookie": "; ".join(f"{name}={jar[name].value}" for name in jar)}
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in told.items()}
        return self.handler(environ, start_response)


def operations(caller: Caller) -> Iterator[Any]:
    served = Served(callers.person("reader", "viewer"))
    schema: Any = schemathesis.openapi.from_wsgi("/api/schema/", served)
    served.caller = caller
    yield from (found.ok() for found in schema.get_all_operations())


def questions(operation: Any, things: dict[str, str], *, thorough: bool) -> Iterator[Any]:
    """About something that there is; from the thorough ones also about what there is not, and such as make no sense."""
    about = operation.path.removeprefix("/api/admin/").partition("/")[0]
    known = {"id": things[about]} if "{" in operation.path else None
    for path_parameters in (known, None) if known and thorough else (known,):
        for mode in GenerationMode if thorough else [GenerationMode.POSITIVE]:
            yield operation.as_strategy(mode, path_parameters=path_parameters)


def examine(strategy: Any, examples: int) -> None:
    """Ask; each question finds everything as it was."""

    @settings(EXAMPLES, max_examples=examples)
    @given(strategy)
    def examined(case: Any) -> None:
        with transaction.atomic():
            case.call_and_validate(checks=CHECKS)
            transaction.set_rollback(True)

    examined()


@pytest.mark.timeout(600)  # a minute for all roles where nothing else runs
@pytest.mark.parametrize("role", ROLES)
def test_no_question_of_anybody_meets_an_answer_that_is_not_described(role: str, things: dict[str, str]) -> None:
    make, examples = ROLES[role]
    for operation in operations(make()):
        for strategy in questions(operation, things, thorough=examples > 1):
            examine(strategy, examples)
