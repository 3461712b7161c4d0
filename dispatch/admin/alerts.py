"""What dispatchers were told to look at, to look back on."""

from django.contrib import admin

from dispatch.admin.addresses import Typed
from dispatch.admin.pages import ReadOnly, local_time
from dispatch.models import Alert


@admin.register(Alert)
class AlertAdmin(ReadOnly, Typed, admin.ModelAdmin):
    list_display = ["kind", "city", "driver", "order", "began", "fired", "seen_by", "ended"]
    list_filter = ["kind", "city", "fired_at"]
    list_select_related = ["city", "driver", "order"]
    sortable_by = ["fired"]

    @admin.display(description="since")
    def began(self, alert: Alert) -> str:
        return local_time(alert.since, alert.city)

    @admin.display(description="fired", ordering="fired_at")
    def fired(self, alert: Alert) -> str:
        return local_time(alert.fired_at, alert.city)

    @admin.display(description="ended")
    def ended(self, alert: Alert) -> str:
        return local_time(alert.ended_at, alert.city)
