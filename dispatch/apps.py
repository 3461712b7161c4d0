from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.db.models.signals import post_migrate


class DispatchConfig(AppConfig):
    name = "dispatch"
    verbose_name = "Dispatch"
    default = True

    def ready(self) -> None:
        from dispatch import coverage, tasks, webhooks
        from dispatch.messages import consumer as messages
        from dispatch.platforms import deliverect
        from dispatch.roles import create_groups

        coverage.connect()
        tasks.connect()
        webhooks.connect()
        messages.connect()
        deliverect.connect()
        post_migrate.connect(create_groups, sender=self)


class Admin(admin.AdminConfig):
    default = False
    default_site = "dispatch.admin_site.Site"
