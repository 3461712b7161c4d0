import pytest

from dispatch.messages import phones


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("+13035550142", "+13035550142"),
        ("(303) 555-0142", "+13035550142"),
        ("303.555.0142 ext. 5", "+13035550142"),
        ("1 303 555 0142", "+13035550142"),
        ("+34 612 34 56 78", "+34612345678"),
        ("+34 911 23 45 67", None),  # a landline
        ("+44 20 7946 0018", None),
        ("612 34 56 78", None),
        ("+1 303", None),
        ("none", None),
        ("", None),
        ("+13035550142; DROP TABLE", None),
        ("\0", None),
    ],
)
def test_numbers_that_take_texts(written: str, phone: str | None) -> None:
    assert phones.e164(written, "US") == phone


@pytest.mark.parametrize(
    ("told", "phone"),
    [
        ("+13035550142", "+13035550142"),
        ("13035550142", "+13035550142"),
        (" 13035550142", "+13035550142"),
        ("3035550142", "+13035550142"),
        ("34612345678", "+34612345678"),
        ("12345", None),
        ("Doorstep", None),
    ],
)
def test_senders_have_their_country_and_perhaps_no_plus(told: str, phone: str | None) -> None:
    assert phones.of_sender(told, "US") == phone


def test_a_digest_says_nothing_without_its_key() -> None:
    assert phones.digest("+13035550142", "one") == phones.digest("+13035550142", "one")
    assert phones.digest("+13035550142", "one") != phones.digest("+13035550142", "other")
    assert phones.digest("+13035550142", "one") != phones.digest("+13035550143", "one")
    assert phones.key_id("one") != phones.key_id("other")
    assert "one" not in phones.key_id("one")


def test_what_is_shown_of_a_number_is_its_end() -> None:
    assert phones.ending("+13035550142") == "142"
