"""A filter by how accounts stand now, which only the engine knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib.admin import SimpleListFilter

from accounts.admin.account_columns import looks_of
from quota.board import facts_of, standings, trouble_of
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

    def queryset(self, request: HttpRequest, queryset: QuerySet[ClaudeAccount]) -> QuerySet[ClaudeAccount]:
        wanted = self.value()
        if not wanted:
            return queryset
        facts = facts_of(queryset)
        found = looks_of(request).at(one.pool_id for one in facts)
        if trouble_of(found):
            return queryset
        stand = standings(facts, found)
        return queryset.filter(pk__in=[pk for pk, one in stand.items() if _fits(one.word, wanted, serves=one.serves)])


def _fits(word: Word, wanted: str, *, serves: bool) -> bool:
    if wanted in {_SERVES, _NOT}:
        return serves is (wanted == _SERVES)
    return word.value == wanted
