"""`manage.py accounts list | add | test | disable | enable | reset`: the same services as the admin site and REST."""

import getpass
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from accounts import services
from accounts.errors import AccountsError, DuplicateKey
from accounts.management.commands.create_access_key import dollars
from accounts.models import ClaudeAccount, Pool
from accounts.models.limits import LIMIT_FIELDS
from gateway.trial import try_key
from quota import control
from quota.engine.errors import EngineError
from quota.management import choosing, pages
from quota.management.tables import dumps
from quota.overview import look_patiently, overview

_NUMBERS: Final = ("priority", "weight", "max_concurrency")


class Command(BaseCommand):
    help = (
        "Look after accounts. An account's key is read from standard input, or asked for; never from the command line. "
        "Repeating a command changes nothing more. Exit code 0: it is so; 1: it could not be done, and why."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        todo = parser.add_subparsers(dest="todo", required=True, metavar="list|add|test|disable|enable|reset")
        listing = todo.add_parser("list", help="all accounts and how they stand now")
        listing.add_argument("--pool", help="only this pool")
        listing.add_argument("--json", action="store_true", help="print one JSON object")
        _add_arguments_of_add(_of_one(todo, "add", "make an account; its key comes on standard input"))
        _of_one(todo, "test", "ask Anthropic, for free, whether its key works")
        disable = _of_one(todo, "disable", "give it no more requests; what is under way ends")
        disable.add_argument("--why", default="", help="shown to people; default: by whom")
        _of_one(todo, "enable", "give it requests again")
        _of_one(todo, "reset", "close its breaker, forget its failures, end its cool-downs")

    def handle(self, *, todo: str, **options: Any) -> None:  # noqa: ANN401
        try:
            _TODO[todo](self, options)
        except ValidationError as refused:
            raise CommandError("; ".join(refused.messages)) from None
        except AccountsError as refused:
            raise CommandError(str(refused)) from None
        except EngineError:
            raise CommandError("Redis does not answer, so nothing was changed there; try again.") from None

    def tell(self, account: ClaudeAccount, said: str, *, json: bool, changed: bool, **more: Any) -> None:  # noqa: ANN401
        """One sentence, or one object."""
        facts = {"id": str(account.pk), "name": account.name, "pool": account.pool.name, "changed": changed, **more}
        self.stdout.write(dumps(facts) if json else f"{account.name} {said}.")


def _list(command: Command, options: Mapping[str, Any]) -> None:
    pools = choosing.pools(options["pool"])
    seen = overview(pools, look_patiently(pools))
    if options["json"]:
        facts = [pages.account_facts(pool, account) for pool in seen for account in pool.accounts]
        troubles = {pool.pool.name: pool.trouble for pool in seen if pool.trouble}
        command.stdout.write(dumps({"accounts": facts, "troubles": troubles}))
    else:
        command.stdout.write("\n".join(pages.of_accounts(seen)))


@sensitive_variables("key")
def _add(command: Command, options: Mapping[str, Any]) -> None:
    pool = choosing.the_pool(options["pool"])
    columns = {name: options[name] for name in (*_NUMBERS, *LIMIT_FIELDS, "base_url") if options[name] is not None}
    models = {"allowed_models": options["model"]} if options["model"] else {}
    key = _key()
    try:
        account = services.create_account(pool=pool, name=options["name"], api_key=key, **columns, **models)
        created = True
    except (DuplicateKey, ValidationError):
        same = _the_same(pool, options["name"], key)
        if same is None:
            raise
        account, created = same, False
    command.tell(account, "is added" if created else "is there already", json=options["json"], changed=created)


@sensitive_variables("key")
def _the_same(pool: Pool, name: str, key: str) -> ClaudeAccount | None:
    """The account of this name, if it holds this key: then there is nothing to do."""
    there = pool.accounts.select_related("pool").filter(name=name).first()
    return there if there and there.has_readable_key and there.reveal_key().reveal() == key else None


def _test(command: Command, options: Mapping[str, Any]) -> None:
    account = choosing.the_account(options["name"], pool=options["pool"])
    found = try_key(account)
    shares = f" It shares its organization, and so its limits, with {', '.join(found.shares_organization_with)}."
    said = f"{found.message}{shares if found.shares_organization_with else ''}"
    if options["json"]:
        command.tell(account, "", json=True, changed=False, trial=found)
    elif found.works:
        command.stdout.write(f"✓ {account.name}: {said} ({found.took_ms} ms)")
    if not found.works:
        detail = f" {found.detail}" if found.detail else ""
        raise CommandError(f"✗ {account.name}: {said}{detail}")


def _disable(command: Command, options: Mapping[str, Any]) -> None:
    account = choosing.the_account(options["name"], pool=options["pool"])
    changed = services.disable_account(account, why=options["why"] or f"by {_who()}")
    command.tell(account, "is disabled" if changed else "was disabled before", json=options["json"], changed=changed)


def _enable(command: Command, options: Mapping[str, Any]) -> None:
    account = choosing.the_account(options["name"], pool=options["pool"])
    changed = services.enable_account(account)
    command.tell(account, "is enabled" if changed else "was enabled before", json=options["json"], changed=changed)


def _reset(command: Command, options: Mapping[str, Any]) -> None:
    account = choosing.the_account(options["name"], pool=options["pool"])
    for order in (control.reset_breaker, control.clear_cooldown):
        order(account.pool_id, str(account.pk), actor=_who())
    said = "is reset: its breaker is closed, its cool-downs are over"
    command.tell(account, said, json=options["json"], changed=True)


_TODO: Final[Mapping[str, Callable[[Command, Mapping[str, Any]], None]]] = {
    "list": _list,
    "add": _add,
    "test": _test,
    "disable": _disable,
    "enable": _enable,
    "reset": _reset,
}


def _of_one(todo: Any, name: str, text: str) -> ArgumentParser:  # noqa: ANN401 - argparse keeps its class to itself
    parser: ArgumentParser = todo.add_parser(name, help=text, description=text)
    parser.add_argument("name", help="the account's name" + ("" if name == "add" else ", or its id"))
    parser.add_argument("--pool", help="the pool's name, where several have such an account")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_arguments_of_add(parser: ArgumentParser) -> None:
    parser.add_argument("--base-url", help="where its key is sent (default: the first of ANTHROPIC_BASE_URLS)")
    parser.add_argument("--model", action="append", help="a model it may serve; repeat for several (default: all)")
    parser.add_argument("--priority", type=int, help="lower is tried first, with the priority strategy")
    parser.add_argument("--weight", type=int, help="its share among equals")
    parser.add_argument("--concurrency", dest="max_concurrency", type=int, help="calls at once, at most")
    for column in LIMIT_FIELDS:
        _, metric, window = column.split("_")
        unit = dollars if metric == "cost" else int
        parser.add_argument(
            f"--{metric}-per-{window}", dest=column, type=unit, help=f"at most so much {metric} per {window}"
        )


def _key() -> str:
    """The key, from a prompt where somebody sits, else from standard input."""
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise CommandError("No key came on standard input.")
    return key.strip()


def _who() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()
