"""Small observations for tests that need no network, and the report made of them."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from lightproof.check.findings import report
from lightproof.check.rules import Rulebook, rulebook
from lightproof.evidence.records import (
    ExposureReport,
    Facts,
    Observation,
    Proof,
    ScopeRecord,
    Target,
    Unchecked,
    Vantage,
)

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ARCHIVE = Target("192.0.2.10", 11112)
FIND = Proof(
    request="C-FIND STUDY, zero-match",
    request_sha256=hashlib.sha256(b"C-FIND").hexdigest(),
    response="C-FIND-RSP",
    status="0x0000",
    length=302,
)


def seen(
    signal: str,
    *,
    target: Target = ARCHIVE,
    service: str = "dicom",
    after_s: float = 0,
    facts: Facts | None = None,
    **more: object,
) -> Observation:
    return Observation(
        at=AT + timedelta(seconds=after_s),
        detector="test",
        target=target,
        service=service,
        signal=signal,
        facts=facts or Facts(reachable=True),
        **more,  # type: ignore[arg-type]
    )


def query_open(target: Target = ARCHIVE, **more: object) -> Observation:
    facts = Facts(reachable=True, open=True, listable=True)
    return seen("dicom-find-executed", target=target, facts=facts, proof=FIND, **more)  # type: ignore[arg-type]


def mapping(inside: str, port: int, outside: int, *, box: Target | None = None) -> Observation:
    return seen(
        "igd-port-mapping",
        target=box or Target("192.168.1.1", 1900, "udp"),
        service="upnp-igd",
        details={"external_port": outside, "internal_address": inside, "internal_port": port, "description": "PACS"},
    )


def reported(
    observations: Iterable[Observation],
    unchecked: Iterable[Unchecked] = (),
    *,
    vantage: Callable[[Target], Vantage] = lambda _: Vantage.INTERNET,
    targets: int = 10,
    book: Rulebook | None = None,
    own_addresses: frozenset[str] = frozenset(),
    **more: bool,
) -> ExposureReport:
    return report(
        observations,
        unchecked,
        book=book or rulebook(),
        lightproof="0.1.0",
        targets=targets,
        started=AT,
        finished=AT + timedelta(seconds=9),
        scope=ScopeRecord(basis="own"),
        vantage=vantage,
        own_addresses=own_addresses,
        **more,
    )
