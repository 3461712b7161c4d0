from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"
    verbose_name = "Doorstep"

    def ready(self) -> None:
        # Tasks sent from the web process need the configured Celery application; the others listen to its signals, or
        # register checks.
        from delivery import celery, checks  # noqa: F401
        from delivery.metrics import port, tasks  # noqa: F401
