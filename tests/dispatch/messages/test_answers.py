import json

import pytest

from dispatch.messages import answers
from dispatch.messages.answers import Answer, Wish


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("STOP", Wish.STOP),
        ("stop", Wish.STOP),
        (" Stop. ", Wish.STOP),
        ("“STOP”", Wish.STOP),
        ("Stop all", Wish.STOP),
        ("STOPALL", Wish.STOP),
        ("unsubscribe", Wish.STOP),
        ("Cancel", Wish.STOP),
        ("end", Wish.STOP),
        ("QUIT!", Wish.STOP),
        ("opt-out", Wish.STOP),
        ("revoke", Wish.STOP),
        ("Alto", Wish.STOP),
        ("¡PARAR!", Wish.STOP),
        ("baja", Wish.STOP),
        ("START", Wish.START),
        ("unstop", Wish.START),
        ("Yes", Wish.START),
        ("Sí", Wish.START),
        ("si\u0301", Wish.START),
        ("iniciar", Wish.START),
        ("", None),
        ("🛑", None),
        ("Please stop ringing twice", None),
        ("Cancel my order", None),
        ("nonstop", None),
        ("YES please, the back door", None),
    ],
)
def test_a_wish_is_a_word_by_itself(text: str, wish: Wish | None) -> None:
    assert answers.wish(text) == wish


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"From": "+13035550142", "Body": "STOP", "To": "+13035550100"}, Answer("+13035550142", "STOP")),
        ({"msisdn": "13035550142", "text": "Stop"}, Answer("13035550142", "Stop")),
        ({"originator": 13035550142, "payload": "Stop"}, Answer("13035550142", "Stop")),
        ({"from": "+13035550142", "text": ""}, Answer("+13035550142", "")),
        ({"from": "", "text": "STOP"}, None),
        ({"from": {"a": 1}, "text": "STOP"}, None),
        ({"text": "STOP"}, None),
        ({"from": "+13035550142"}, None),
        ([], None),
        ("STOP", None),
        (None, None),
    ],
)
def test_gateways_call_it_by_many_names(said: object, answer: Answer | None) -> None:
    assert answers.of_json(json.dumps(said).encode()) == answer


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 5000, b"1e999"])
def test_what_is_no_json(body: bytes) -> None:
    assert answers.of_json(body) is None
