"""Re-encrypt everything under the key in force, while the service runs.

Each row is changed by compare-and-set on its ciphertext: an edit made meanwhile wins, and is encrypted under the
current key anyway. Doing it twice changes nothing. What cannot be decrypted is named and left as it is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet

from accounts import wiring
from accounts.fields import EncryptedTextField, Sealed

ATTEMPTS: Final = 3


class Result(StrEnum):
    CURRENT = "current"  # readable and under the primary key already
    ROTATED = "rotated"  # re-encrypted now (in a dry run: would have been)
    UNDECRYPTABLE = "undecryptable"  # no key fits, or the ciphertext is not this row's
    DUPLICATE = "duplicate"  # its key is in the pool twice; delete one of the two
    BUSY = "busy"  # changed by others again and again; run once more


TROUBLE: Final = (Result.UNDECRYPTABLE, Result.DUPLICATE, Result.BUSY)


@dataclass(slots=True)
class Report:
    """What happened to every encrypted value; rows in trouble by name."""

    dry_run: bool
    counts: dict[Result, int] = field(default_factory=lambda: dict.fromkeys(Result, 0))
    named: dict[Result, list[str]] = field(default_factory=lambda: {result: [] for result in TROUBLE})

    def add(self, result: Result, name: str) -> None:
        self.counts[result] += 1
        if result in TROUBLE:
            self.named[result].append(name)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def complete(self) -> bool:
        """Whether the fallback keys may be dropped (after a dry run: after the real one)."""
        return not any(self.named.values())


def rotate(
    *, dry_run: bool = False, batch_size: int = 200, progress: Callable[[Report], None] = lambda _: None
) -> Report:
    """Bring every encrypted column of every model under the primary key; `progress` hears after each batch."""
    report = Report(dry_run=dry_run)
    for model, column in encrypted_columns():
        for batch in _batches(model, batch_size=batch_size):
            for row in batch:
                report.add(_rotated(row, column, dry_run=dry_run), f"{model._meta.verbose_name} {row}")  # noqa: SLF001
            progress(report)
    return report


def encrypted_columns() -> Iterator[tuple[type[Model], EncryptedTextField]]:
    """Every encrypted column of this installation."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields:  # noqa: SLF001 - documented API
            if isinstance(column, EncryptedTextField):
                yield model, column


def count() -> int:
    """How many encrypted values there are."""
    return sum(_rows(model).count() for model, _ in encrypted_columns())


def _rows(model: type[Model]) -> Any:  # noqa: ANN401 - a queryset of whichever model
    # A plain queryset: re-encrypting is no edit, so the model's own update() must not count it as one.
    return QuerySet(model)


def _batches(model: type[Model], *, batch_size: int) -> Iterator[list[Model]]:
    last = None
    while True:
        rows = _rows(model).order_by("pk")
        batch = list((rows if last is None else rows.filter(pk__gt=last))[:batch_size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def _rotated(row: Model, column: EncryptedTextField, *, dry_run: bool) -> Result:
    for _ in range(ATTEMPTS):
        sealed: Sealed | None = getattr(row, column.attname)
        if sealed is None:
            return Result.CURRENT
        if not sealed.is_readable:
            return Result.UNDECRYPTABLE
        if _is_current(row, column, sealed):
            return Result.CURRENT
        try:
            if dry_run or _replaced(row, column, sealed):
                return Result.ROTATED
        except IntegrityError:
            return Result.DUPLICATE
        row.refresh_from_db(fields=[column.attname])
    return Result.BUSY


def _is_current(row: Model, column: EncryptedTextField, sealed: Sealed) -> bool:
    return wiring.keyring().is_current(sealed.stored or b"") and _companions_fit(row, column, sealed)


def _companions_fit(row: Model, column: EncryptedTextField, sealed: Sealed) -> bool:
    described = column.description_of(sealed.reveal())
    return all(getattr(row, name) == value for name, value in described.items())


def _replaced(row: Model, column: EncryptedTextField, sealed: Sealed) -> bool:
    """Compare-and-set; False if the row changed since it was read."""
    secret = sealed.reveal()
    fresh = Sealed(token=wiring.keyring().seal(secret, binding=sealed.binding))
    unchanged = _rows(type(row)).filter(pk=row.pk, **{f"{column.attname}__token_is": sealed.stored})
    with transaction.atomic():
        return bool(unchanged.update(**{column.attname: fresh, **column.description_of(secret)}))


def undecryptable_rows() -> list[str]:
    """The rows whose values cannot be read with the keys in force, by name."""
    return [
        f"{model._meta.verbose_name} {row}"  # noqa: SLF001 - documented API
        for model, column in encrypted_columns()
        for row in _rows(model).iterator(chunk_size=500)
        if (sealed := getattr(row, column.attname)) is not None and not sealed.is_readable
    ]
