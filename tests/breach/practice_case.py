"""The case of SAN-2020-014 as a check finds it today: a doctor alone, images within reach, settings empty."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lightproof.breach.asked import Judgement
from lightproof.breach.clock import clock
from lightproof.breach.incident import Incident, incident
from lightproof.breach.notification import Notification, notification
from lightproof.evidence.entries import Entry
from lightproof.storage.settings import Organisation, Person

FOUND = datetime(2026, 11, 23, 10, tzinfo=UTC)
DIGEST = "ab" * 32
SHOWN = ["entry 3", f"sha256:{DIGEST}"]
FACTS: dict[str, Any] = {
    "title": "Medical images within reach of strangers from the Internet (dicom, port 11112)",
    "description": "A server of the organisation that holds medical images answered anyone who asked, without "
    "demanding an identity.\nHoros 3.3.6 (dicom 192.168.1.20:11112/tcp): strangers could list and copy what it holds.",
    "confidentiality": "presumed",
    "data": ["civil_status"],
    "sensitive": ["health"],
    "identifiability": "name_and_birth_date",
    "records": {"at_least": 5300, "at_most": 5300, "estimated": False, "method": "series counted by the server"},
    "persons": {"at_least": 1, "at_most": 1200, "method": "each patient has at least one of the studies counted"},
    "person_kinds": ["patients"],
    "media": ["server"],
    "systems": ["Horos 3.3.6 (dicom 192.168.1.20:11112/tcp)"],
    "origin": ["unintended_publication"],
    "cause": ["internal_accidental"],
    "malicious": False,
    "recipients": ["public"],
    "started_at": "2026-07-20T08:00:00Z",
    "ongoing": True,
    "aware_at": "2026-11-23T10:00:00Z",
    "aware_basis": "The check of 2026-11-23 10:00 UTC (ledger entry 3) proved it.",
    "aware_by": "Dr Demo",
    "discovery": "Found by a security check that the organisation ran itself. No patient's data were taken.",
    "missing_measures": ["Anyone can search your images and take them", "Images travel unencrypted"],
    "measures": [{"what": "Close port 11112 on the internet box", "planned": True}],
    "evidence": dict.fromkeys(
        ("started_at", "ongoing", "records", "persons", "systems", "description", "aware_at", "confidentiality"), SHOWN
    ),
}
PRACTICE = Organisation(
    name="Cabinet du Dr Demo",
    siren="732829320",
    sector="Santé",
    address="1 rue de la Paix",
    postcode="75002",
    city="Paris",
    country="FR",
    legal_rep=Person(title="Dr", name="Camille Demo", email="camille@cabinet.example"),
    contact=Person(
        title="Dr", name="Camille Demo", function="Doctor", email="camille@cabinet.example", phone="+33 1 23 45 67 89"
    ),
)
NOBODY = Organisation()
GRAVE = Judgement(level="very high", notify="yes", communicate="yes", reasons=("Anyone could read them.",), entry=5)


def an_entry(index: int, what: str, payload: dict[str, Any], *, hours: float = 0) -> Entry:
    return Entry(
        index=index,
        at=FOUND + timedelta(hours=hours),
        kind=f"breach.{what}",
        subject="breach/B-2026-0001",
        principal="Dr Demo",
        payload=payload,
        salt=bytes(16),
    )


def opened(**changes: Any) -> Entry:
    """The breach as a check's finding opens it. None takes a fact away."""
    facts = {name: value for name, value in (FACTS | changes).items() if value is not None}
    return an_entry(4, "opened", {"source": {"kind": "finding", "entry": 3, "report_sha256": DIGEST}, "facts": facts})


def filed(index: int, stage: str = "initial", *, hours: float = 20, **more: Any) -> Entry:
    at = (FOUND + timedelta(hours=hours)).isoformat()
    payload = {"stage": stage, "regime": "gdpr/fr", "authority": "CNIL", "filed_at": at, "reference": "FR-1234"} | more
    return an_entry(index, "notified", payload, hours=hours)


def the_incident(*later: Entry, **changes: Any) -> Incident:
    return incident([opened(**changes), *later])


def a_notice(
    told: Incident | None = None,
    stage: Any = "initial",
    *,
    organisation: Organisation = NOBODY,
    judgement: Judgement | None = GRAVE,
    hours: float = 1,
    **more: Any,
) -> Notification:
    told = told or the_incident()
    now = FOUND + timedelta(hours=hours)
    return notification(told, organisation, judgement, clock(told.facts), stage, now=now, **more)
