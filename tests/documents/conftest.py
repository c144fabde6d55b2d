"""Reports to render: a practice whose archive answers everyone, and populations of any size."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from documents.injections import hostile_strings
from lightproof.evidence.records import (
    Cap,
    ExposureReport,
    Facts,
    Finding,
    Fix,
    Grade,
    Observation,
    Proof,
    Rule,
    RuleText,
    ScopeRecord,
    Service,
    Severity,
    Target,
    Unchecked,
    Vantage,
)

STARTED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FINDS = "C-FIND STUDY, zero-match: C-FIND-RSP, status 0000, 0 identifiers"


def rule(rule_id: str, severity: Severity, duty: str, en: RuleText, fr: RuleText, **more: object) -> Rule:
    return Rule(id=rule_id, severity=severity, duties=(duty,), texts={"en": en, "fr": fr}, **more)  # type: ignore[arg-type]


RULES = {
    r.id: r
    for r in (
        rule(
            "dicom-query-open",
            Severity.CRITICAL,
            "gdpr-32-1-b",
            RuleText(
                title="Anyone can search your images and take them",
                why="The imaging software answers every caller, whoever they are. Through the internet box, that is "
                "the whole Internet. Names, dates of birth and images can be copied without leaving a trace you would "
                "notice.",
                remedy=(
                    "On the internet box, remove the redirection of port 11112 and switch the DMZ off.",
                    "In Horos, open Preferences, Listener, and untick “Activate DICOM listener” if no device sends you "
                    "images.",
                    "If a device does, tick “Only accept known AE titles” and list that device alone.",
                    "Run the check again: the letter must change.",
                ),
                action="Close port 11112 on the internet box",
            ),
            RuleText(
                title="N’importe qui peut chercher vos images et les copier",
                why="Le logiciel d’imagerie répond à tous ceux qui l’appellent, quels qu’ils soient. À travers la box, "
                "c’est tout Internet. Noms, dates de naissance et images peuvent être copiés sans laisser de trace que "
                "vous verriez.",
                remedy=(
                    "Sur la box, supprimez la redirection du port 11112 et désactivez la DMZ.",
                    "Dans Horos, ouvrez Préférences, Listener, et décochez « Activer le listener DICOM » si aucun "
                    "appareil ne vous envoie d’images.",
                    "Si un appareil vous en envoie, n’acceptez que lui : cochez « AE titles connus seulement ».",
                    "Relancez la vérification : la lettre doit changer.",
                ),
                action="Fermer le port 11112 sur la box",
            ),
            references=("CNIL, délibération SAN-2020-014, 7 December 2020", "DICOM PS3.15, B.12"),
            who="practice",
            minutes=10,
        ),
        rule(
            "web-listing-dicom",
            Severity.HIGH,
            "gdpr-32-1-b",
            RuleText(
                title="A web page lists DICOM files",
                why="A folder of the web server is shown to all who open it, and the files in it can be read.",
                remedy=("Take the folder out of the web server's tree.", "Switch “autoindex” off."),
                action="Take the image folder off the web server",
            ),
            RuleText(
                title="Une page web liste des fichiers DICOM",
                why="Un dossier du serveur web s’affiche chez tous ceux qui l’ouvrent, et ses fichiers sont lisibles.",
                remedy=("Sortez le dossier de l’arborescence du serveur web.", "Désactivez « autoindex »."),
                action="Retirer le dossier d’images du serveur web",
            ),
            who="it-provider",
            minutes=30,
        ),
        rule(
            "dicom-no-tls",
            Severity.MEDIUM,
            "gdpr-32-1-a",
            RuleText(
                title="Images travel unencrypted",
                why="Whoever shares the network can read what passes.",
                remedy=(
                    "Ask the manufacturer for DICOM over TLS (port 2762).",
                    "Until then keep devices on a network apart.",
                ),
                action="Ask for DICOM over TLS",
            ),
            RuleText(
                title="Les images circulent sans chiffrement",
                why="Qui partage le réseau peut lire ce qui passe.",
                remedy=(
                    "Demandez à l’éditeur DICOM sur TLS (port 2762).",
                    "D’ici là, isolez les appareils sur un réseau à part.",
                ),
                action="Demander DICOM sur TLS",
            ),
            who="manufacturer",
        ),
        rule(
            "box-upnp-mapping",
            Severity.HIGH,
            "gdpr-32-1-b",
            RuleText(
                title="The internet box leads strangers to an inside machine",
                why="A redirection on the box sends port 11112 of your public address to the imaging software.",
                remedy=(
                    "Open the page of your box (Livebox: 192.168.1.1, Network, NAT/PAT).",
                    "Delete the row for port 11112.",
                ),
            ),
            RuleText(
                title="La box conduit des inconnus à une machine du cabinet",
                why="Une redirection de la box envoie le port 11112 de votre adresse publique au logiciel d’imagerie.",
                remedy=(
                    "Ouvrez la page de votre box (Livebox : 192.168.1.1, Réseau, NAT/PAT).",
                    "Supprimez la ligne du port 11112.",
                ),
            ),
            who="practice",
            minutes=5,
        ),
    )
}


def a_service(address: str, port: int, service: str, grade: Grade, facts: Facts, **more: object) -> Service:
    values: dict[str, object] = {
        "address": address,
        "port": port,
        "transport": "tcp",
        "service": service,
        "grade": grade,
        "facts": facts,
        "findings": (),
        "product": None,
        "version": None,
        "protections": (),
        "counts": {},
        "vantage": Vantage.LOCAL_NETWORK,
    } | more
    return Service(**values)  # type: ignore[arg-type]


def a_finding(number: int, rule_id: str, address: str, port: int, service: str, *, evidence: str = FINDS) -> Finding:
    wanted = RULES[rule_id]
    return Finding(
        id=f"F-{number:04d}",
        rule=rule_id,
        severity=wanted.severity,
        duties=wanted.duties,
        address=address,
        port=port,
        transport="tcp",
        service=service,
        evidence=evidence,
        observed=STARTED + timedelta(seconds=number % 50),
    )


def a_report(
    services: tuple[Service, ...], findings: tuple[Finding, ...], letter: str = "F", **more: object
) -> ExposureReport:
    used = {finding.rule for finding in findings}
    values: dict[str, object] = {
        "lightproof": "0.1.0",
        "letter": letter,
        "letter_version": "2026-11",
        "started": STARTED,
        "finished": STARTED + timedelta(seconds=47),
        "scope": ScopeRecord(basis="own"),
        "targets": 15240,
        "services": services,
        "findings": findings,
        "rules": {k: v for k, v in RULES.items() if k in used},
        "fixes": (),
        "caps": (),
        "unchecked": (),
        "observations": (),
        "evidence_sha256": hashlib.sha256(letter.encode()).hexdigest(),
    } | more
    return ExposureReport(**values)  # type: ignore[arg-type]


def practice() -> ExposureReport:
    """A practice as in SAN-2020-014: Horos behind a box in DMZ mode, 5,300 series readable from the Internet."""
    archive, web = "192.168.1.20", "192.168.1.30"
    all_open = Facts(reachable=True, open=True, listable=True, downloadable=True, writable=False)
    services = (
        a_service(
            archive,
            11112,
            "dicom",
            Grade.DOWNLOADABLE,
            all_open,
            findings=("F-0001", "F-0003"),
            product="Horos",
            version="3.3.6",
            counts={"studies": 1200, "series": 5300},
            vantage=Vantage.INTERNET,
            process="Horos.app",
            outside_ports=(11112,),
        ),
        a_service(
            web,
            80,
            "http-listing",
            Grade.DOWNLOADABLE,
            Facts(reachable=True, open=True, listable=True, downloadable=True),
            findings=("F-0002",),
            product="nginx",
            version="1.22.1",
        ),
        a_service(
            "192.168.1.31",
            104,
            "dicom",
            Grade.REACHABLE,
            Facts(reachable=True, open=False, listable=False),
            findings=("F-0005",),
            product="DCMTK",
            version="3.6.7",
            protections=("called-ae",),
        ),
        a_service(
            "192.168.1.1",
            5000,
            "upnp-igd",
            Grade.OPEN,
            Facts(reachable=True, open=True),
            findings=("F-0004",),
            product="Livebox",
        ),
    )
    findings = (
        a_finding(1, "dicom-query-open", archive, 11112, "dicom"),
        a_finding(
            2,
            "web-listing-dicom",
            web,
            80,
            "http-listing",
            evidence="GET /export/: HTTP 200 text/html; bytes 128-131 of 1 file: DICM",
        ),
        a_finding(3, "dicom-no-tls", archive, 11112, "dicom", evidence="A-ASSOCIATE-AC on a clear connection"),
        a_finding(
            4,
            "box-upnp-mapping",
            "192.168.1.1",
            5000,
            "upnp-igd",
            evidence="GetGenericPortMappingEntry: TCP 11112 -> 192.168.1.20:11112",
        ),
        a_finding(5, "dicom-no-tls", "192.168.1.31", 104, "dicom", evidence="A-ASSOCIATE-RJ on a clear connection"),
    )
    return a_report(
        services,
        findings,
        fixes=(
            Fix(rule="dicom-query-open", findings=("F-0001",), letter_after="D"),
            Fix(rule="web-listing-dicom", findings=("F-0002",), letter_after="C"),
            Fix(rule="dicom-no-tls", findings=("F-0003", "F-0005"), letter_after="A"),
        ),
        caps=(
            Cap(
                id="images-from-internet",
                letter="F",
                texts={
                    "en": "Anyone on the Internet can list, take or alter patients’ images.",
                    "fr": "N’importe qui sur Internet peut lister, copier ou modifier les images des patients.",
                },
            ),
        ),
        counting=True,
        unchecked=(
            Unchecked(target=Target("192.168.1.44", 104), detector="dicom", reason="deadline"),
            Unchecked(target=Target("192.168.1.45", 445), detector="smb", reason="protocol-violation"),
        ),
        observations=(
            Observation(
                at=STARTED,
                detector="dicom",
                target=Target(archive, 11112),
                service="dicom",
                signal="query-open",
                facts=all_open,
                product="Horos",
                version="3.3.6",
                details={"implementation": "HOROS", "contexts": 7},
                proof=Proof(
                    request="C-FIND STUDY, zero-match",
                    request_sha256="0" * 64,
                    response="C-FIND-RSP",
                    status="0000",
                    length=144,
                ),
            ),
        ),
    )


def population(size: int) -> ExposureReport:
    """`size` findings over as many addresses, of every rule, with a service for each."""
    names = tuple(RULES)
    findings = tuple(
        a_finding(n + 1, names[n % len(names)], f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 11112, "dicom")
        for n in range(size)
    )
    services = tuple(
        a_service(
            f.address,
            f.port,
            "dicom",
            Grade.LISTABLE,
            Facts(reachable=True, open=True, listable=True),
            findings=(f.id,),
            product="Orthanc",
            version="1.10.1",
        )
        for f in findings
    )
    return a_report(services, findings, fixes=practice().fixes, caps=practice().caps, targets=size * 3)


def poisoned(record: Any, payload: str) -> Any:
    """The record with every free text in it, keys included, replaced by the payload."""
    closed = {"transport", "basis", "who"}
    if isinstance(record, Enum) or record is None:
        return record
    if isinstance(record, str):
        return payload
    if isinstance(record, tuple):
        return tuple(poisoned(entry, payload) for entry in record)
    if isinstance(record, Mapping):
        return {k if k in {"en", "fr"} else payload: poisoned(v, payload) for k, v in record.items()}
    if is_dataclass(record):
        return replace(
            record,
            **{  # type: ignore[type-var]
                f.name: poisoned(getattr(record, f.name), payload) for f in fields(record) if f.name not in closed
            },
        )
    return record


@pytest.fixture(params=hostile_strings().items(), ids=lambda item: item[0])
def a_hostile_string(request: pytest.FixtureRequest) -> str:
    return request.param[1]


@pytest.fixture
def a_poisoned_report(a_hostile_string: str) -> ExposureReport:
    """A practice in which every text that could have come from a network is the hostile string."""
    return poisoned(practice(), a_hostile_string)


# Playwright keeps an event loop running in the thread: it must be gone before another module's asynchronous tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def a_practice() -> ExposureReport:
    return practice()


@pytest.fixture
def a_population() -> Callable[[int], ExposureReport]:
    return population
