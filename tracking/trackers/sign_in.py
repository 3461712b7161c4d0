"""With what a tracker app signs in: the driver's token, where each app has a place for it."""

import binascii
from base64 import b64decode

#: Ours have 32 characters.
_LONGEST = 200


def token_of(authorization: str, in_the_path: str, in_the_payload: str) -> str:
    """From the address, from the header (`Bearer`, or `Basic` as the password of whatever user), or from what the
    app calls its id; "" where there is none that can be one. Pure.
    """
    token = in_the_path or _from_header(authorization) or in_the_payload
    return token if len(token) <= _LONGEST else ""


def _from_header(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip()
        case "basic":
            try:
                user_and_password = b64decode(given.strip(), validate=True).decode()
            except (binascii.Error, ValueError):
                return ""
            return user_and_password.partition(":")[2]
        case _:
            return ""
