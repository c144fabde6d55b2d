"""A target that was called by a name is asked by it: in HTTP and in TLS, at the address that was found for it alone."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from check.services import closing, serving
from check.visiting import NOW, facts_of, visit
from check.web_services import Asked, answering
from cli.running import lightproof
from lightproof.check.addresses import range_of
from lightproof.check.consent import Consent
from lightproof.check.plan import plan_of_named
from lightproof.check.scope import load_scope
from lightproof.check.targets import Named, Ports, parse_target
from lightproof.check.wire import ASKED_AS
from lightproof.evidence.records import Target
from peers.certificates import Certificates
from peers.images import paths_of, write_studies
from peers.nginx import Nginx, running_nginx
from peers.processes import program
from peers.pynetdicom_server import running_pynetdicom

NAME = "practice.example"


async def test_a_web_server_is_asked_by_each_name_and_by_its_address() -> None:
    asked = Asked()
    async with serving(answering({}, asked=asked)) as port:
        await visit(Target("127.0.0.1", port), names=(NAME, "other.example"))
    assert asked.hosts - {""} == {f"{NAME}:{port}", f"other.example:{port}", f"127.0.0.1:{port}"}


async def test_what_heeds_no_name_is_asked_once() -> None:
    with running_pynetdicom() as server:
        by_name = await visit(Target("127.0.0.1", server.port), names=(NAME,))
        by_address = await visit(Target("127.0.0.1", server.port))
    assert [seen.signal for seen in by_name.observations] == [seen.signal for seen in by_address.observations]
    assert all(ASKED_AS not in seen.details for seen in by_name.observations)


async def test_an_archive_that_speaks_tls_to_those_who_know_its_name_is_found(certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server_certificate, certificates.server_key)

    def refuse_others(_session: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        return None if name == NAME else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = refuse_others
    with running_pynetdicom(tls=context) as server:
        by_name = await visit(Target("127.0.0.1", server.port), names=(NAME,))
        by_address = await visit(Target("127.0.0.1", server.port))
    assert facts_of(by_name, "dicom-tls").open
    assert not by_name.unchecked
    assert {seen.details.get(ASKED_AS) for seen in by_name.observations} == {NAME}
    assert not by_address.observations


async def test_a_server_that_is_silent_by_name_is_told_as_not_checked() -> None:
    async with serving(closing) as port:
        seen = await visit(Target("127.0.0.1", port), names=(NAME,))
    assert [entry.reason for entry in seen.unchecked] == ["silent"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Nginx]:
    """Two sites at one address: localhost shows images, everything else is refused."""
    paths_of(write_studies(tmp_path / "site" / "root" / "dicom", 2))
    with running_nginx(tmp_path / "site", "location / { autoindex on; }", only_as="localhost") as server:
        yield server


def test_a_practice_that_is_named_gets_the_letter_of_what_it_shows_under_its_name(site: Nginx, tmp_path: Path) -> None:
    arguments = ("--ports", site.port, "--json")
    by_address = lightproof("check", "127.0.0.1", *arguments, home=tmp_path / "home").json
    assert "http-listing" not in {service["service"] for service in by_address["services"]}
    by_name = lightproof("check", "localhost", *arguments, home=tmp_path / "home")
    assert (by_name.code, by_name.json["letter"]) == (3, "F")
    (listing,) = (s for s in by_name.json["services"] if s["service"] == "http-listing")
    assert (listing["address"], listing["grade"]) == ("127.0.0.1", "downloadable")
    evidence = [f["evidence"] for f in by_name.json["findings"] if f["id"] in listing["findings"]]
    assert any("asked_as=localhost" in text for text in evidence)


def test_a_name_that_nmap_was_given_is_said_to_what_it_found(site: Nginx, tmp_path: Path) -> None:
    scan = tmp_path / "scan.xml"
    found = [program("nmap"), "-sT", "-p", str(site.port), "-oX", scan, "localhost"]
    subprocess.run(found, timeout=60, check=True, capture_output=True)
    ran = lightproof("check", "--import", scan, "--json", home=tmp_path / "home")
    assert (ran.code, ran.json["letter"]) == (3, "F")
    assert "http-listing" in {service["service"] for service in ran.json["services"]}


def test_imported_names_add_no_target_and_bring_no_refusal() -> None:
    """A public name beside an address inside: the address is checked because it was named, whoever calls it so."""
    addresses = ("192.168.1.7", "192.168.1.8", "203.0.113.1", "127.0.0.1")
    plan = plan_of_named(
        [parse_target("192.168.1.0/29", lambda _name: ())],
        Ports.of((80,)),
        imported=[("192.168.1.7", 443)],
        imported_names=[Named((range_of(address),), name=NAME) for address in addresses],
        consent=Consent(),
        rate=1,
        now=NOW,
    )
    assert dict(plan.names) == {"192.168.1.7": (NAME,)}
    assert plan.targets == 8 + 1


def test_the_names_of_a_plan_are_those_of_its_targets_and_of_its_scope(tmp_path: Path) -> None:
    answers = {NAME: ("203.0.113.1", "203.0.113.2"), "pacs.example": ("203.0.113.1",)}
    resolver: Callable[[str], tuple[str, ...]] = lambda name: answers.get(name, ())  # noqa: E731
    file = tmp_path / "scope.toml"
    file.write_text(
        'controller = "c"\nauthoriser = "a"\nbasis = "mandate"\nreference = "r"\npurpose = "p"\n'
        f'expires = 2036-01-01T00:00:00Z\ntargets = ["{NAME}", "pacs.example"]\n'
    )

    def names(*targets: str) -> dict[str, tuple[str, ...]]:
        plan = plan_of_named(
            [parse_target(text, resolver) for text in targets],
            Ports.of((80,)),
            scope=load_scope(file, resolver),
            consent=Consent(),
            rate=1,
            now=NOW,
        )
        return dict(plan.names)

    assert names() == {"203.0.113.1": (NAME, "pacs.example"), "203.0.113.2": (NAME,)}
    assert names("203.0.113.2") == {"203.0.113.2": (NAME,)}
    assert names("pacs.example:8443") == {"203.0.113.1": ("pacs.example", NAME)}
