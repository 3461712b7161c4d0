"""Who may sign in, as Django's own admin has them."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from dispatch.admin.addresses import Typed
from dispatch.models import User

admin.site.unregister(Group)


@admin.register(User)
class Users(Typed, UserAdmin):
    pass


@admin.register(Group)
class Groups(Typed, GroupAdmin):
    pass
