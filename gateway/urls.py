"""The gateway's addresses within Django."""

from django.urls import re_path

from gateway.api import execute

app_name = "gateway"

urlpatterns = [re_path(r"^api/orchestrator/execute/?$", execute, name="execute")]
