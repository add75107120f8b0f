"""Limits as bars: used, reserved, out of how much, and when it starts anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from quota import times
from quota.admin.reading import NOTHING
from quota.amounts import amount_of, percent
from quota.engine.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.safestring import SafeString

    from quota.engine.views import LimitState

_TIGHT: Final = 80
_FULL: Final = 100


def limit_bars(limits: Iterable[LimitState], *, now_ms: int) -> SafeString | str:
    """All of them, a line and a bar each; a dash where there is no limit."""
    bars = format_html_join("", "{}", ((_bar(one, now_ms=now_ms),) for one in limits))
    return format_html('<div class="nb-limits">{}</div>', bars) if bars else NOTHING


def _bar(one: LimitState, *, now_ms: int) -> SafeString:
    amount = one.limit.amount
    used, gone = min(100, percent(one.used, amount)), percent(one.used + one.reserved, amount)
    return format_html(
        '<div class="nb-limit nb-{}"><div class="nb-limit-words"><span>{}</span><span>{}</span></div>'
        '<div class="nb-track" role="img" aria-label="{}"><span class="nb-used" style="width:{}%"></span>'
        '<span class="nb-reserved" style="width:{}%"></span></div></div>',
        _tone(gone),
        f"{one.limit.metric} / {one.limit.window}",
        _figures(one, gone=gone, now_ms=now_ms),
        f"{gone} % of {one.limit.metric} per {one.limit.window} used or reserved",
        used,
        max(0, min(100, gone) - used),
    )


def _figures(one: LimitState, *, gone: int, now_ms: int) -> str:
    metric = one.limit.metric
    taken = f"{amount_of(metric, one.used + one.reserved)} of {amount_of(metric, one.limit.amount)} ({gone} %)"
    if one.limit.window is Window.MINUTE:
        return taken
    return f"{taken}, anew {times.instant(one.resets_ms, now_ms=now_ms)}"


def _tone(gone: int) -> str:
    if gone >= _FULL:
        return "full"
    return "tight" if gone >= _TIGHT else "easy"
