"""The groups behind the roles, made by migrations. Adds what is missing and takes nothing away, so it may run again."""

from typing import Any

from django.contrib.auth.management import create_permissions

from accounts.roles import GRANTS, Role, codename


def grant_roles(apps: Any, schema_editor: Any) -> None:  # noqa: ANN401, ARG001 - RunPython's
    """Make each role's group, with the permissions of the models that exist at this point of history."""
    _make_permissions(apps)
    for role in Role:
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=str(role))
        for grants in GRANTS[role]:
            for model, verbs in grants.items():
                group.permissions.add(*_permissions(apps, model, verbs))


def _permissions(apps: Any, model: str, verbs: tuple[str, ...]) -> Any:  # noqa: ANN401 - a queryset of a past model
    app, name = model.split(".")
    names = [codename(model, verb) for verb in verbs]
    return apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label=app, content_type__model=name, codename__in=names
    )


def _make_permissions(apps: Any) -> None:  # noqa: ANN401 - the registry of a migration
    """Django makes them after all migrations, which is too late for the groups."""
    for label in sorted({model.partition(".")[0] for grants in GRANTS.values() for part in grants for model in part}):
        config = apps.get_app_config(label)
        kept = getattr(config, "models_module", None)  # an app of the past has none
        config.models_module = kept or True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = kept
