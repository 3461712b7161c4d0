"""The admin: staff keep restaurants, drivers and orders, and see what ETAs are worth and made of."""

from dispatch.admin import domain, etas, users

__all__ = ["domain", "etas", "users"]
