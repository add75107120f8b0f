"""Destinations and their letters in the admin site: what is wrong with one, a test message, and another chance."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from notifications import outbox
from notifications.models import Letter, SinkState
from notifications.sinks import WEBHOOK, SlackSink, sinks_of
from notifications.trial import try_out
from notifications.wiring import slack_settings, webhook_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from notifications.trial import Trial


class _ToBeRead(ModelAdmin):  # type: ignore[misc] # unfold is untyped
    show_full_result_count = False

    def has_add_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        return False


@admin.register(SinkState)
class SinkStateAdmin(_ToBeRead):
    list_display = ("name", "state", "why", "waiting", "unlisted", "delivered_at", "due_at")
    actions = ("send_test", "switch_on")
    fields = ("name", "state", "why", "waiting", "unlisted", "failures", "delivered_at", "disabled_at", "due_at")

    def has_mend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_sinkstate")

    @display(description="state", label={"on": "success", "waits": "warning", "switched off": "danger"})  # type: ignore[untyped-decorator]
    def state(self, row: SinkState) -> tuple[str, str]:
        word = "switched off" if row.disabled_at else "waits" if row.failures else "on"
        return word, word

    @display(description="messages waiting")  # type: ignore[untyped-decorator]
    def waiting(self, row: SinkState) -> int:
        return Letter.objects.filter(sink=row.name, state=Letter.WAITING).count()

    @action(description="Send a test message", permissions=["mend"])  # type: ignore[untyped-decorator]
    def send_test(self, request: HttpRequest, rows: QuerySet[SinkState]) -> None:
        for row in rows:
            trials = asyncio.run(_trials(row.name))
            for trial in trials:
                level = messages.SUCCESS if trial.delivered else messages.ERROR
                self.message_user(request, _said(row.name, trial), level)
            if trials and all(trial.delivered for trial in trials):
                outbox.switch_on(row.name)
            if not trials:
                self.message_user(request, f"{row.name}: nothing is configured for it any more.", messages.ERROR)

    @action(description="Switch on again", permissions=["mend"])  # type: ignore[untyped-decorator]
    def switch_on(self, request: HttpRequest, rows: QuerySet[SinkState]) -> None:
        changed = sum(outbox.switch_on(row.name) for row in rows)
        self.message_user(request, f"{changed} switched on again; what waits is sent now.", messages.SUCCESS)


@admin.register(Letter)
class LetterAdmin(_ToBeRead):
    list_display = ("at", "sink", "event", "state", "done_at", "why")
    list_filter = ("state", "sink")
    search_fields = ("event",)
    actions = None
    fields: ClassVar[Any] = ("sink", "event", ("state", "why"), ("at", "made_at", "done_at"), "content")


async def _trials(name: str) -> list[Trial]:
    slack, webhook = slack_settings(), webhook_settings()
    found = next((sink for sink in sinks_of(slack, webhook) if sink.name == name), None)
    targets: Sequence[str] = ()
    if found is not None:
        targets = sorted(found.channels) if isinstance(found, SlackSink) else (WEBHOOK,)
    now_ms = time.time_ns() // 1_000_000
    return await try_out(targets, slack_settings=slack, webhook_settings=webhook, at_ms=now_ms)


def _said(name: str, trial: Trial) -> str:
    if trial.delivered:
        return f"{name}: the {trial.target} test message has arrived."
    return f"{name}, {trial.target}: {trial.code}" + (f" – {trial.advice}" if trial.advice else "")
