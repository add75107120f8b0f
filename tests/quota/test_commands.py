"""`manage.py run_worker`, as people call it."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount
from quota.engine.stream import stream_key
from quota.models import Attempt
from tests.quota.entries import settled

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("run_worker", "--once", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture(autouse=True)
def _two_entries(alice: ClaudeAccount, redis_url: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        key = stream_key(str(alice.pool_id))
        client.xadd(key, {"type": "lease.settled", **settled(1, account=alice.pk).fields})
        client.xadd(key, {"type": "lease.settled", "lease": "nonsense"})


def test_once_writes_what_is_there_and_says_how_much() -> None:
    assert run() == "2 entries read, 1 calls recorded, 1 set aside"
    assert Attempt.objects.count() == 1


def test_as_json_it_says_the_same() -> None:
    assert json.loads(run("--json")) == {"entries": 2, "changed": 1, "set_aside": 1}


def test_on_a_database_without_its_tables_it_says_what_to_run() -> None:
    from django.db.migrations.recorder import MigrationRecorder

    applied = MigrationRecorder.Migration.objects.filter(app="quota")
    names = list(applied.values_list("name", flat=True))
    applied.delete()
    try:
        with pytest.raises(CommandError, match=r"manage\.py migrate"):
            run()
    finally:
        MigrationRecorder.Migration.objects.bulk_create(
            MigrationRecorder.Migration(app="quota", name=name) for name in names
        )


def test_without_redis_it_fails_and_says_that_nothing_is_lost(settings: Settings, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    with pytest.raises(CommandError, match="Nothing is lost"):
        run()
