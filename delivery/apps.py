from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"
    verbose_name = "Doorstep"

    def ready(self) -> None:
        # Tasks sent from the web process need the configured Celery application; checks register themselves.
        from delivery import celery, checks  # noqa: F401
