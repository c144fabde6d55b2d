"""Observations become services, findings, a letter and fixes; whatever their order."""

import json
import random
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check.observing import ARCHIVE, AT, mapping, query_open, reported, seen
from lightproof.check.canonical import canonical, evidence_of
from lightproof.check.vulnerabilities import match
from lightproof.evidence.records import EvidenceClass, Facts, Grade, Observation, Severity, Target, Unchecked, Vantage

OPEN = Facts(reachable=True, open=True)


def local(_: Target) -> Vantage:
    return Vantage.LOCAL_NETWORK


def an_open_archive() -> list[Observation]:
    return [
        seen("dicom-association-accepted", product="Horos"),
        seen("dicom-echo-answered", after_s=1, facts=OPEN),
        query_open(after_s=2),
        seen("dicom-get-executed", after_s=3, facts=Facts(reachable=True, open=True, downloadable=True, listable=None)),
        seen("dicom-counted", after_s=4, counts={"studies": 1200, "series": 5300}),
    ]


def test_an_open_archive_is_one_service_with_its_facts_and_findings() -> None:
    made = reported(an_open_archive())
    (service,) = made.services
    assert service.grade is Grade.DOWNLOADABLE
    assert service.facts == Facts(reachable=True, open=True, listable=True, downloadable=True)
    assert service.product == "Horos"
    assert service.counts == {"studies": 1200, "series": 5300}
    assert made.letter == "F"
    assert [cap.id for cap in made.caps] == ["internet-images"]
    assert made.caps[0].texts["fr"] != made.caps[0].texts["en"]
    rules = [finding.rule for finding in made.findings]
    assert {"dicom-query-open", "dicom-retrieve-open", "dicom-answers-anyone", "known-vulnerability"} <= set(rules)
    assert service.findings == tuple(finding.id for finding in made.findings)
    assert set(rules) == set(made.rules)


def test_findings_are_numbered_by_gravity() -> None:
    made = reported([*an_open_archive(), query_open(Target("192.0.2.11", 104))])
    assert [f.id for f in made.findings] == [f"F-{n:04d}" for n in range(1, len(made.findings) + 1)]
    gravities = [list(Severity).index(f.severity) for f in made.findings]
    assert gravities == sorted(gravities)


def test_a_query_that_was_executed_is_evidence_in_the_words_of_the_protocol() -> None:
    made = reported([query_open()])
    finding = next(f for f in made.findings if f.rule == "dicom-query-open")
    assert finding.severity is Severity.CRITICAL
    assert finding.evidence == "C-FIND STUDY, zero-match: C-FIND-RSP, 0x0000, 302 B"
    assert finding.observed == AT
    assert {"gdpr-32-1-b", "gdpr-33-candidate", "gdpr-35-input"} <= set(finding.duties)


def test_storage_that_is_offered_is_graver_where_the_software_stores_by_default_and_no_fact_either_way() -> None:
    for by_default, rule in ((False, "dicom-storage-offered"), (True, "dicom-storage-by-default")):
        made = reported([seen("dicom-storage-offered", facts=OPEN, details={"stored_by_default": by_default})])
        assert {f.rule for f in made.findings} == {rule}
        assert made.services[0].grade is Grade.OPEN


def test_what_only_answers_is_no_breach_candidate() -> None:
    made = reported([seen("dicom-echo-answered", facts=OPEN)])
    assert all("gdpr-33-candidate" not in finding.duties for finding in made.findings)


def test_what_only_this_machine_can_list_is_no_breach_candidate() -> None:
    made = reported([query_open()], vantage=lambda _: Vantage.THIS_MACHINE)
    assert all("gdpr-33-candidate" not in finding.duties for finding in made.findings)
    assert made.letter == "B"


def test_fewer_who_can_reach_it_is_less_grave() -> None:
    (near,) = {f.severity for f in reported([query_open()], vantage=local).findings if f.rule == "dicom-query-open"}
    assert near is Severity.HIGH
    assert reported([query_open()], vantage=local).letter == "D"


def test_the_most_specific_name_is_kept() -> None:
    made = reported(
        [
            seen("dicom-association-accepted", product="DCMTK"),
            seen("dicom-echo-answered", product="DCMTK", version="3.6.7", after_s=1),
            seen("dicom-clear-text", product="A much longer name without version", after_s=2),
        ]
    )
    assert (made.services[0].product, made.services[0].version) == ("DCMTK", "3.6.7")


