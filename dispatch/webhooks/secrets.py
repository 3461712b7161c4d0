"""What webhooks are signed with: made by us, shown once, and kept sealed under SECRET_KEY, so that the database alone
signs nothing.
"""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes

from dispatch.errors import Invalid


def new_secret() -> str:
    """As Standard Webhooks write it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def seal(secret: str) -> str:
    return _seals().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises Invalid: it was sealed under another SECRET_KEY than ours and those in SECRET_KEY_FALLBACKS."""
    try:
        return _seals().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Invalid("Its secret was sealed under another SECRET_KEY: issue a new one.") from None


def _seals() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_key(key)) for key in keys])


def _key(secret_key: str | bytes) -> bytes:
    digest = hashlib.sha256(b"doorstep webhooks\0" + force_bytes(secret_key)).digest()
    return base64.urlsafe_b64encode(digest)
