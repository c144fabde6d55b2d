"""Grades, letters and fixes: pure functions of facts."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check.observing import AT
from lightproof.check.grade import Coverage, Letter, fixes, grade, letter
from lightproof.check.rules import rulebook
from lightproof.evidence.records import Facts, Finding, Grade, Service, Severity, Vantage

BOOK = rulebook()
CHECKED = Coverage()
LETTERS = "ABCDEF"

facts_st = st.builds(
    Facts,
    **{
        name: st.sampled_from([True, False, None])
        for name in ("reachable", "open", "listable", "downloadable", "writable")
    },
)


def service(
    facts: Facts,
    *,
    vantage: Vantage = Vantage.INTERNET,
    protections: tuple[str, ...] = (),
    findings: tuple[str, ...] = (),
    name: str = "dicom",
) -> Service:
    return Service(
        address="192.0.2.10",
        port=11112,
        transport="tcp",
        service=name,
        product=None,
        version=None,
        grade=grade(facts),
        facts=facts,
        protections=protections,
        counts={},
        findings=findings,
        vantage=vantage,
    )


def finding(finding_id: str, rule: str) -> Finding:
    return Finding(
        id=finding_id,
        rule=rule,
        severity=BOOK.rules[rule].severity,
        duties=BOOK.rules[rule].duties,
        address="192.0.2.10",
        port=11112,
        transport="tcp",
        service="dicom",
        evidence="",
        observed=AT,
    )


def lettered(*services: Service, coverage: Coverage = CHECKED) -> Letter:
    return letter(services, BOOK.caps, coverage)


REACHABLE = Facts(reachable=True)
OPEN = Facts(reachable=True, open=True)
LISTABLE = Facts(reachable=True, open=True, listable=True)


def test_a_default_orthanc_is_open_and_writable_but_not_listable() -> None:
    facts = Facts(reachable=True, open=True, listable=False, downloadable=False, writable=True)
    assert grade(facts) is Grade.WRITABLE
    assert facts.listable is False


def test_nothing_proved_is_closed() -> None:
    assert grade(Facts()) is Grade.CLOSED
    assert grade(Facts(reachable=False)) is Grade.CLOSED
    assert grade(Facts(open=False, listable=None)) is Grade.CLOSED


@given(facts_st, facts_st)
def test_more_facts_never_make_a_grade_milder(one: Facts, other: Facts) -> None:
    assert grade(one.merged(other)) >= max(grade(one), grade(other))


@pytest.mark.parametrize(
    ("facts", "vantage", "protections", "expected"),
    [
        (LISTABLE, Vantage.INTERNET, (), "F"),
        (Facts(downloadable=True), Vantage.INTERNET, ("tls",), "F"),
        (Facts(writable=True), Vantage.INTERNET, (), "F"),
        (OPEN, Vantage.INTERNET, (), "E"),
        (OPEN, Vantage.INTERNET, ("tls",), "E"),
        (REACHABLE, Vantage.INTERNET, (), "C"),
        (REACHABLE, Vantage.INTERNET, ("called-ae-checked",), "C"),
        (REACHABLE, Vantage.INTERNET, ("tls",), "B"),
        (REACHABLE, Vantage.INTERNET, ("authentication", "tls"), "B"),
        (REACHABLE, Vantage.INTERNET, ("mutual-tls", "tls"), "A"),
        (LISTABLE, Vantage.LOCAL_NETWORK, (), "D"),
        (OPEN, Vantage.LOCAL_NETWORK, (), "C"),
        (REACHABLE, Vantage.LOCAL_NETWORK, (), "B"),
        (REACHABLE, Vantage.LOCAL_NETWORK, ("tls",), "A"),
        (LISTABLE, Vantage.THIS_MACHINE, (), "B"),
        (OPEN, Vantage.THIS_MACHINE, (), "A"),
        (Facts(reachable=False), Vantage.INTERNET, (), "A"),
    ],
)
def test_the_letter_of_one_service(facts: Facts, vantage: Vantage, protections: tuple[str, ...], expected: str) -> None:
    judged = lettered(service(facts, vantage=vantage, protections=protections))
    assert judged.letter == expected
    assert bool(judged.caps) is (expected != "A")


def test_the_letter_is_the_worst_and_its_caps_are_stated_gravest_first() -> None:
    judged = lettered(service(OPEN), service(LISTABLE, vantage=Vantage.LOCAL_NETWORK), service(REACHABLE))
    assert judged == Letter(letter="E", caps=("internet-open", "network-images", "internet-clear-text"))


def test_no_exposure_is_an_a() -> None:
    assert lettered() == Letter(letter="A", caps=())


def test_what_was_not_checked_never_raises_a_letter() -> None:
    assert lettered(coverage=Coverage(unchecked=3)).letter == "B"
    assert lettered(coverage=Coverage(unchecked=3, nothing_checked=True)).letter == "C"
    assert lettered(coverage=Coverage(unknown_forwards=1)).letter == "C"
    assert lettered(service(LISTABLE), coverage=Coverage(unchecked=3)).letter == "F"


def test_the_controls_of_a_box_inside_the_network_cap_nothing() -> None:
    assert lettered(service(OPEN, vantage=Vantage.LOCAL_NETWORK, name="upnp-igd")).letter == "A"
    assert lettered(service(OPEN, vantage=Vantage.INTERNET, name="upnp-igd")).letter == "E"


def test_fixes_say_what_each_step_brings() -> None:
    services = [service(LISTABLE, findings=("F-0001", "F-0002", "F-0003", "F-0004"))]
    found = [
        finding("F-0001", "dicom-query-open"),
        finding("F-0002", "dicom-answers-anyone"),
        finding("F-0003", "dicom-clear-text"),
        finding("F-0004", "dicom-reachable-from-internet"),
    ]
    steps = fixes(services, found, BOOK, CHECKED)
    assert [(step.rule, step.letter_after) for step in steps] == [
        ("dicom-query-open", "C"),
        ("dicom-clear-text", "A"),
        ("dicom-reachable-from-internet", "A"),
    ]
    assert steps[0].findings == ("F-0001",)


def test_a_fix_takes_every_service_that_its_rule_holds_for() -> None:
    services = [service(LISTABLE, findings=("F-0001",)), service(LISTABLE, findings=("F-0002",))]
    found = [finding("F-0001", "dicom-query-open"), finding("F-0002", "dicom-query-open")]
    (step,) = fixes(services, found, BOOK, CHECKED)
    assert step.findings == ("F-0001", "F-0002")


def test_closing_an_unknown_forward_lifts_its_cap() -> None:
    found = [finding("F-0001", "box-port-leads-to-unknown")]
    box = service(OPEN, vantage=Vantage.LOCAL_NETWORK, name="upnp-igd", findings=("F-0001",))
    (step,) = fixes([box], found, BOOK, Coverage(unknown_forwards=1))
    assert step.letter_after == "A"


def test_what_cannot_be_mended_is_not_promised() -> None:
    assert fixes([], [], BOOK, Coverage(unchecked=1)) == ()
    guessable = [finding("F-0001", "known-vulnerability")]
    assert fixes([service(LISTABLE, findings=("F-0001",))], guessable, BOOK, CHECKED) == ()


rules_st = st.lists(st.sampled_from(sorted(BOOK.rules)), max_size=4, unique=True)
exposed_st = st.tuples(
    facts_st,
    st.sampled_from(list(Vantage)),
    st.sets(st.sampled_from(["tls", "mutual-tls", "authentication"])),
    rules_st,
)


@given(st.lists(exposed_st, max_size=5), st.integers(0, 2), st.integers(0, 2))
def test_a_fix_never_worsens_the_letter(
    drawn: list[tuple[Facts, Vantage, set[str], list[str]]], unchecked: int, unknown: int
) -> None:
    services: list[Service] = []
    found: list[Finding] = []
    for facts, vantage, protections, rules in drawn:
        ids = tuple(f"F-{len(found) + n:04d}" for n in range(len(rules)))
        found += [finding(i, rule) for i, rule in zip(ids, rules, strict=True)]
        services.append(service(facts, vantage=vantage, protections=tuple(protections), findings=ids))
    coverage = Coverage(unchecked=unchecked, unknown_forwards=unknown)
    reached = [lettered(*services, coverage=coverage).letter]
    reached += [step.letter_after for step in fixes(services, found, BOOK, coverage)]
    assert reached == sorted(reached, reverse=True)


@given(st.lists(st.tuples(facts_st, st.sampled_from(list(Vantage))), max_size=4), facts_st)
def test_one_more_service_never_betters_the_letter(others: list[tuple[Facts, Vantage]], facts: Facts) -> None:
    services = [service(f, vantage=v) for f, v in others]
    assert LETTERS.index(lettered(*services, service(facts)).letter) >= LETTERS.index(lettered(*services).letter)


def test_every_cap_is_reachable() -> None:
    protections = [(), ("tls",), ("mutual-tls", "tls")]
    facts = [Facts(**{name: True}) for name in ("reachable", "open", "listable", "downloadable", "writable")]
    reached = {
        cap
        for f, vantage, p in product(facts, Vantage, protections)
        for cap in lettered(service(f, vantage=vantage, protections=p)).caps
    }
    reached |= set(lettered(coverage=Coverage(unchecked=1, nothing_checked=True, survey=True, unknown_forwards=1)).caps)
    assert reached == {cap.id for cap in BOOK.caps}


def test_severities_are_from_gravest_to_mildest() -> None:
    assert list(Severity) == [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO]
