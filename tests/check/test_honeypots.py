"""A suspicion is scored from what was seen, whatever its order, and changes nothing else of the report."""

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pynetdicom import AE

from check.observing import query_open, reported, seen
from check.services import serving
from check.visiting import visit
from lightproof.check import survey_run, tables
from lightproof.check.detectors import dicom
from lightproof.check.detectors import orthanc as orthanc_detector
from lightproof.check.honeypots import IMAGING, Shown, Sign, likely_from, scored, signs, suspicions, texts_of
from lightproof.check.identify import DICOM_PORTS
from lightproof.check.sweeping.survey import Sighting
from lightproof.dicom.association import Association
from lightproof.dicom.negotiation import Service, answer
from lightproof.dicom.pdu import AssociateAccept, AssociateRequest
from lightproof.dicom.recognise import Recognition, Verdict
from lightproof.documents.json import dumps, loads, schema
from lightproof.evidence.records import ExposureReport, Facts, Honeypot, Observation, Target
from peers.dcmtk import DicomPeer
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer

OPEN = Facts(reachable=True, open=True)
UNRELATED = ("11.1.0.9", "11.2.0.9", "11.3.0.9")
"""Three networks of the Internet; nothing is ever sent there."""
ALL = tuple(sign.id for sign in signs())
BY_ID = {sign.id: sign for sign in signs()}


def accepted(address: str, port: int = 11112, **more: object) -> Observation:
    details = {
        "implementation_class_uid": "1.2.276.0.7230010.3.0.3.6.7",
        "implementation_version_name": "OFFIS_DCMTK_367",
        "contexts_offered": 7,
        "contexts_accepted": 7,
    }
    values: dict[str, object] = {"product": "DCMTK", "version": "3.6.7", "details": details, "facts": OPEN} | more
    return seen("dicom-association-accepted", target=Target(address, port), **values)  # type: ignore[arg-type]


def counted(address: str, **counts: int) -> Observation:
    return seen("dicom-counted", target=Target(address, 11112), counts=counts)


def score_at(observations: Iterable[Observation], address: str, port: int = 11112, service: str = "dicom") -> Honeypot:
    return suspicions(observations)[(address, port, "tcp", service)]


def a_fleet(addresses: Sequence[str] = UNRELATED, **more: object) -> list[Observation]:
    return [accepted(address, port, **more) for address, port in product(addresses, (104, 11112))]


async def honeypots_of(port: int, *detectors: object) -> Honeypot:
    visited = await visit(Target("127.0.0.1", port), detectors=detectors)  # type: ignore[arg-type]
    (found,) = suspicions(visited.observations).values()
    return found


