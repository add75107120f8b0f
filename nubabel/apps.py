from django.apps import AppConfig


class NubabelConfig(AppConfig):
    name = "nubabel"
    verbose_name = "Nubabel"
