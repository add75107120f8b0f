from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, register


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        register(check_slack)


def check_slack(app_configs: Sequence[AppConfig] | None, **_options: object) -> list[CheckMessage]:  # noqa: ARG001
    """The system check behind `manage.py check`; imported late, so that starting up costs no HTTP client."""
    from notifications import wiring
    from notifications.checks import slack_warnings, webhook_errors

    warnings = slack_warnings(wiring.slack_settings(), mention_wanted=wiring.mention_wanted())
    return [*webhook_errors(wiring.webhook_settings()), *warnings]
