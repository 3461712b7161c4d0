"""Telephone numbers as countries give them out. Pure."""

from collections.abc import Collection

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat


class NoNumber(ValueError):
    """It says why."""


def e164(written: str, region: str | None = None, *, without: Collection[int] = ()) -> str:
    """“+1 303 555 0142” as “+13035550142”. `region`: two letters, of the country whose numbers may be written without
    it. `without`: kinds (phonenumbers.PhoneNumberType) that will not do. Raises NoNumber.
    """
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        raise NoNumber("A phone number begins with + and the country, as +13035550142.") from None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) in without:
        raise NoNumber("There is no such phone number in its country.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