def test_one_port_may_carry_several_services() -> None:
    web = Target("192.0.2.10", 8042)
    made = reported(
        [
            seen("orthanc-open", target=web, service="orthanc", facts=OPEN, product="Orthanc", version="1.10.1"),
            seen("dicomweb-qido-executed", target=web, service="dicomweb", facts=Facts(listable=True, open=True)),
        ]
    )
    assert [(s.service, s.grade) for s in made.services] == [("dicomweb", Grade.LISTABLE), ("orthanc", Grade.OPEN)]
    assert "DicomWeb" in " ".join(made.rules["dicomweb-query-open"].texts["en"].remedy)  # told for Orthanc
    assert "Keycloak" not in " ".join(made.rules["dicomweb-query-open"].texts["en"].remedy)


def test_a_possible_vulnerability_lists_what_it_is_and_says_so() -> None:
    made = reported([seen("orthanc-authentication-required", service="orthanc", product="Orthanc", version="1.10.1")])
    finding = next(f for f in made.findings if f.rule == "known-vulnerability")
    assert finding.evidence.startswith("Orthanc 1.10.1: CVE-")
    assert all(possible.id in finding.evidence for possible in match("Orthanc", "1.10.1"))
    assert "gdpr-33-candidate" not in finding.duties
    assert "possible" in made.rules["known-vulnerability"].texts["en"].why


def test_a_mapping_to_an_exposed_service_is_critical_and_names_both_sides() -> None:
    inside = Target("192.168.1.20", 11112)
    made = reported([query_open(inside), mapping("192.168.1.20", 11112, 104)], vantage=local)
    finding = next(f for f in made.findings if f.rule == "box-port-leads-to-exposed")
    assert finding.severity is Severity.CRITICAL
    assert (finding.address, finding.port) == ("192.168.1.20", 11112)
    assert "tcp 104 -> 192.168.1.20:11112" in finding.evidence
    assert "gdpr-33-candidate" in finding.duties
    service = next(s for s in made.services if s.service == "dicom")
    assert service.vantage is Vantage.INTERNET
    assert service.outside_ports == (104,)
    assert finding.id in service.findings
    assert made.letter == "F"


def test_closing_the_forward_is_a_fix_of_its_own() -> None:
    inside = Target("192.168.1.20", 11112)
    made = reported([query_open(inside), mapping("192.168.1.20", 11112, 104)], vantage=local)
    assert [fix.letter_after for fix in made.fixes][-1] < made.letter
    assert {fix.rule for fix in made.fixes} & {"box-port-leads-to-exposed", "dicom-query-open"}


def test_a_mapping_to_what_nobody_checked_is_medium_and_caps_the_letter() -> None:
    made = reported([mapping("192.168.1.99", 8080, 8080)], vantage=local)
    (finding,) = made.findings
    assert (finding.rule, finding.severity) == ("box-port-leads-to-unknown", Severity.MEDIUM)
    assert "tcp 8080 -> 192.168.1.99:8080" in finding.evidence
    assert made.letter == "C"
    assert [(left.target, left.reason) for left in made.unchecked] == [
        (Target("192.168.1.99", 8080), "forward-not-checked")
    ]
    assert made.fixes[-1].letter_after == "A"  # once it is gone, nothing is left unchecked
    assert [fix.letter_after for fix in made.fixes] == ["A"]


def test_a_mapping_to_a_service_that_asks_is_low() -> None:
    inside = Target("192.168.1.20", 443)
    guarded = seen("web-portal", target=inside, service="web", protections=("authentication", "tls"))
    made = reported([guarded, mapping("192.168.1.20", 443, 443)], vantage=local)
    finding = next(f for f in made.findings if f.rule.startswith("box-port"))
    assert (finding.rule, finding.severity) == ("box-port-leads-to-guarded", Severity.LOW)


def test_a_mapping_to_this_machine_leads_to_what_was_checked_on_its_loopback_address() -> None:
    own = frozenset({"127.0.0.1", "192.168.1.20"})
    checked = [query_open(Target("127.0.0.1", 11112)), mapping("192.168.1.20", 11112, 104)]
    assert "box-port-leads-to-exposed" in reported(checked, vantage=local, own_addresses=own).rules
    bound_to_loopback = reported(checked, vantage=lambda _: Vantage.THIS_MACHINE, own_addresses=own)
    assert "box-port-leads-to-unknown" in bound_to_loopback.rules
    assert "box-port-leads-to-unknown" in reported(checked, vantage=local).rules


