"""Columns that several tables share, and how long texts may be.

Pools and accounts are named by id without a database constraint on purpose: the ledger outlives them, and an entry
about an account deleted meanwhile must not stop the worker. `DO_NOTHING` leaves the ids where they are.
"""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from accounts.models import ClaudeAccount, Pool
from accounts.money import from_nano
from quota.facts import TOKEN_KINDS


def pool_reference() -> "models.ForeignKey[Pool, Pool]":
    return models.ForeignKey(Pool, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")


def account_reference(
    *, null: bool = False, name: str = "account"
) -> "models.ForeignKey[ClaudeAccount, ClaudeAccount]":
    return models.ForeignKey(
        ClaudeAccount,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=null,
        blank=null,
        related_name="+",
        verbose_name=name,
    )


class Spent(models.Model):
    """What was used, by kind, and what it cost."""

    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_5m_tokens = models.BigIntegerField("cache write tokens (5 min)", default=0)
    cache_write_1h_tokens = models.BigIntegerField("cache write tokens (1 h)", default=0)
    web_searches = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField("cost (nano-dollars)", default=0)

    class Meta:
        abstract = True

    @property
    def cost(self) -> Decimal:
        """US dollars."""
        return from_nano(self.cost_nano)


def none_negative(*columns: str) -> Q:
    """Demand of each column, and of those of `Spent`, that it is not below zero."""
    return Q(**{f"{column}__gte": 0 for column in (*TOKEN_KINDS, "cost_nano", *columns)})
