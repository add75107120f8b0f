from django.apps import AppConfig
from django.conf import settings

from nubabel.logs import log_the_uncaught


class NubabelConfig(AppConfig):
    name = "nubabel"
    verbose_name = "Nubabel"

    def ready(self) -> None:
        if settings.LOG_FORMAT == "json":
            log_the_uncaught()
