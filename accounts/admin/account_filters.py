"""A filter by how accounts stand now, which only the engine knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.admin import SimpleListFilter

from quota.board import board_of
from quota.status import Word

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from accounts.models import ClaudeAccount

_SERVES: Final = "serves"
_NOT: Final = "not"
_CHOICES: Final = (
    (_SERVES, "serving"),
    (_NOT, "not serving"),
    *((word.value, word.value.replace("_", " ")) for word in Word if word not in {Word.SERVING, Word.PARTLY}),
)


class StandsFilter(SimpleListFilter):
    """Looks at every account that the other filters leave; while Redis is away it filters nothing out."""

    title = "status now"
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[ClaudeAccount]) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        return _CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet[ClaudeAccount]) -> QuerySet[ClaudeAccount]:  # noqa: ARG002
        wanted = self.value()
        if not wanted:
            return queryset
        board = board_of(queryset.select_related("pool"))
        if board.trouble:
            return queryset
        found = [pk for pk, card in board.cards.items() if _fits(card.status.word, wanted, serves=card.status.serves)]
        return queryset.filter(pk__in=found)


def _fits(word: Word, wanted: str, *, serves: bool) -> bool:
    if wanted in {_SERVES, _NOT}:
        return serves is (wanted == _SERVES)
    return word.value == wanted
