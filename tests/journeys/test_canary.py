"""No secret comes out anywhere.

After real traffic every page, answer, log line, frame, event, message, metric, row and key of Redis, and every error
report, is searched for every secret that the pool holds.
"""

import io
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import redis
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from drf_spectacular.generators import EndpointEnumerator
from pytest_django import Settings

from accounts.models import AccessKey, ClaudeAccount, Pool
from quota.models import Activity, Attempt, Organization, QuotaAlert
from tests.canaries import Sweep
from tests.journeys.canary_scene import Lines, Scene, canary_scene
from tests.rest.callers import TOKEN
from tests.rest.test_rights import of_the_admin_site, routes

pytestmark = pytest.mark.django_db(transaction=True)
FRONT = ("/metrics", "/health/live", "/health/ready", "/health/db", "/health/redis", "/v1/models", "/nowhere")
ROWS_OF_EACH = 4


@pytest.fixture
def log() -> Iterator[Lines]:
    """Everything that is logged, down to DEBUG."""
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(lines)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(lines)
    root.setLevel(level)


def administrator() -> Client:
    client = Client(raise_request_exception=False, headers={"X-CSRFToken": TOKEN, "accept": "text/html"})
    user, _ = User.objects.get_or_create(username="root", defaults={"is_staff": True, "is_superuser": True})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["csrftoken"] = TOKEN
    return client


def text_of(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return f"{body.decode(errors='replace')} {answer.headers}"


def sweep_pages(sweep: Sweep, client: Client) -> None:
    """Each address of the admin site and of the rest, about several rows of its model."""
    for _, path in sorted(set(routes())):
        for address in addresses(path) if "logout" not in path else ():
            sweep.look(f"page {address}", text_of(client.get(address, headers={"accept": "text/html"})))


def addresses(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    if "{id}" not in path or not of_the_admin_site(path) or parts[1] not in apps.app_configs:
        return [path.replace("{id}", "1")]
    rows = apps.get_model(parts[1], parts[2])._default_manager.all()[:ROWS_OF_EACH]
    return [path.replace("{id}", str(row.pk)) for row in rows]


def sweep_rest(sweep: Sweep, client: Client) -> None:
    """Each operation of the API about each row there is; deletions come last."""
    operations = [(method, path) for path, _, method, _ in EndpointEnumerator().get_api_endpoints()]
    for method, path in sorted(operations, key=lambda one: one[0] == "DELETE"):
        for pk in ids(path):
            address = path.replace("{id}", pk).replace("{pk}", pk)
            answer = client.generic(method, address, b"{}", content_type="application/json", headers={"accept": "*/*"})
            sweep.look(f"rest {method} {address} {answer.status_code}", text_of(answer))


def ids(path: str) -> list[str]:
    models = {
        "accounts": ClaudeAccount,
        "pools": Pool,
        "access-keys": AccessKey,
        "alerts": QuotaAlert,
        "activities": Activity,
    }
    if "{" not in path:
        return [""]
    rows = models[path.split("/")[3]]._default_manager.values_list("pk", flat=True)
    return [str(pk) for pk in rows[:ROWS_OF_EACH]]


def sweep_store(sweep: Sweep, url: str) -> None:
    """Each key of Redis, whatever its type."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(count=1_000):
            sweep.look(f"redis {key!r}", (key, client.dump(key), _value(client, key)))


def _value(client: Any, key: bytes) -> Any:
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    return read[client.type(key)](key)


def sweep_database(sweep: Sweep) -> None:
    """Each table, a dump of everything, and every way to write a row down."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for values in cursor:
                plain = [bytes(value) if isinstance(value, memoryview) else value for value in values]
                sweep.look(f"table {table}", plain)
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    sweep.look("dump", out.getvalue())
    for model in apps.get_models():
        for row in model._default_manager.all():
            sweep.look(f"row {model.__name__}", f"{row!r} {row!s} {vars(row)!r}")


def sweep_all(sweep: Sweep, settings: Settings, *, orders: bool = True) -> None:
    """Everything that can be asked for from outside or read from the stores."""
    client = administrator()
    sweep_pages(sweep, client)
    sweep_store(sweep, settings.REDIS_URL)
    sweep_database(sweep)
    if orders:
        sweep_rest(sweep, client)


@pytest.fixture
async def scene(settings: Settings, redis_url: str, log: Lines) -> Any:
    async with canary_scene(settings, log=log) as it:
        yield it


async def test_after_real_traffic_no_secret_is_found_anywhere(scene: Scene, settings: Settings) -> None:
    sweep = Sweep(scene.secrets)
    await scene.drive(sweep)
    assert await sync_to_async(what_happened)(scene) == {"asked again", "disabled", "refused", "told", "written"}
    async with aiohttp.ClientSession() as http:
        for path in FRONT:
            await scene.get(http, sweep, path)
    await sync_to_async(sweep_all)(sweep, settings)
    sweep.look_at_all("log", scene.log.lines)
    assert not sweep.found
    assert sweep.seen > 500


def what_happened(scene: Scene) -> set[str]:
    """The traffic was what it was meant to be: otherwise finding nothing would mean nothing."""
    facts = {
        "asked again": len(scene.echo.asked) > 4,
        "disabled": "invalid key" in ClaudeAccount.objects.get(name="echo").disabled_reason,
        "refused": Organization.objects.get().state != "never",
        "told": bool(scene.slack.posts) and QuotaAlert.objects.exists(),
        "written": Activity.objects.count() > 4 and Attempt.objects.filter(state="settled").count() > 4,
    }
    return {name for name, so in facts.items() if so}


async def test_a_leak_that_is_planted_is_found_in_each_kind_of_place(scene: Scene, settings: Settings) -> None:
    sweep = Sweep(scene.secrets)
    await sync_to_async(plant)(scene, settings)
    await sync_to_async(sweep_all)(sweep, settings)
    sweep.look_at_all("log", scene.log.lines)
    assert sweep.kinds == {"page", "rest", "redis", "table", "dump", "row", "log"}


def plant(scene: Scene, settings: Settings) -> None:
    """Each canary somewhere, once in a form that is not the plain one."""
    echo = scene.secrets["key of echo"].encode().hex()
    Pool.objects.update(name=scene.secrets["admin key"])
    ClaudeAccount.objects.filter(name="echo").update(disabled_reason=echo[:200])
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.hset("nubabel:planted", "x", scene.secrets["Slack token"])
    logging.getLogger("gateway.planted").debug("the key is %s", scene.secrets["key of alpha"])