def test_one_forward_leads_to_every_service_of_its_port() -> None:
    inside = Target("192.168.1.20", 8042)
    made = reported(
        [
            seen("orthanc-authentication-required", target=inside, service="orthanc", protections=("tls",)),
            seen("dicomweb-qido-executed", target=inside, service="dicomweb", facts=Facts(open=True, listable=True)),
            mapping("192.168.1.20", 8042, 8042),
        ],
        vantage=local,
    )
    finding = next(f for f in made.findings if f.rule.startswith("box-port"))
    behind = [s for s in made.services if s.port == 8042]
    assert all(s.vantage is Vantage.INTERNET and finding.id in s.findings for s in behind)
    assert finding.service == "dicomweb"


def test_a_box_that_hands_every_port_over_exposes_all_services_of_that_machine() -> None:
    made = reported(
        [query_open(Target("192.168.1.20", 11112)), mapping("192.168.1.20", 0, 0)],
        vantage=local,
    )
    service = next(s for s in made.services if s.service == "dicom")
    assert service.outside_ports == (11112,)
    assert "box-port-leads-to-exposed" in made.rules


def test_two_mappings_are_two_findings() -> None:
    made = reported([mapping("192.168.1.99", 80, 80), mapping("192.168.1.98", 21, 2121)], vantage=local)
    assert len(made.findings) == 2


def test_the_box_that_was_seen_gets_its_own_steps() -> None:
    box = Target("192.168.1.1", 1900, "udp")
    named = seen("igd-present", target=box, service="upnp-igd", facts=OPEN, product="Freebox Server")
    made = reported([named, mapping("192.168.1.99", 80, 80, box=box)], vantage=local)
    steps = " ".join(made.rules["box-port-leads-to-unknown"].texts["fr"].remedy)
    assert "Freebox" in steps
    assert "Livebox" not in steps
    assert all(service.vantage is Vantage.LOCAL_NETWORK for service in made.services)


def test_nothing_found_is_an_a_and_nothing_checked_is_not() -> None:
    assert reported([]).letter == "A"
    missed = [Unchecked(target=Target("192.0.2.9", 104), detector="dicom", reason="deadline")]
    assert reported([], missed).letter == "B"
    assert reported([], missed, targets=1).letter == "C"
    assert reported([], targets=0).letter == "C"


def test_hostile_text_stays_text() -> None:
    hostile = "\x1b[31m</script>\u202e\ud800" + "x" * 500
    made = reported([seen("web-portal", service="web", details={"portal": hostile}, product=hostile)])
    assert made.findings
    for finding in made.findings:
        assert finding.evidence.isprintable()
        assert len(finding.evidence) < 400


SIGNALS = ("dicom-find-executed", "dicom-echo-answered", "dicom-get-executed", "igd-port-mapping", "web-portal")
observation_st = st.builds(
    lambda signal, host, port, after, flags, product, version, protections, studies: seen(
        signal,
        target=Target(f"192.0.2.{host}", port),
        service="upnp-igd" if signal.startswith("igd") else "dicom",
        after_s=after,
        facts=Facts(reachable=True, open=flags[0], listable=flags[1], downloadable=flags[2], writable=flags[3]),
        product=product,
        version=version if product else None,
        protections=protections,
        counts={"studies": studies} if studies else {},
        details={"external_port": port, "internal_address": f"192.0.2.{3 - host}", "internal_port": port},
    ),
    st.sampled_from(SIGNALS),
    st.integers(1, 2),
    st.sampled_from([104, 11112]),
    st.integers(0, 3),
    st.tuples(*[st.sampled_from([True, False, None])] * 4),
    st.sampled_from([None, "DCMTK", "Orthanc"]),
    st.sampled_from([None, "3.6.7", "1.10.1"]),
    st.sampled_from([(), ("tls",), ("called-ae-checked", "tls")]),
    st.integers(0, 5),
)


