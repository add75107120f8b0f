"""What people and access keys may do in management, and what a role is made of. Pure; the only place that says so.

Which ability a REST view takes stands in `nubabel.rights`. The admin site goes by Django's permissions, which a role's
group has; over REST a person has a role when they have all of its permissions, so neither face gives more than the
other.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from accounts.scopes import Scope


class Ability(StrEnum):
    """Something a request may do."""

    READ = "read"
    """See everything but secrets."""
    OPERATE = "operate"
    """Act on what runs: enable and disable, breakers, cool-downs, tests of a key."""
    MANAGE = "manage"
    """Make, change and delete accounts, pools and access keys."""


class Role(StrEnum):
    """A group of people, by its name."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


Grants = Mapping[str, tuple[str, ...]]
"""`app_label.model` → the verbs of its permissions, or their whole names where they have another form."""

ABILITIES: Final[Mapping[Role, frozenset[Ability]]] = {
    Role.VIEWER: frozenset({Ability.READ}),
    Role.OPERATOR: frozenset({Ability.READ, Ability.OPERATE}),
    Role.ADMIN: frozenset(Ability),
}
ABILITIES_OF_SCOPE: Final[Mapping[Scope, frozenset[Ability]]] = {
    Scope.MESSAGES: frozenset(),
    Scope.ADMIN_READ: frozenset({Ability.READ}),
    Scope.ADMIN_WRITE: frozenset({Ability.OPERATE, Ability.MANAGE}),
}

_SEEN: Final[Grants] = {
    "accounts.pool": ("view",),
    "accounts.claudeaccount": ("view",),
    "accounts.accesskey": ("view",),
    "accounts.auditentry": ("view",),
    "quota.activity": ("view",),
    "quota.attempt": ("view",),
    "quota.usagerollup": ("view",),
    "quota.sessionrollup": ("view",),
    "quota.setaside": ("view",),
    "quota.quotaalert": ("view",),
    "quota.organization": ("view",),
    "quota.organizationkey": ("view",),
    "quota.ratelimit": ("view",),
    "notifications.letter": ("view",),
    "notifications.sinkstate": ("view",),
}
_OPERATED: Final[Grants] = {
    "accounts.claudeaccount": ("operate",),
    "quota.quotaalert": ("change",),
    "notifications.sinkstate": ("change",),
}
_MANAGED: Final[Grants] = {
    "accounts.pool": ("add", "change", "delete", "send_messages"),
    "accounts.claudeaccount": ("add", "change", "delete"),
    "accounts.accesskey": ("add", "change"),
    "quota.organization": ("add", "change", "delete"),
}
GRANTS: Final[Mapping[Role, tuple[Grants, ...]]] = {
    Role.VIEWER: (_SEEN,),
    Role.OPERATOR: (_SEEN, _OPERATED),
    Role.ADMIN: (_SEEN, _OPERATED, _MANAGED),
}
"""A new model stands here, and in a migration that calls `accounts.role_groups.grant_roles` again."""


def permissions_of(role: Role) -> frozenset[str]:
    """A role's permissions as Django names them: `app_label.verb_model`."""
    return frozenset(
        f"{name.partition('.')[0]}.{codename(name, verb)}"
        for grants in GRANTS[role]
        for name, verbs in grants.items()
        for verb in verbs
    )


def codename(model: str, verb: str) -> str:
    """A permission's name within its app: `view_pool`."""
    return verb if "_" in verb else f"{verb}_{model.partition('.')[2]}"


def abilities_of_scopes(scopes: Iterable[Scope]) -> frozenset[Ability]:
    """What a key with these scopes may do."""
    return frozenset().union(*(ABILITIES_OF_SCOPE[scope] for scope in scopes))


def abilities_by(has_all: Callable[[Iterable[str]], bool]) -> frozenset[Ability]:
    """What somebody may do of whom `has_all` tells whether they have all of some permissions."""
    return frozenset().union(*(ABILITIES[role] for role in Role if has_all(permissions_of(role))))
