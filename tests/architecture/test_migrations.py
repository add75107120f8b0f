"""A version can be taken back because what it does to the database does not disturb the version before."""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

OURS = ("accounts", "quota", "gateway", "notifications")
TAKES_AWAY = (migrations.RemoveField, migrations.RenameField, migrations.DeleteModel, migrations.RenameModel)
NEVER_RELEASED_WITHOUT = frozenset({("accounts", "0004_access_key_restrictions")})
"""Part of the first release: there is no version before it to go back to."""
_LOADER = MigrationLoader(None, ignore_no_migrations=True)
WRITTEN = sorted(key for key in _LOADER.disk_migrations if key[0] in OURS)


@pytest.mark.parametrize("key", WRITTEN, ids=".".join)
def test_a_migration_takes_nothing_away(key: tuple[str, str]) -> None:
    taken = [operation for operation in _LOADER.disk_migrations[key].operations if isinstance(operation, TAKES_AWAY)]
    assert not taken, "the version before still uses it; see docs/rollback.md"


@pytest.mark.parametrize("key", [key for key in WRITTEN if key not in NEVER_RELEASED_WITHOUT], ids=".".join)
def test_a_new_column_has_a_value_where_the_version_before_does_not_name_it(key: tuple[str, str]) -> None:
    migration = _LOADER.disk_migrations[key]
    made_here = {op.name_lower for op in migration.operations if isinstance(op, migrations.CreateModel)}
    for operation in migration.operations:
        if isinstance(operation, migrations.AddField) and operation.model_name_lower not in made_here:
            field = operation.field
            has_value = field.null or field.has_db_default() or isinstance(field, models.ManyToManyField)
            assert has_value, f"{operation.name} wants db_default or null=True; see docs/rollback.md"
