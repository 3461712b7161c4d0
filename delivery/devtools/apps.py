from django.apps import AppConfig


class DevtoolsConfig(AppConfig):
    name = "delivery.devtools"
    verbose_name = "Development tools"
