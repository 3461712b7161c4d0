"""Who asks: every request is signed with the secret that Deliverect gave the operator. Pure."""

import hashlib
import hmac

HEADER = "X-Server-Authorization-HMAC-SHA256"


def signature(secret: str, body: bytes) -> str:
    """Hexadecimal, of the body as it came."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(secret: str, body: bytes, given: str) -> bool:
    return hmac.compare_digest(signature(secret, body).encode(), given.strip().lower().encode())
