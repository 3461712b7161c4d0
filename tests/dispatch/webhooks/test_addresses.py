"""Where a webhook may lead."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.errors import Invalid
from dispatch.webhooks.addresses import check_url, is_public


@pytest.mark.parametrize(
    "address",
    [
        *["127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
        *["169.254.169.254", "100.64.0.1", "0.0.0.1", "0.1.2.3", "224.0.0.1", "239.255.255.255"],
        *["240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.0.0.1"],
        *["::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "ff0e::1", "fec0::1"],
        *["2001:db8::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"],
        *["::ffff:224.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::a00:1", "64:ff9b::7f00:1"],
        *["64:ff9b:1::a00:1", "::127.0.0.1", "2001:0:a00:1::"],
    ],
)
def test_our_own_network_is_not_asked(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_others_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_hidden_in_another_one_is_as_public(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    nat64 = ipaddress.IPv6Address(f"64:ff9b::{address}")
    assert is_public(mapped) == is_public(nat64) == is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *["", "shop.example", "//shop.example", "http://shop.example/", "ftp://shop.example/", "https://"],
        *["https://user@shop.example/", "https://:pw@shop.example/", "https://shop.example/#a"],
        *["https://shop.example:0/", "https://shop.example:x/", "https://shop.example:99999/"],
        *["https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3:8443/x", "https://[::ffff:10.0.0.1]/"],
        *["https://shop.example/ x", "https://shop.example/\n", "https://bücher.example/", "https://[x]/"],
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url, private=False)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://shop.example", False),
        ("https://shop.example:8443/hook?of=doorstep", False),
        ("https://8.8.8.8/", False),
        ("http://127.0.0.1:8000/hook", True),
        ("http://shop:8000", True),
    ],
)
def test_addresses_that_may_be_asked(url: str, private: bool) -> None:
    check_url(url, private=private)
