"""Who may sign in, as Django's own admin has them; and who tried to in vain."""

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from dispatch.admin.addresses import Typed
from dispatch.admin.pages import ReadOnly
from dispatch.models import User

admin.site.unregister(Group)


@admin.register(User)
class Users(Typed, UserAdmin):
    pass


@admin.register(Group)
class Groups(Typed, GroupAdmin):
    pass


@admin.register(AccessAttempt)
class AccessAttempts(ReadOnly, Typed, admin.ModelAdmin):
    """Of wrong passwords; to delete one lifts the lock."""

    list_display = ["attempt_time", "username", "ip_address", "failures_since_start"]
    list_filter = ["attempt_time"]
    search_fields = ["username", "ip_address"]
    fields = ["attempt_time", "username", "ip_address", "user_agent", "path_info", "failures_since_start"]

    def has_delete_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        return request.user.has_perm("axes.delete_accessattempt")
