"""The admin: staff keep restaurants, drivers, their shifts and orders, and see what ETAs are worth and made of."""

from dispatch.admin import alerts, domain, etas, shifts, users

__all__ = ["alerts", "domain", "etas", "shifts", "users"]
