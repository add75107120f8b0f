"""Hypothesis without a time limit per example: on a busy machine it would measure the machine."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
