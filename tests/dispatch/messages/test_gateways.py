"""Addresses of gateways, and texts that go through them. What Apprise does is done by Apprise."""

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from apprise import NotifyBase
from apprise.manager_plugins import NotificationManager

from delivery.osrm_server import free_port
from dispatch.messages import gateways
from dispatch.messages.gateway_urls import GatewayUrl, parse_gateways
from dispatch.messages.outcomes import GatewayFailed, GatewayUnsure
from tests.dispatch.messages.gateway_server import GatewayServer

#: Real servers, and the seconds after which one gives up on them.
pytestmark = pytest.mark.slow

SID, TOKEN = f"AC{'0123456789abcdef' * 2}", "fedcba9876543210"
TWILIO = f"twilio://{SID}:{TOKEN}@13035550100/{{phone}}"
PHONE, TEXT = "+13035550142", "Larimer Noodles has your order: https://x.example/track/?t=0123 {x} *y* <b> é"


def one(url: str) -> GatewayUrl:
    [gateway] = parse_gateways(url).values()
    return gateway


def test_names_and_addresses() -> None:
    text = f"{TWILIO}\n boulder=vonage://key12345:secret@13035550100/{{phone}}  log=console://"
    assert [(gateway.name, gateway.scheme) for gateway in parse_gateways(text).values()] == [
        ("default", "twilio"),
        ("boulder", "vonage"),
        ("log", "console"),
    ]
    assert parse_gateways("") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("s3cr3t", "gateway 1 is no address such as twilio://…/{phone}"),
        (f"{TWILIO} s3cr3t", "gateway 2 is no address"),
        (f"{TWILIO} {TWILIO}", "two gateways are called default"),
        ("twilio://AC:s3cr3t@13035550100", "gateway default does not say where the customer's number goes"),
        ("b=file://s3cr3t/x", "gateway b is a file: name it from the root on"),
    ],
)
def test_what_is_wrong_with_them_is_said_without_them(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_gateways(text)
    assert str(refused.value).startswith(complaint)
    assert "s3cr3t" not in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        TWILIO,
        "vonage://key12345:secret123@13035550100/{phone}",
        "sns://AKIAXXXXXXXXXXXXXXXX/wJalrXUtnFEMI/us-east-1/{phone}",
        "msgbird://abcdefghijklmnopqrstuvwxy/13035550100/{phone}",
        "json://127.0.0.1/texts?:to={phone}",
        "console://",
    ],
)
def test_addresses_as_the_docs_have_them_can_be_used(url: str) -> None:
    assert gateways.why_unusable(one(url)) is None


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("twillio://s3cr3t/{phone}", "Apprise can't use its address"),
        ("twilio://no-sid:s3cr3t@13035550100/{phone}", "Apprise can't use its address"),
        (f"{TWILIO}/13035550177", "a text would not go to the customer alone"),
        (f"twilio://{SID}:{TOKEN}@{{phone}}/13035550177", "a text would not go to the customer alone"),
        (f"twilio://{SID}:{TOKEN}@{{phone}}", "a text would not go to the customer alone"),
        ("mailto://user:s3cr3t@example.com?to={phone}", "a text would not go to the customer alone"),
        ("file:///no/such/folder/texts", "there is no folder for its file"),
    ],
)
def test_others_are_refused_and_nothing_of_them_is_said(
    url: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    why = gateways.why_unusable(one(url))
    assert why
    assert why.startswith(complaint)
    assert not {"s3cr3t", TOKEN, "13035550177"} & {*why.split(), *caplog.text.split()}
    assert caplog.text == ""


def test_an_address_is_in_no_repr() -> None:
    assert repr(one(TWILIO)) == "GatewayUrl(name='default')"


def test_a_file_takes_a_line_for_each_text_and_is_nobody_elses(tmp_path: Path) -> None:
    gateway = one(f"file://{tmp_path}/texts")
    gateways.send(gateway, PHONE, TEXT)
    gateways.send(gateway, PHONE, "Two")
    lines = [json.loads(line) for line in (tmp_path / "texts").read_text().splitlines()]
    assert [(line["to"], line["text"]) for line in lines] == [(PHONE, TEXT), (PHONE, "Two")]
    assert stat.S_IMODE(os.stat(tmp_path / "texts").st_mode) == 0o600


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    with pytest.raises(GatewayFailed, match=r"^Gateway default: Is a directory\.$"):
        gateways.send(one(f"file://{tmp_path}/texts"), PHONE, TEXT)


def test_a_terminal_shows_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    gateways.send(one("console://"), PHONE, TEXT)
    assert capsys.readouterr().out == f"To {PHONE}: {TEXT}\n"


def test_a_text_arrives_as_it_is(gateway_server: GatewayServer) -> None:
    gateways.send(one(gateway_server.url), PHONE, TEXT)
    assert gateway_server.taken == [(PHONE, TEXT)]


@pytest.mark.parametrize(
    ("does", "error"), [("refuse", GatewayFailed), ("drop", GatewayUnsure), ("hang", GatewayUnsure)]
)
def test_what_was_not_taken_is_told_from_what_perhaps_was(
    gateway_server: GatewayServer, does: str, error: type[Exception]
) -> None:
    gateway_server.does = does
    with pytest.raises(error):
        gateways.send(one(gateway_server.url), PHONE, TEXT)


@pytest.fixture
def broken() -> Iterator[str]:
    """An address of a service whose plugin has a fault."""

    class Broken(NotifyBase):
        service_name = "Broken"
        secure_protocol = "broken"

        def url(self, *_: object, **__: object) -> str:
            return f"broken://{PHONE}"

        def send(self, *_: object, **__: object) -> bool:
            raise ValueError(f"can't send to {PHONE} with s3cr3t")

        @staticmethod
        def parse_url(url: str) -> dict[str, str] | None:
            return NotifyBase.parse_url(url, verify_host=False)

    plugins = NotificationManager()
    plugins.add(Broken, schemas="broken")
    yield "broken://s3cr3t/{phone}"
    plugins.remove("broken")


def test_what_a_plugins_fault_says_is_told_to_nobody(broken: str) -> None:
    with pytest.raises(GatewayUnsure) as fault:
        gateways.send(one(broken), PHONE, TEXT)
    assert str(fault.value) == "Gateway default: ValueError of its plugin."
    assert fault.value.__suppress_context__


def test_where_nobody_listens_nothing_was_taken() -> None:
    with pytest.raises(GatewayFailed):
        gateways.send(one(f"json://127.0.0.1:{free_port()}/?:to={{phone}}"), PHONE, TEXT)


@pytest.mark.parametrize("does", ["take", "refuse", "drop"])
def test_no_log_has_a_number_a_text_or_an_address(
    gateway_server: GatewayServer, does: str, caplog: pytest.LogCaptureFixture
) -> None:
    gateway_server.does = does
    said = ""
    with caplog.at_level(logging.DEBUG):
        try:
            gateways.send(one(gateway_server.url), PHONE, TEXT)
        except (GatewayFailed, GatewayUnsure) as error:
            said = str(error)
    assert not any(secret in said + caplog.text for secret in ("5550142", "s3cr3t", "track", "/texts"))
