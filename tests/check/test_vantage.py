"""From where strangers reach a service."""

import pytest

from check.observing import mapping, seen
from lightproof.check.vantage import Forward, forward_of, vantage_of, vantage_of_box
from lightproof.evidence.records import Vantage

INTERNET, LOCAL, MACHINE = Vantage.INTERNET, Vantage.LOCAL_NETWORK, Vantage.THIS_MACHINE


@pytest.mark.parametrize(
    ("address", "how", "expected"),
    [
        ("127.0.0.1", {"named": True}, INTERNET),
        ("::1", {"named": True}, INTERNET),
        ("192.168.1.20", {"named": True}, LOCAL),
        ("fd00::20", {"named": True}, LOCAL),
        ("fe80::1%eth0", {"named": True}, LOCAL),
        ("100.64.3.4", {"named": True}, LOCAL),
        ("9.9.9.9", {"named": True}, INTERNET),
        ("::ffff:192.168.1.20", {"named": True}, LOCAL),
        ("127.0.0.1", {"bound_to": "127.0.0.1"}, MACHINE),
        ("::1", {"bound_to": "::1"}, MACHINE),
        ("127.0.0.1", {"bound_to": "0.0.0.0"}, LOCAL),
        ("::1", {"bound_to": "::"}, LOCAL),
        ("192.168.1.20", {"bound_to": "0.0.0.0"}, LOCAL),
        ("192.168.1.20", {"bound_to": "192.168.1.20"}, LOCAL),
        ("9.9.9.9", {"bound_to": "0.0.0.0"}, INTERNET),
        ("127.0.0.1", {}, MACHINE),
        ("192.168.1.1", {}, LOCAL),
        ("192.168.1.20", {"bound_to": "0.0.0.0", "forwarded": True}, INTERNET),
        ("127.0.0.1", {"named": True, "bound_to": "127.0.0.1"}, INTERNET),
    ],
)
def test_vantage_follows_from_address_naming_binding_and_forwards(
    address: str, how: dict[str, object], expected: Vantage
) -> None:
    assert vantage_of(address, **how) is expected  # type: ignore[arg-type]


def test_what_is_not_an_address_is_not_assumed_to_be_near() -> None:
    assert vantage_of("pacs.example") is INTERNET


def test_the_controls_of_a_box_are_seen_from_inside_unless_its_address_is_public() -> None:
    assert vantage_of_box("192.168.1.1") is LOCAL
    assert vantage_of_box("127.0.0.9") is LOCAL
    assert vantage_of_box("9.9.9.9") is INTERNET


def test_a_mapping_is_read_as_a_forward() -> None:
    observed = mapping("192.168.1.20", 11112, 104)
    assert forward_of(observed) == Forward(104, "tcp", "192.168.1.20", 11112)
    assert str(forward_of(observed)) == "tcp 104 -> 192.168.1.20:11112"


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"external_port": -1, "internal_address": "192.168.1.20", "internal_port": 1},
        {"external_port": 104, "internal_address": "192.168.1.20", "internal_port": 0},
        {"external_port": 70_000, "internal_address": "192.168.1.20", "internal_port": 1},
        {"external_port": "104", "internal_address": "192.168.1.20", "internal_port": 1},
        {"external_port": 104, "internal_address": "192.168.1.20", "internal_port": 1, "enabled": False},
        {"external_port": 104, "internal_address": "192.168.1.20", "internal_port": 1, "remote_host": "9.9.9.9"},
        {"external_port": 104, "internal_address": "evil.example", "internal_port": 1},
        {"external_port": 104, "internal_address": None, "internal_port": 1},
    ],
)
def test_an_absurd_mapping_or_one_that_is_off_is_no_forward(details: dict[str, object]) -> None:
    assert forward_of(seen("igd-port-mapping", service="upnp-igd", details=details)) is None


def test_port_nought_is_every_port() -> None:
    details = {"external_port": 0, "internal_address": "192.168.1.20", "internal_port": 0, "protocol": "TCP"}
    found = forward_of(seen("igd-port-mapping", service="upnp-igd", details=details))
    assert found is not None
    assert found.every_port
    assert str(found) == "tcp * -> 192.168.1.20"


def test_other_signals_are_no_forward() -> None:
    assert forward_of(seen("igd-present", service="upnp-igd")) is None
