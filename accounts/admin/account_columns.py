"""What the list and the page of accounts show of each, from one look at the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince

from accounts.kinship import kin_of
from quota.admin.bars import limit_bars
from quota.admin.reading import NOTHING, display
from quota.amounts import nano_dollars, short
from quota.board import Board, Card, Looks, board_of
from quota.last_words import last_errors
from quota.status import UNKNOWN, remaining_of
from quota.today import Spent, spent_today

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from accounts.models import ClaudeAccount

_FRESH: Final = 60
"""Seconds."""


def looks_of(request: HttpRequest) -> Looks:
    """What the page that answers this request has seen of the pools."""
    looks: Looks = request.__dict__.setdefault("_looks_at_pools", Looks())
    return looks


def dress(accounts: Collection[ClaudeAccount], looks: Looks) -> Board:
    """Hang on each account what its columns show: the queries do not grow with the list."""
    board = board_of(accounts, looks)
    errors = last_errors([account.pk for account in accounts])
    ledger = spent_today([account.pk for account in accounts]) if board.trouble else {}
    for account in accounts:
        account.card = board.cards.get(account.pk, Card(UNKNOWN))  # type: ignore[attr-defined]
        account.last_error = errors.get(account.pk)  # type: ignore[attr-defined]
        account.today = spent_of(account.card, ledger.get(account.pk))  # type: ignore[attr-defined]
        account.seen_ms = _seen_ms(board, account)  # type: ignore[attr-defined]
    return board


def spent_of(card: Card, ledger: Spent | None) -> Spent | None:
    """What the engine counted on this UTC day, or the ledger if the engine is silent."""
    state = card.state
    return Spent(state.day_requests, state.day_tokens, state.day_cost) if state else ledger


class AccountColumns:
    """Columns for `list_display`; each account has been dressed."""

    def shown(self, account: ClaudeAccount) -> dict[str, object]:
        """What the account's own page shows of them, by name."""
        columns = (
            *(self.in_flight, self.limits, self.today, self.last_used, self.last_error),
            *(self.rate_limits, self.organization),
        )
        return {column.__name__: column(account) for column in columns}

    @display(description="account", ordering="name")
    def titled(self, account: ClaudeAccount) -> SafeString:
        return format_html('{}<div class="nb-muted">{}</div>', account.name, account.pool)

    @display(description="status")
    def status(self, account: Any) -> SafeString:  # noqa: ANN401 - dressed
        card = account.card
        marker = format_html('<span class="nb-next" title="{}">next</span>', "Gets the next ordinary request")
        why = format_html('<div class="nb-muted">{}</div>', card.status.why) if card.status.why else ""
        chip = format_html('<span class="nb-chip nb-{}">{}</span>', card.status.tone.value, card.status.text)
        return format_html('<div class="nb-status">{} {}{}</div>', chip, marker if card.is_next else "", why)

    @display(description="in flight")
    def in_flight(self, account: Any) -> str:  # noqa: ANN401
        if not account.card.state:
            return NOTHING
        cap = f" / {account.max_concurrency}" if account.max_concurrency else ""
        return f"{account.card.state.in_flight}{cap}"

    @display(description="now and today (UTC)")
    def activity(self, account: Any) -> SafeString:  # noqa: ANN401
        """What is under way, when it was used last and what it did today: one column in the list."""
        at = account.card.last_used
        used = format_html("used {}", ago(at)) if at else "never used"
        return format_html(
            '<div class="nb-nowrap">{} in flight, {}<br>{}</div>', self.in_flight(account), used, self.today(account)
        )

    @display(description="limits")
    def limits(self, account: Any) -> SafeString | str:  # noqa: ANN401
        state = account.card.state
        return limit_bars(state.limits, now_ms=account.seen_ms) if state else NOTHING

    @display(description="limits at Anthropic")
    def rate_limits(self, account: Any) -> SafeString | str:  # noqa: ANN401
        """Its organization's, as far as answers told of them."""
        learned = account.card.state.learned if account.card.state else ()
        lines = [(one.group, remaining_of(one)) for one in learned]
        return format_html_join("", "<div>{}: {} remain</div>", lines) if lines else NOTHING

    @display(description="organization")
    def organization(self, account: ClaudeAccount) -> SafeString | str:
        """With a warning where others of the pool belong to it, too."""
        kin = kin_of(account)
        if not kin:
            return account.organization_id or NOTHING
        shared = "shared with {}: Anthropic counts their limits together, so they add no room to one another"
        return format_html('{}<div class="nb-muted">{}</div>', account.organization_id, shared.format(", ".join(kin)))

    @display(description="today (UTC)")
    def today(self, account: Any) -> SafeString | str:  # noqa: ANN401
        spent = account.today
        if spent is None:
            return NOTHING
        said = (f"{short(spent.requests)} requests", f"{short(spent.tokens)} tokens", nano_dollars(spent.cost_nano))
        return format_html('<a class="nb-quiet" href="{}">{}<br>{}, {}</a>', _usage_page(account), *said)

    @display(description="last used")
    def last_used(self, account: Any) -> SafeString | str:  # noqa: ANN401
        return ago(account.card.last_used)

    @display(description="last error")
    def last_error(self, account: Any) -> SafeString | str:  # noqa: ANN401
        error = account.last_error
        if error is None:
            return NOTHING
        page = reverse("admin:quota_attempt_change", args=[error.attempt])
        return format_html(
            '<a class="nb-quiet" href="{}" title="{}">{}</a> {}', page, error.why, error.what, ago(error.at)
        )


def ago(at: datetime | None) -> SafeString | str:
    """`3 minutes ago`, with the instant in UTC on demand."""
    if at is None:
        return NOTHING
    fresh = (timezone.now() - at).total_seconds() < _FRESH
    said = "just now" if fresh else f"{timesince(at, depth=1)} ago"
    return format_html('<span class="nb-ago" title="{}">{}</span>', f"{at:%Y-%m-%d %H:%M:%S} UTC", said)


def _usage_page(account: ClaudeAccount) -> str:
    return reverse("admin:accounts_claudeaccount_usage", args=[account.pk])


def _seen_ms(board: Board, account: ClaudeAccount) -> int:
    snapshot = board.pools.get(account.pool_id)
    return snapshot.now_ms if snapshot else 0
