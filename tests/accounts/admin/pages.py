"""What tests of pages share: people with roles, and a pool over the simulator."""

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from accounts.role_groups import grant_roles

LIST = "admin:accounts_claudeaccount_changelist"
PAGE = "admin:accounts_claudeaccount_change"
ORDER = "admin:accounts_claudeaccount_order"


def person(role: str) -> Client:
    """Somebody of that role, signed in."""
    user = User.objects.create_user(role, is_staff=True)
    if not Group.objects.filter(name=role).exists():
        grant_roles(apps, None)  # a test that commits empties the groups' tables
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def order(client: Client, account, what: str):
    return client.post(reverse(ORDER, args=[account.pk]), {"order": what}, follow=True)


def bulk(client: Client, action: str, *accounts):
    chosen = [str(account.pk) for account in accounts]
    return client.post(reverse(LIST), {"action": action, "_selected_action": chosen}, follow=True)


def text(response):
    return response.content.decode()