async def test_a_pynetdicom_server_under_its_own_name_has_a_score_below_the_threshold(
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    found = await honeypots_of(pynetdicom_scp().port, dicom.DETECTOR)
    assert found.reasons == ("toolkit-pynetdicom",)
    assert 0 < found.score < likely_from()
    assert not found.likely


async def test_a_server_that_names_itself_as_a_known_honeypot_does_is_likely_one(
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    persona = BY_ID["persona-osirix"]

    def as_persona(ae: AE) -> None:
        ae.implementation_class_uid = persona.uid
        ae.implementation_version_name = persona.name

    found = await honeypots_of(pynetdicom_scp(configure=as_persona).port, dicom.DETECTOR)
    assert found.reasons == ("persona-osirix",)
    assert found.likely


async def test_a_server_that_accepts_everything_without_a_name_is_likely_a_decoy() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        association = Association.accept(collect=65_536)
        while data := await reader.read(65_536):
            for event in association.receive(data):
                if isinstance(event, AssociateRequest):
                    everything = dict.fromkeys((c.abstract_syntax for c in event.contexts), Service())
                    accept = answer(event, everything)
                    assert isinstance(accept, AssociateAccept)
                    nameless = replace(
                        accept.user, implementation_class_uid=None, implementation_version_name=None, roles=()
                    )
                    writer.write(association.send(replace(accept, user=nameless)))
                else:
                    writer.close()
            await writer.drain()

    async with serving(behave) as port:
        found = await honeypots_of(port, dicom.DETECTOR)
    assert found.reasons == ("nameless-accept",)
    assert found.likely


async def test_orthanc_and_dcmtk_as_they_are_installed_have_no_score(
    orthanc: Callable[..., Orthanc], dcmqrscp: Callable[..., DicomPeer]
) -> None:
    server = orthanc()
    for port, detector in (
        (server.dicom_port, dicom.DETECTOR),
        (server.http_port, orthanc_detector.DETECTOR),
        (dcmqrscp().port, dicom.DETECTOR),
    ):
        assert await honeypots_of(port, detector) == Honeypot(score=0, likely=False, reasons=())


def test_what_is_no_imaging_service_is_not_scored() -> None:
    box = seen("ftp-anonymous", service="ftp", facts=OPEN)
    assert suspicions([box]) == {}
    (service,) = reported([box]).services
    assert service.honeypot is None


def test_a_toolkit_under_the_name_of_a_product_is_no_sign() -> None:
    toolkit = accepted("192.0.2.1", product="pynetdicom")
    assert score_at([toolkit], "192.0.2.1").reasons == ("toolkit-pynetdicom",)
    named = accepted("192.0.2.1", product="Milvue Suite")
    assert score_at([toolkit, named], "192.0.2.1").reasons == ()


def test_a_peer_without_a_name_that_chooses_what_it_takes_is_no_dicompot() -> None:
    details = {"implementation_class_uid": "", "implementation_version_name": "", "contexts_offered": 7}
    told = [
        accepted("192.0.2.1", product=None, version=None, details=details | {"contexts_accepted": n}) for n in (7, 3)
    ]
    assert [score_at([one], "192.0.2.1").reasons for one in told] == [("nameless-accept",), ()]


def test_a_machine_that_answers_alike_on_many_ports_is_likely_a_decoy() -> None:
    many = sorted(DICOM_PORTS)[: BY_ID["every-port"].at_least]
    found = suspicions(accepted("192.0.2.1", port) for port in many)
    assert {suspected.reasons for suspected in found.values()} == {("every-port",)}
    assert all(suspected.likely for suspected in found.values())
    fewer = suspicions(accepted("192.0.2.1", port) for port in many[1:])
    assert {suspected.score for suspected in fewer.values()} == {0}
    differing = suspicions(accepted("192.0.2.1", port, version=str(port)) for port in many)
    assert {suspected.score for suspected in differing.values()} == {0}


def test_a_machine_that_refuses_on_many_ports_is_none() -> None:
    refusing = [seen("dicom-association-rejected", target=Target("192.0.2.1", port)) for port in DICOM_PORTS]
    assert {suspected.score for suspected in suspicions(refusing).values()} == {0}


def test_the_same_machine_in_unrelated_networks_is_a_sign_that_does_not_suffice_alone() -> None:
    found = score_at(a_fleet(), UNRELATED[0])
    assert found.reasons == ("same-machine-elsewhere",)
    assert not found.likely
    toolkit = score_at(a_fleet(product="pynetdicom"), UNRELATED[0])
    assert toolkit.reasons == ("toolkit-pynetdicom", "same-machine-elsewhere")
    assert toolkit.likely
    assert toolkit.score == 0.58


@pytest.mark.parametrize(
    "related",
    [
        ("11.1.0.9", "11.1.7.9", "11.2.0.9"),
        ("10.1.0.9", "10.2.0.9", "10.3.0.9"),
        ("2600:1:2::9", "2600:1:3::9", "2600:1:4::9"),
        ("practice.example", "other.example", "third.example"),
    ],
    ids=["one /16", "private", "one /32", "no addresses"],
)
def test_related_networks_count_once(related: tuple[str, str, str]) -> None:
    assert score_at(a_fleet(related), related[0]).score == 0


def test_ipv6_networks_are_unrelated_by_their_first_32_bits() -> None:
    fleet = ("2600:1::9", "2600:2::9", "2600:3::9")
    assert score_at(a_fleet(fleet), fleet[0]).reasons == ("same-machine-elsewhere",)


def test_machines_that_differ_in_one_port_or_answer_are_not_the_same() -> None:
    differing = [*a_fleet(UNRELATED[:2]), accepted(UNRELATED[2], 104), accepted(UNRELATED[2], 4242)]
    assert score_at(differing, UNRELATED[0]).score == 0
    differing = [*a_fleet(UNRELATED[:2]), *a_fleet(UNRELATED[2:], version="3.6.8")]
    assert score_at(differing, UNRELATED[0]).score == 0


def test_counts_are_signs_only_where_something_was_counted() -> None:
    same = [counted(address, studies=217, series=1103) for address in UNRELATED]
    assert score_at(same, UNRELATED[0]).reasons == ("same-counts-elsewhere",)
    few = [counted(address, studies=3, series=3) for address in UNRELATED]
    alone = [counted(address, studies=217) for address in UNRELATED]
    other = [counted(address, studies=217, series=1103 + n) for n, address in enumerate(UNRELATED)]
    none = [counted(address) for address in UNRELATED]
    for observations in (few, alone, other, none):
        assert score_at(observations, UNRELATED[0]).score == 0
    rounded = score_at([counted("192.0.2.1", studies=1200, series=5300)], "192.0.2.1")
    assert rounded.reasons == ("round-counts",)
    assert not rounded.likely
    assert score_at([counted("192.0.2.1", studies=1200, series=5301)], "192.0.2.1").score == 0


def test_a_survey_suspects_who_has_no_name_or_a_known_one() -> None:
    def observed(uid: str | None, name: str | None) -> Observation:
        told = Recognition(Verdict.ACCEPTED, implementation_class_uid=uid, implementation_version_name=name)
        sighting = Sighting(place=("192.0.2.1", 11112), service="dicom", word="accepted", recognition=told)
        return survey_run._observed(sighting, seen("any").at)  # pyright: ignore[reportPrivateUsage]

    persona = BY_ID["persona-ge"]
    assert score_at([observed(None, None)], "192.0.2.1").reasons == ("nameless-accept",)
    assert score_at([observed(persona.uid, persona.name)], "192.0.2.1").reasons == ("persona-ge",)
    assert score_at([observed("1.2.3", "PACS")], "192.0.2.1").reasons == ()
    assert observed("1.2.3", "DOE^JANE").details["implementation_version_name"] == ""


def all_sorts() -> list[Observation]:
    return [
        *a_fleet(product="pynetdicom"),
        *(accepted("192.0.2.7", port) for port in DICOM_PORTS),
        query_open(),
        *(counted(address, studies=217, series=1103) for address in UNRELATED),
        seen("orthanc-open", service="orthanc", facts=OPEN, counts={"studies": 500, "series": 900}),
    ]


@given(st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_matter(chance: random.Random) -> None:
    shuffled = all_sorts()
    chance.shuffle(shuffled)
    assert suspicions(shuffled) == suspicions(all_sorts())


SHOWN = st.builds(
    Shown,
    products=st.frozensets(st.sampled_from(["pynetdicom", "Orthanc"])),
    identities=st.frozensets(st.sampled_from([(s.uid, s.name) for s in signs() if s.uid] + [("", "")])),
    nameless=st.booleans(),
    ports=st.integers(0, 20),
    networks=st.integers(0, 5),
    networks_counting=st.integers(0, 5),
    round_counts=st.integers(0, 4),
)


@given(SHOWN)
def test_a_score_is_from_0_to_1_and_0_only_without_a_reason(shown: Shown) -> None:
    found = scored(shown)
    assert 0 <= found.score <= 1
    assert (found.score > 0) == bool(found.reasons)
    assert found.likely == (found.score >= likely_from())
    assert set(found.reasons) <= set(ALL)


@given(SHOWN, SHOWN)
def test_more_signs_never_lower_the_score(one: Shown, other: Shown) -> None:
    more = replace(
        one,
        identities=one.identities | other.identities,
        nameless=one.nameless or other.nameless,
        ports=max(one.ports, other.ports),
        networks=max(one.networks, other.networks),
        networks_counting=max(one.networks_counting, other.networks_counting),
        round_counts=max(one.round_counts, other.round_counts),
    )
    assert scored(more).score >= scored(one).score
    assert set(scored(more).reasons) >= set(scored(one).reasons)


def without_suspicion(report: ExposureReport) -> ExposureReport:
    services = tuple(replace(service, honeypot=None) for service in report.services)
    return replace(report, services=services, honeypot_signs={})


def test_a_suspicion_changes_no_grade_no_finding_and_no_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    suspected = reported(all_sorts())
    assert any(s.honeypot and s.honeypot.likely for s in suspected.services)
    monkeypatch.setattr("lightproof.check.findings.suspicions", lambda _observations: {})  # type: ignore[misc]
    assert reported(all_sorts()) == without_suspicion(suspected)


def test_the_report_holds_the_texts_of_the_signs_that_hold_and_fits_its_schema() -> None:
    report = reported(all_sorts())
    told = json.loads(dumps(report))
    assert Draft202012Validator(schema()).is_valid(told)
    assert loads(dumps(report)) == report
    service = next(s for s in told["services"] if (s["address"], s["port"]) == (UNRELATED[0], 11112))
    assert service["honeypot"]["reasons"] == ["toolkit-pynetdicom", "same-machine-elsewhere", "same-counts-elsewhere"]
    assert set(told["honeypot_signs"]) == {
        reason for s in told["services"] for reason in (s["honeypot"] or {"reasons": ()})["reasons"]
    }
    assert told["honeypot_signs"]["every-port"]["fr"] == BY_ID["every-port"].texts.fr


def test_a_report_of_before_is_still_read() -> None:
    told = json.loads(dumps(reported([query_open()])))
    del told["honeypot_signs"]
    for service in told["services"]:
        del service["honeypot"]
    for finding in told["findings"]:
        del finding["evidence_class"]
    (service,) = loads(json.dumps(told).encode()).services
    assert service.honeypot is None


def test_nothing_is_read_where_nothing_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr("lightproof.check.honeypots._table", fail)
    assert reported([seen("ftp-anonymous", service="ftp")]).honeypot_signs == {}


def test_every_sign_can_hold_for_some_service() -> None:
    shown: dict[str, Callable[[Sign], Shown]] = {
        "toolkit": lambda sign: Shown(products=frozenset(sign.products)),
        "identity": lambda sign: Shown(identities=frozenset({(sign.uid, sign.name)})),
        "nameless": lambda _sign: Shown(nameless=True),
        "many-ports": lambda sign: Shown(ports=sign.at_least),
        "same-machine": lambda sign: Shown(networks=sign.at_least),
        "same-counts": lambda sign: Shown(networks_counting=sign.at_least),
        "round-counts": lambda sign: Shown(round_counts=sign.at_least),
    }
    for sign in signs():
        assert scored(shown[sign.kind](sign)).reasons == (sign.id,)
    assert {sign.kind for sign in signs()} == set(shown)
    assert BY_ID["every-port"].at_least <= len(DICOM_PORTS)
    assert len(set(ALL)) == len(ALL)


def test_every_sign_is_sourced_and_told_in_both_languages() -> None:
    for sign in signs():
        assert sign.source
        assert sign.date >= date(2026, 11, 23)
        for text in (sign.texts.en, sign.texts.fr):
            assert text[-1] not in ".:;"
            assert "'" not in text
        assert sign.texts.en != sign.texts.fr
        assert not re.search(r"[^\u202f][;!?]|[^\u00a0]:", sign.texts.fr)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"weight": 1}, "weight"),
        ({"weight": 0}, "weight"),
        ({"kind": "magic"}, "kind"),
        ({"at_least": 0}, "at_least"),
        ({"uid": "1.2.3"}, "at_least"),
        ({"source": ""}, "source"),
        ({"texts": {"en": "Only English"}}, "texts.fr"),
        ({"wieght": 0.3}, "wieght"),
    ],
)
def test_a_bad_row_is_refused_by_its_name(broken: dict[str, object], told: str) -> None:
    file = files("lightproof.check") / "honeypots.toml"
    good = {
        "id": "one", "kind": "same-machine", "weight": 0.3, "at_least": 3, "source": "somewhere",
        "date": date(2026, 11, 29), "texts": {"en": "a sign", "fr": "un signe"},
    }  # fmt: skip
    assert tables.rows(file, {"sign": [good]}, "sign", Sign)
    with pytest.raises(Exception, match=r"honeypots\.toml") as refused:
        tables.rows(file, {"sign": [good | broken]}, "sign", Sign)
    assert told in str(refused.value)


def test_texts_are_of_what_holds_alone() -> None:
    assert texts_of([Honeypot(score=0, likely=False, reasons=())]) == {}
    assert {"dicom", "dicom-tls", "orthanc", "dicomweb"} < IMAGING
