"""Telephone numbers that texts go to. Pure."""

import hashlib
import hmac

from phonenumbers import PhoneNumberType

from dispatch import phone_numbers
from dispatch.phone_numbers import NoNumber

#: Such a phone shows no texts.
_NO_TEXTS = frozenset(
    {PhoneNumberType.FIXED_LINE, PhoneNumberType.PAGER, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.UAN}
)


def e164(written: str, region: str) -> str | None:
    """“303 555 0142” as “+13035550142”; None for what is no number that takes texts. `region`: two letters, of the
    country whose numbers are written without it.
    """
    try:
        return phone_numbers.e164(written, region, without=_NO_TEXTS)
    except NoNumber:
        return None


def of_sender(told: str, region: str) -> str | None:
    """Who sent a text, as E.164: gateways write the country, and some leave out the plus sign before it."""
    number = told.strip()
    return e164(number if number.startswith("+") else f"+{number}", region) or e164(number, region)


def ending(phone: str) -> str:
    """What may be shown of a number."""
    return phone[-3:]


def digest(phone: str, key: str) -> str:
    """Of an E.164 number. Without the key nobody finds out which number it was by trying them all."""
    return hmac.new(key.encode(), phone.encode(), hashlib.sha256).hexdigest()


def key_id(key: str) -> str:
    """Tells keys apart, and says nothing of them."""
    return digest("which key", key)[:16]
