"""A dispatcher for the length of a load test."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.db import connection

from dispatch.access import DISPATCH_PERMISSION
from dispatch.models import User


@contextmanager
def benchmark_dispatcher() -> Iterator[str]:
    """The Cookie header of a signed-in user who may dispatch, and who is gone at the end of the block."""
    app, _, codename = DISPATCH_PERMISSION.partition(".")
    user = User.objects.create_user(f"loadtest-{secrets.token_hex(4)}", is_staff=True)
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    connection.close()  # it would count among the server's own
    try:
        yield f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    finally:
        session.delete()
        user.delete()
