"""The simulated world: organizations, their workspaces and accounts, and what they have left."""

import random
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from simulator.billing import cost_of
from simulator.buckets import GroupBuckets, Limits, rate_headers
from simulator.cache import PromptCache
from simulator.catalogue import GROUPS, Model, find
from simulator.clock import Clock, SystemClock
from simulator.faults.registry import make_rule
from simulator.gate import Gate
from simulator.ids import Ids, admin_key_for, api_key_for, token_for, uuid_for
from simulator.latency import Pace
from simulator.parties import Account, Exchange, Organization, Purse, Workspace, limits_in_force
from simulator.reply import Bill
from simulator.script import Rule, Script
from simulator.shelf import Shelf
from simulator.slack import SlackDouble
from simulator.times import month_of
from simulator.usage import Dimensions, UsageLog

if TYPE_CHECKING:
    from simulator.errors import ApiError
    from simulator.journal import Journal
    from simulator.things import Batch, Container, StoredFile, StoredSkill

KEPT_EXCHANGES = 500


class World:
    """Everything there is. One world serves one application; its clock and seed make it repeatable."""

    def __init__(
        self, *, clock: Clock | None = None, seed: int | None = 1, pace: Pace | None = None, admin_lag: float = 0.0
    ) -> None:
        """Make an empty world. `admin_lag` is how many seconds the Admin reports run behind."""
        self.clock: Clock = clock or SystemClock()
        self.rng = random.Random(seed)  # noqa: S311 (dice of a simulation)
        self.ids = Ids(seed=seed)
        self.pace = pace
        self.admin_lag = admin_lag
        self.admin_refusals: deque[ApiError] = deque()
        """What the Admin API says next instead of an answer, one a request."""
        self.gate = Gate()
        self.script = Script(rng=self.rng)
        self.cache = PromptCache()
        self.usage = UsageLog()
        self.exchanges: deque[Exchange] = deque(maxlen=KEPT_EXCHANGES)
        self.journal: Journal | None = None
        """Where every request on an account's key is written down, if anywhere."""
        self.organizations: dict[str, Organization] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.by_admin_key: dict[str, Organization] = {}
        self.files: Shelf[StoredFile] = Shelf("File")
        self.skills: Shelf[StoredSkill] = Shelf("Skill")
        self.containers: Shelf[Container] = Shelf("Container")
        self.batches: Shelf[Batch] = Shelf("Batch")
        self.slack = SlackDouble(clock=self.clock)
        self.files_downloadable = False
        self.batch_seconds = 60.0
        self._buckets: dict[tuple[str, str], GroupBuckets] = {}

    # Founding

    def add_organization(
        self, name: str, *, limits: Mapping[str, Limits] | Limits | None = None, purse: Purse | None = None
    ) -> Organization:
        """Found an organization (or give the one of that name). Bare limits hold for every model group."""
        if name in self.organizations:
            return self.organizations[name]
        organization = Organization(
            name, uuid_for(name), admin_key_for(name), self.clock.now(), _per_group(limits), purse or Purse()
        )
        self.organizations[name] = organization
        self.by_admin_key[organization.admin_key] = organization
        self.add_workspace("Default", organization=organization, is_default=True)
        return organization

    def add_workspace(
        self,
        name: str,
        *,
        organization: Organization,
        limits: Mapping[str, Limits] | Limits | None = None,
        purse: Purse | None = None,
        is_default: bool = False,
    ) -> Workspace:
        """Make a workspace."""
        identity = f"wrkspc_01{token_for(f'{organization.name}/{name}', length=22)}"
        workspace = Workspace(
            name, identity, organization, self.clock.now(), _per_group(limits), purse or Purse(), is_default
        )
        self.workspaces[identity] = workspace
        return workspace

    def default_workspace(self, organization: Organization) -> Workspace:
        """Give the workspace every organization has."""
        return next(w for w in self.workspaces.values() if w.organization is organization and w.is_default)

    def add_account(
        self,
        name: str,
        *,
        key: str | None = None,
        organization: str | None = None,
        workspace: Workspace | None = None,
        limits: Mapping[str, Limits] | Limits | None = None,
        purse: Purse | None = None,
        forbidden_models: Iterable[str] = (),
        pace: Pace | None = None,
    ) -> Account:
        """Open an account, in an organization of its own unless told otherwise; limits and purse are that one's."""
        if workspace is None:
            workspace = self.default_workspace(self.add_organization(organization or name, limits=limits, purse=purse))
        account = Account(
            name,
            key or api_key_for(name),
            f"apikey_01{token_for(name, length=22)}",
            workspace,
            self.clock.now(),
            frozenset(forbidden_models),
            pace=pace,
        )
        self.accounts[name] = account
        self.by_key[account.key] = account
        return account

    # Scripting

    def fault(self, name: str, *, account: str | None = None, times: int | None = 1, **options: Any) -> Rule:  # noqa: ANN401
        """Script a fault: `world.fault("throttle", account="alpha", times=2, retry_after=5)`. Raises ScriptError."""
        return self.script.add(make_rule(name, account=account, times=times, **options))

    def play(self, account: str, *names: str) -> None:
        """Script a sequence for an account, one fault per request ("ok" serves)."""
        for name in names:
            self.fault(name, account=account)

    def always(self, account: str | None, name: str, **options: Any) -> Rule:  # noqa: ANN401
        """Script a fault that stays until it is removed."""
        return self.fault(name, account=account, times=None, **options)

    # Capacity

    def buckets(self, account: Account, group: str) -> list[GroupBuckets]:
        """Give the buckets in force: the organization's, then the workspace's own if it has lower ones."""
        workspace = account.workspace
        organization = workspace.organization
        in_force = [self._bucket(organization.id, group, organization.limits, fallback=GROUPS[group].limits)]
        if workspace.limits:
            in_force.append(self._bucket(workspace.id, group, workspace.limits, fallback=in_force[0].limits))
        return in_force

    def _bucket(self, owner: str, group: str, limits: Mapping[str, Limits], *, fallback: Limits) -> GroupBuckets:
        wanted = limits_in_force(limits, group, fallback)
        bucket = self._buckets.get((owner, group))
        if bucket is None or bucket.limits != wanted:
            bucket = self._buckets[owner, group] = GroupBuckets(limits=wanted, now=self.clock.now())
        return bucket

    def rate_headers(self, account: Account, model: str) -> dict[str, str]:
        """Give the twelve headers for a model; nothing for a model nobody knows."""
        known: Model | None = find(model)
        return rate_headers(self.buckets(account, known.group), self.clock.now()) if known else {}

    # Afterwards

    def settle(self, account: Account, bill: Bill, *, at: float | None = None) -> None:
        """Charge what was produced (now, or at an instant past): the output bucket, the purses, the usage log."""
        now = self.clock.now() if at is None else at
        if not bill.batch:  # batches have limits of their own
            for buckets in self.buckets(account, bill.group):
                buckets.output.take(bill.output_tokens, now)
        cost = cost_of(bill)
        month = month_of(now)
        account.organization.purse.pay(cost.total, month)
        account.workspace.purse.pay(cost.total, month)
        account.tokens += bill.total_tokens
        account.cost += cost.total
        dimensions = _dimensions(
            (account.organization.name, account.workspace.id, account.key_id),
            bill.model,
            batch=bill.batch,
            long=bill.prompt_tokens > LONG_CONTEXT,
            kind=(bill.geo, bill.speed, bill.claude_code),
        )
        self.usage.record(dimensions, bill, cost, now=now)


def _per_group(limits: Mapping[str, Limits] | Limits | None) -> dict[str, Limits]:
    if isinstance(limits, Limits):
        return {"*": limits}
    return dict(limits or {})


LONG_CONTEXT = 200_000


@lru_cache(maxsize=4096)
def _dimensions(
    key: tuple[str, str, str], model: str, *, batch: bool, long: bool, kind: tuple[str, str, bool]
) -> Dimensions:
    organization, workspace_id, key_id = key
    geo, speed, claude_code = kind
    return Dimensions(
        organization=organization,
        workspace_id=workspace_id,
        api_key_id=key_id,
        model=model,
        service_tier="batch" if batch else "standard",
        context_window="200k-1M" if long else "0-200k",
        inference_geo=geo or "global",
        speed=speed,
        claude_code=claude_code,
    )


def demo_world(*, clock: Clock | None = None, seed: int | None = 1, pace: Pace | None = None) -> World:
    """Three accounts, alpha, beta and gamma, each in an organization of its own."""
    world = World(clock=clock, seed=seed, pace=pace)
    for name in ("alpha", "beta", "gamma"):
        world.add_account(name)
    return world