@given(st.lists(observation_st, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_observations_does_not_matter(observations: list[Observation], shuffle: random.Random) -> None:
    again = [*observations, *observations[:3]]
    shuffle.shuffle(again)
    assert reported(observations, vantage=local) == reported(again, vantage=local)


def test_the_digest_is_of_the_observations_and_of_nothing_else() -> None:
    one, other = reported(an_open_archive()), reported(an_open_archive(), vantage=local)
    assert one.evidence_sha256 == other.evidence_sha256
    changed = [*an_open_archive(), seen("dicom-clear-text")]
    assert reported(changed).evidence_sha256 != one.evidence_sha256


def test_canonical_json_is_ascii_with_sorted_keys() -> None:
    text = canonical(seen("web-portal", details={"portal": "é\ud800"}))
    assert text.isascii()
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_evidence_without_proof_is_the_signal_and_its_details() -> None:
    told = evidence_of(seen("dicom-tls-weak-protocol", details={"tls_version": "TLSv1", "cipher": None}))
    assert told == "dicom-tls-weak-protocol [tls_version=TLSv1]"


@pytest.mark.parametrize("services", [10_000, pytest.param(50_000, marks=pytest.mark.soak)])
def test_two_observations_of_each_of_very_many_services_are_no_burden(services: int) -> None:
    many = [
        query_open(Target(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 104), after_s=n % 60) for n in range(services)
    ] + [
        seen("dicom-clear-text", target=Target(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 104), after_s=60)
        for n in range(services)
    ]
    began = time.process_time()
    made = reported(many, vantage=local, targets=services)
    assert len(made.findings) == 2 * services
    assert made.findings[-1].id == f"F-{2 * services:04}"
    assert (
        time.process_time() - began < 30
    )  # what grows with the square takes minutes; the margin is for a loaded machine
    assert ARCHIVE.port == 11112
    assert made.finished - made.started == timedelta(seconds=9)


def test_a_dmz_that_leads_to_what_nobody_checked_is_unchecked_on_every_port() -> None:
    made = reported([mapping("192.168.1.99", 0, 0)], vantage=local)
    assert [left.target for left in made.unchecked] == [Target("192.168.1.99", 0)]


def test_a_forward_to_what_was_checked_leaves_nothing_unchecked() -> None:
    made = reported([query_open(Target("192.168.1.20", 11112)), mapping("192.168.1.20", 11112, 104)], vantage=local)
    assert made.unchecked == ()


def test_a_run_that_nobody_answered_is_not_saved_by_the_box() -> None:
    silent = Unchecked(target=ARCHIVE, detector="sweep", reason="no-answer")
    box = mapping("192.168.1.99", 80, 80)
    assert "nothing-checked" in [cap.id for cap in reported([], [silent], answered=False).caps]
    assert "nothing-checked" in [cap.id for cap in reported([box], [silent], answered=False, vantage=local).caps]
    assert "nothing-checked" not in [cap.id for cap in reported([], [silent]).caps]


def test_a_survey_is_graded_as_one_that_asked_nothing_whatever_it_sees() -> None:
    for observations in ([], [seen("dicom-association-accepted")], [seen("dicom-tls-mutual", service="dicom-tls")]):
        made = reported(observations, survey=True, vantage=local)
        assert (made.letter, made.caps[0].id, made.survey) == ("C", "survey", True)
        assert reported(observations, vantage=local).letter < "C"


def test_the_report_keeps_whether_counting_was_agreed_to() -> None:
    assert [reported([], counting=agreed).counting for agreed in (False, True)] == [False, True]


def test_each_finding_says_what_kind_of_evidence_it_rests_on() -> None:
    report = reported(
        [
            seen("orthanc-open", service="orthanc", product="Orthanc", version="1.10.1", facts=OPEN),
            seen("dicom-storage-offered", facts=OPEN, details={"stored_by_default": True}),
            seen("hl7-mllp-listening", service="hl7-mllp", details={"presumed": True}),
            query_open(),
        ]
    )
    classes = {finding.rule: finding.evidence_class for finding in report.findings}
    assert classes["dicom-query-open"] is EvidenceClass.PROVED
    assert classes["orthanc-open"] is EvidenceClass.PROVED
    assert classes["known-vulnerability"] is EvidenceClass.ANNOUNCED
    assert classes["dicom-storage-by-default"] is EvidenceClass.ANNOUNCED
    assert classes["hl7-listening"] is EvidenceClass.PRESUMED


def test_the_strongest_evidence_counts_whatever_the_order() -> None:
    twice = [seen("hl7-mllp-listening", service="hl7-mllp", after_s=n, details={"presumed": n == 0}) for n in (0, 1)]
    for observations in (twice, twice[::-1]):
        (kind,) = {f.evidence_class for f in reported(observations).findings if f.rule == "hl7-listening"}
        assert kind is EvidenceClass.PROVED
