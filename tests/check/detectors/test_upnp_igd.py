"""A real internet box (miniupnpd) is seen as it is, with the machines its forwards lead to."""

from collections.abc import Callable, Sequence

import pytest

from check.observing import query_open, reported
from check.visiting import facts_of, signals_of, visit
from lightproof.check.engine import Visit
from lightproof.evidence.records import Facts, Observation, Scalar, Target, Vantage
from peers.miniupnpd import InternetBox

StartBox = Callable[..., InternetBox]


def asked(box: InternetBox) -> Visit:
    return box.inside(lambda: visit(Target(box.address, 1900, "udp")))


def seen(visit: Visit, signal: str) -> list[Observation]:
    return [observation for observation in visit.observations if observation.signal == signal]


def forwards(visit: Visit) -> set[tuple[Scalar, ...]]:
    named = ("protocol", "external_port", "internal_address", "internal_port", "description")
    return {tuple(found.details[name] for name in named) for found in seen(visit, "igd-port-mapping")}


def test_a_box_without_forwards_says_so_and_serves_whoever_asks(internet_box: StartBox) -> None:
    found = asked(internet_box([], ["-z", "Livebox 4"]))
    assert signals_of(found) == {"igd-present", "igd-mappings-none"}
    assert facts_of(found, "upnp-igd") == Facts(reachable=True, open=True)
    assert found.unchecked == ()
    (present,) = seen(found, "igd-present")
    assert present.product == "Livebox 4"
    assert present.details["external_address"] == "81.2.69.142"
    assert present.details["external"] == "public"
    assert present.details["igd_version"] == 2
    assert present.details["connection"] == "Connected"


@pytest.mark.parametrize("settings", [(), ("force_igd_desc_v1=yes",)], ids=["version 2", "version 1"])
def test_every_forward_is_told_with_the_machine_it_leads_to(internet_box: StartBox, settings: Sequence[str]) -> None:
    box = internet_box(settings)
    box.forward(11112, "192.168.77.20", 104, label="PACS")
    box.forward(8080, "192.168.77.21", 80, label="NAS")
    box.forward(5000, "192.168.77.20", 53, protocol="UDP", label="x" * 50)
    found = asked(box)
    assert found.unchecked == ()
    assert signals_of(found) == {"igd-present", "igd-port-mapping"}
    assert forwards(found) == {
        ("TCP", 11112, "192.168.77.20", 104, "PACS"),
        ("TCP", 8080, "192.168.77.21", 80, "NAS"),
        ("UDP", 5000, "192.168.77.20", 53, "x" * 50),
    }
    assert all(mapping.details["enabled"] is True for mapping in seen(found, "igd-port-mapping"))
    assert all(mapping.details["remote_host"] is None for mapping in seen(found, "igd-port-mapping"))


def test_a_forward_to_an_archive_puts_it_on_the_internet_in_the_report(internet_box: StartBox) -> None:
    box = internet_box([], ["-z", "Freebox Server"])
    box.forward(11112, "192.168.77.20", 104)
    found = asked(box)
    archive = query_open(Target("192.168.77.20", 104))
    made = reported([*found.observations, archive], vantage=lambda _: Vantage.LOCAL_NETWORK)
    assert made.letter == "F"
    exposed = next(service for service in made.services if service.service == "dicom")
    assert exposed.outside_ports == (11112,)
    assert exposed.vantage is Vantage.INTERNET
    assert "Freebox" in " ".join(made.rules["box-port-leads-to-exposed"].texts["en"].remedy)


def test_a_box_with_upnp_switched_off_is_silent_and_not_unchecked(internet_box: StartBox) -> None:
    found = asked(internet_box(upnp=False))
    assert found.observations == ()
    assert found.unchecked == ()
