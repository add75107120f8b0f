"""Who calls the management API: people with roles, and access keys."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from accounts.access import issue_access_key, revoke_access_key
from accounts.models import AccessKey

TOKEN = "t" * 32


@dataclass
class Caller:
    """Sends JSON with what identifies it; a session brings its CSRF token along."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True, raise_request_exception=False))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        kind = sent.pop("content-type", "application/json")
        return self.client.generic(method, path, data, content_type=kind, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, **headers)


def nobody() -> Caller:
    return Caller()


def person(name: str, *groups: str, **facts: Any) -> Caller:
    """A staff member of these groups."""
    user = User.objects.create_user(name, password="correct horse battery", **{"is_staff": True, **facts})
    user.groups.set(Group.objects.filter(name__in=groups))
    caller = Caller({"X-CSRFToken": TOKEN})
    caller.client.force_login(user)
    caller.client.cookies["csrftoken"] = TOKEN
    return caller


def key(*scopes: str, **facts: Any) -> Caller:
    """Somebody with a new access key."""
    plain, _ = issue_access_key(name=f"key {' '.join(scopes)}", scopes=scopes, **facts)
    return Caller({"Authorization": f"Bearer {plain}"})


def revoked_key(*scopes: str) -> Caller:
    caller = key(*scopes)
    revoke_access_key(AccessKey.objects.latest("created_at"), now=timezone.now())
    return caller


def expired_key(*scopes: str) -> Caller:
    return key(*scopes, expires_at=timezone.now() - timedelta(seconds=1))
