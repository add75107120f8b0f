"""Revoke an access key, effective everywhere within a second."""

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from accounts.access import revoke_access_key
from accounts.models import AccessKey


class Command(BaseCommand):
    help = "Revoke an access key for good, effective within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="its id, its name, or how it begins (nb_live_…); never the whole key")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:  # noqa: ANN401
        key = _the_one(options["key"])
        changed = revoke_access_key(key, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps({"id": str(key.pk), "name": key.name, "revoked": True, "changed": changed}))
        else:
            self.stdout.write(f"Access key {key.name!r} {'is revoked' if changed else 'was revoked before'}.")


def _the_one(text: str) -> AccessKey:
    found = list(AccessKey.objects.filter(_named(text))[:2])
    if not found:
        raise CommandError("There is no such access key.")
    if len(found) > 1:
        raise CommandError("Several access keys fit; give the id of one.")
    return found[0]


def _named(text: str) -> Q:
    try:
        return Q(pk=uuid.UUID(text))
    except ValueError:
        return Q(name=text) | Q(hint=text)
