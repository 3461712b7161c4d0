"""The admin: staff keep restaurants, drivers, shifts, orders and keys, and see what ETAs are worth and made of."""

from dispatch.admin import alerts, api_keys, domain, etas, outbox, shifts, users, webhooks

__all__ = ["alerts", "api_keys", "domain", "etas", "outbox", "shifts", "users", "webhooks"]
