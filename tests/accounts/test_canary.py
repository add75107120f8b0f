"""Keys are looked for wherever they could turn up; none may."""

import ast
import base64
import io
import logging
import traceback
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

import accounts
from accounts import services
from accounts.credentials import Secret
from accounts.errors import AccountsError
from accounts.models import ClaudeAccount
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, OLD
from tests.canaries import traces_of

pytestmark = pytest.mark.django_db


def leaked(text: str) -> list[str]:
    return [trace for key in (ALPHA_KEY, BETA_KEY) for trace in traces_of(key) if trace in text]


def test_the_search_itself_finds_a_key():
    assert leaked(f"…{ALPHA_KEY}…")
    assert leaked(base64.b64encode(ALPHA_KEY.encode()).decode())
    assert leaked(ALPHA_KEY[20:45])


def test_no_rendering_of_an_account_or_its_values_shows_the_key(alpha):
    unsaved = ClaudeAccount(pool=alpha.pool, name="beta", api_key=BETA_KEY)
    for account in (alpha, unsaved):
        shown = [account, account.api_key, account.reveal_key(), vars(account), account.__dict__["api_key"]]
        assert not leaked(" ".join(f"{one!r} {one!s}" for one in shown))


def failures(pool):
    """Everything that can go wrong with a key in hand."""
    yield lambda: services.create_account(pool=pool, name="again", api_key=ALPHA_KEY)
    yield lambda: services.create_account(pool=pool, name="b\nad", api_key=BETA_KEY)
    yield lambda: services.create_account(pool=pool, name="x", api_key=BETA_KEY + "\n")
    yield lambda: services.create_account(pool=pool, name="x", api_key="sk-ant-oat01-" + BETA_KEY)
    yield lambda: services.create_account(pool=pool, name="x", api_key=BETA_KEY, surprise=1)
    yield lambda: services.create_account(pool=pool, name="x", api_key=BETA_KEY, base_url="https://evil.example")
    yield lambda: ClaudeAccount.objects.update(api_key=BETA_KEY)
    yield lambda: ClaudeAccount.objects.filter(api_key=BETA_KEY).first()
    yield lambda: ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=BETA_KEY)
    yield lambda: Secret(BETA_KEY) + "x"  # type: ignore[operator] # that is the point


def test_no_error_message_or_its_causes_show_a_key(alpha, pool):
    from django.db import transaction

    for fail in failures(pool):
        with pytest.raises(Exception) as failure, transaction.atomic():  # noqa: PT011
            fail()
        assert not leaked("".join(traceback.format_exception(failure.value)).replace(Path(__file__).read_text(), ""))
        if isinstance(failure.value, AccountsError | ValidationError):
            assert not leaked(repr(vars(failure.value)))


@pytest.mark.parametrize("key", [ALPHA_KEY, f"{BETA_KEY} ", f"sk-ant-oat01-{BETA_KEY}"])
def test_an_error_report_of_a_failed_service_hides_the_key(pool, alpha, key):
    with pytest.raises(AccountsError) as failure:
        services.create_account(pool=pool, name="again", api_key=key)
    reporter = ExceptionReporter(RequestFactory().get("/"), failure.type, failure.value, failure.tb)
    here = str(Path(accounts.__file__).parent)
    ours = [frame["vars"] for frame in reporter.get_traceback_frames() if frame["filename"].startswith(here)]
    assert ours
    assert not leaked(repr(ours))


def test_nothing_is_logged_of_a_key(pool, caplog):
    with caplog.at_level(logging.DEBUG):
        account = services.create_account(pool=pool, name="alpha", api_key=ALPHA_KEY)
        services.update_account(account, api_key=BETA_KEY)
        account.reveal_key()
    assert not leaked(" ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records))


def test_the_whole_database_holds_no_key(alpha, beta):
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = [[bytes(value) if isinstance(value, memoryview) else value for value in row] for row in cursor]
            assert not leaked(repr(rows)), table


def test_dumpdata_of_everything_holds_no_key(alpha, beta):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert "sealed:" in out.getvalue()
    assert not leaked(out.getvalue())


@pytest.mark.parametrize("wrong_key", [False, True])
def test_no_admin_page_shows_a_key(admin_client, alpha, wrong_key, use_keys):
    if wrong_key:
        use_keys(OLD)
    urls = [
        reverse("admin:accounts_claudeaccount_changelist"),
        reverse("admin:accounts_claudeaccount_changelist") + "?q=alpha",
        reverse("admin:accounts_claudeaccount_change", args=[alpha.pk]),
        reverse("admin:accounts_claudeaccount_history", args=[alpha.pk]),
        reverse("admin:accounts_claudeaccount_delete", args=[alpha.pk]),
        reverse("admin:accounts_pool_change", args=[alpha.pool_id]),
        reverse("admin:index"),
    ]
    for url in urls:
        page = admin_client.get(url)
        assert page.status_code == 200
        assert not leaked(page.content.decode()), url


def test_a_form_that_is_sent_back_with_errors_does_not_repeat_the_key(admin_client, alpha):
    url = reverse("admin:accounts_claudeaccount_change", args=[alpha.pk])
    page = admin_client.post(url, {"name": "", "new_key": BETA_KEY})
    assert page.status_code == 200
    assert not leaked(page.content.decode())


def test_migrations_hold_no_key():
    for migration in (Path(accounts.__file__).parent / "migrations").glob("*.py"):
        assert "sk-ant" not in migration.read_text()


def test_settings_are_read_in_the_wiring_alone():
    for module in Path(accounts.__file__).parent.rglob("*.py"):
        imported = {
            f"{node.module}.{name.name}"
            for node in ast.walk(ast.parse(module.read_text()))
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }
        assert "django.conf.settings" not in imported or module.name == "wiring.py", module
