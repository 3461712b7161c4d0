"""The admin: staff keep restaurants, drivers and orders, and see what ETAs are worth and made of."""

from django.contrib import admin

from dispatch.admin import domain, etas, users

admin.site.site_header = "Doorstep"
admin.site.site_title = "Doorstep"
admin.site.index_title = "Restaurants, drivers, orders"

__all__ = ["domain", "etas", "users"]
