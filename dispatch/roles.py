"""The groups that people get their permissions from; put users into them in the admin."""

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

DISPATCHER = "dispatcher"
STAFF = "staff"

_OURS = Q(content_type__app_label__in=["dispatch", "tracking"])
_VIEW = Q(codename__startswith="view_") & ~Q(
    codename__in=["view_user", "view_apikey", "view_webhookendpoint"]
)

PERMISSIONS = {
    DISPATCHER: _VIEW | Q(codename__in=["dispatch_orders", "change_order"]),
    STAFF: _VIEW
    | Q(codename__in=["add_order", "change_order", "change_outboxentry"])
    | Q(
        codename__regex=r"^(add|change|delete)_"
        r"(city|deliveryarea|driver|shift|restaurant|openinghours|openingexception|platformrestaurant|skill|failurereason"
        r"|speedfactor|handovertime|kitchentime|messagetext|messagesettings)$"
    ),
}


def create_groups(using: str = "default", **kwargs: Any) -> None:
    """Makes the groups and gives them what they lack (post_migrate); what an admin added is left alone."""
    for label in ("dispatch", "tracking"):
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for name, wanted in PERMISSIONS.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        group.permissions.add(*Permission.objects.using(using).filter(_OURS, wanted))
