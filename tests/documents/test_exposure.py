from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from documents.conftest import a_service
from lightproof.documents.exposure import exposure_document
from lightproof.documents.model import (
    BarChart,
    Card,
    Counts,
    FactList,
    Items,
    Ladder,
    Link,
    Mark,
    Paragraph,
    Table,
    Verdict,
)
from lightproof.evidence.records import (
    Cap,
    EvidenceClass,
    ExposureReport,
    Facts,
    Grade,
    RuleText,
    Severity,
    Target,
    Unchecked,
    Vantage,
)
from lightproof.locale import speaking

B = TypeVar("B")


def blocks(report: ExposureReport, kind: type[B], section: int = 0) -> list[B]:
    return [block for block in exposure_document(report).sections[section].blocks if isinstance(block, kind)]


def table(report: ExposureReport, title: str, section: int = 0) -> Table:
    return next(found for found in blocks(report, Table, section) if found.title == title)


def seen_as(report: ExposureReport, grade: Grade, vantage: Vantage, **facts: bool) -> ExposureReport:
    service = replace(report.services[0], grade=grade, vantage=vantage, facts=Facts(**facts))
    return replace(report, services=(service,))


@pytest.mark.parametrize(
    ("grade", "vantage", "facts", "sentence"),
    [
        (Grade.DOWNLOADABLE, Vantage.INTERNET, {"downloadable": True}, "Your images can be read from the Internet."),
        (
            Grade.WRITABLE,
            Vantage.LOCAL_NETWORK,
            {"downloadable": True},
            "Anyone on your network can read and alter your images.",
        ),
        (Grade.WRITABLE, Vantage.INTERNET, {}, "Strangers on the Internet can plant images in your archive."),
        (
            Grade.LISTABLE,
            Vantage.THIS_MACHINE,
            {},
            "Any program on this machine can list your patients and their examinations.",
        ),
        (
            Grade.REACHABLE,
            Vantage.THIS_MACHINE,
            {"open": False},
            "Your services ask who is calling before they answer.",
        ),
        (
            Grade.REACHABLE,
            Vantage.LOCAL_NETWORK,
            {},
            "Services of yours can be reached from your network; what they let strangers do is not known.",
        ),
    ],
)
def test_the_sentence_says_who_can_do_what(
    a_practice: ExposureReport, grade: Grade, vantage: Vantage, facts: dict[str, bool], sentence: str
) -> None:
    assert blocks(seen_as(a_practice, grade, vantage, **facts), Verdict)[0].sentence == sentence


def test_every_grade_has_a_sentence_from_every_vantage(a_practice: ExposureReport) -> None:
    said = {
        blocks(seen_as(a_practice, grade, vantage, downloadable=readable, open=opened), Verdict)[0].sentence
        for grade in Grade
        for vantage in Vantage
        for readable in (True, False)
        for opened in (False, True)
    }
    assert len(said) == 3 * 7 + 1


def test_what_the_internet_can_list_outranks_what_only_this_machine_can_alter(a_practice: ExposureReport) -> None:
    near = replace(a_practice.services[0], grade=Grade.WRITABLE, vantage=Vantage.THIS_MACHINE)
    far = replace(a_practice.services[0], grade=Grade.LISTABLE, vantage=Vantage.INTERNET)
    verdict = blocks(replace(a_practice, services=(near, far)), Verdict)[0]
    assert verdict.sentence == "Your patients and their examinations can be listed from the Internet."


@pytest.mark.parametrize("vantage", Vantage)
def test_a_list_of_files_is_no_list_of_patients(a_practice: ExposureReport, vantage: Vantage) -> None:
    files = a_service("192.168.1.9", 21, "ftp", Grade.LISTABLE, Facts(open=True, listable=True), vantage=vantage)
    archive = replace(files, service="dicom")
    said = sentence_of(a_practice, services=(files,))
    assert "whether images are among them is not known" in said
    assert "patients" not in said
    assert "patients" in sentence_of(a_practice, services=(files, archive))
    assert [bar.label for bar in blocks(replace(a_practice, services=(files,)), BarChart)[0].bars][1] == (
        "Lists what it holds"
    )


def test_counts_end_in_no_image_copied(a_practice: ExposureReport) -> None:
    assert blocks(a_practice, Counts)[0].items == (
        "2 services answer anyone", "5 findings", "1,200 studies", "5,300 series", "2 not checked", "0 image copied",
    )  # fmt: skip


def test_each_rung_names_all_that_moves_the_letter(a_practice: ExposureReport) -> None:
    first, second, third = a_practice.fixes
    idle = replace(a_practice, fixes=(replace(first, letter_after="F"), second, third))
    (ladder,) = blocks(idle, Ladder)
    assert [(rung.action, rung.letter) for rung in ladder.rungs] == [
        ("Close port 11112 on the internet box; Take the image folder off the web server", "C"),
        ("Ask for DICOM over TLS", "A"),
    ]


def test_no_ladder_is_shown_when_no_fix_moves_the_letter(a_practice: ExposureReport) -> None:
    stuck = tuple(replace(fix, letter_after="F") for fix in a_practice.fixes)
    assert not blocks(replace(a_practice, fixes=stuck), Ladder)


def test_do_now_has_three_rows_at_most_with_who_and_time(a_practice: ExposureReport) -> None:
    rows = table(a_practice, "Do now").rows
    assert rows == (
        ("Close port 11112 on the internet box", "You", "Today, 10 min"),
        ("Take the image folder off the web server", "Your IT provider", "This week, 30 min"),
        ("Ask for DICOM over TLS", "The manufacturer", "This month"),
    )


def test_do_now_begins_with_what_cannot_wait(a_practice: ExposureReport) -> None:
    last_first = replace(a_practice, fixes=a_practice.fixes[::-1])
    assert table(last_first, "Do now").rows == table(a_practice, "Do now").rows
    none = replace(a_practice, fixes=a_practice.fixes[2:])
    assert [row[2] for row in table(none, "Do now").rows] == ["Today, 10 min", "This week, 30 min", "This month"]


def test_a_rule_without_an_order_of_its_own_is_told_by_its_first_step(a_practice: ExposureReport) -> None:
    rule = a_practice.rules["dicom-query-open"]
    bare = replace(rule, who=None, texts={"en": RuleText(title="T", why="W", remedy=("First.", "Second."))})
    rows = table(replace(a_practice, rules=a_practice.rules | {rule.id: bare}), "Do now").rows  # type: ignore[operator]
    assert rows[0] == ("First.", "Whoever maintains it", "Today, 10 min")


def test_findings_show_symbol_word_place_and_lead_to_their_card(a_practice: ExposureReport) -> None:
    mark, title, where, link = table(a_practice, "Findings").rows[0]
    assert isinstance(mark, Mark)
    assert isinstance(link, Link)
    assert (mark.word, where, link.text) == ("Critical", "192.168.1.20:11112", "F-0001")
    card = next(card for card in blocks(a_practice, Card, 2) if card.anchor == link.anchor)
    assert card.title == title


def test_findings_of_one_rule_share_a_card_that_tells_the_remedy_once(a_practice: ExposureReport) -> None:
    card = next(card for card in blocks(a_practice, Card, 2) if "dicom-no-tls" in card.references)
    assert "F-0003, F-0005" in card.references
    assert [len([b for b in card.blocks if isinstance(b, kind)]) for kind in (FactList, Items)] == [2, 1]


def test_gravest_cards_come_first(a_practice: ExposureReport) -> None:
    turned = replace(a_practice, findings=tuple(reversed(a_practice.findings)))
    gravities = [card.mark.word for card in blocks(turned, Card, 2)]
    assert gravities == sorted(gravities, key=["Critical", "High", "Medium"].index)


def test_many_places_are_listed_up_to_a_bound_and_the_rest_is_said(
    a_population: Callable[[int], ExposureReport],
) -> None:
    document = exposure_document(a_population(8000), places=2500)
    tables = [
        b for card in document.sections[2].blocks if isinstance(card, Card) for b in card.blocks if isinstance(b, Table)
    ]
    assert [len(t.rows) for t in tables] == [2000, 500, 10, 10]
    assert tables[1].left_out == "1,500 more places are in the JSON report."


def test_the_chart_says_in_words_what_it_draws(a_practice: ExposureReport) -> None:
    chart = blocks(a_practice, BarChart)[0]
    assert [bar.value for bar in chart.bars] == [2, 2, 2, 0]
    assert "Gives images: 2" in chart.description


def test_how_we_know_says_what_was_not_taken_and_not_checked(a_practice: ExposureReport) -> None:
    facts = dict(blocks(a_practice, FactList, 1)[0].rows)
    assert facts["Ended"] == "23 November 2026, 10:00 UTC, after 47 seconds"
    assert facts["Reached by"] == "anyone on the Internet, anyone on the local network"
    taken = next(block for block in blocks(a_practice, Items, 1) if block.title == "What was not taken")
    assert any("numbers were asked for only to count them" in line for line in taken.items)
    told = next(block for block in blocks(a_practice, Items, 1) if block.title == "Where the numbers come from")
    assert ["counted because that was asked for" in line for line in told.items] == [True]
    assert table(a_practice, "What could not be checked", 1).rows[0] == (
        "did not finish answering in the time allowed", "1", "192.168.1.44:104",
    )  # fmt: skip


def test_nothing_found_is_said_without_promising_safety(a_practice: ExposureReport) -> None:
    clean = replace(a_practice, letter="A", services=(), findings=(), rules={}, fixes=(), caps=(), unchecked=())
    document = exposure_document(clean)
    assert len(document.sections) == 2
    assert blocks(clean, Verdict)[0].sentence == "Nothing that holds medical images answered."
    assert blocks(clean, Paragraph)[0].text.startswith("Nothing to do was found.")
    assert any("checked to the end" in block.text for block in blocks(clean, Paragraph, 1))


def test_rules_speak_french_to_a_french_reader(a_practice: ExposureReport) -> None:
    with speaking("fr"):
        document = exposure_document(a_practice)
        verdict = document.sections[0].blocks[0]
    assert document.language == "fr"
    assert isinstance(verdict, Verdict)
    (reason,) = verdict.reasons
    assert reason.endswith("N’importe qui sur Internet peut lister, copier ou modifier les images des patients.")


def test_a_finding_whose_rule_is_missing_still_shows(a_practice: ExposureReport) -> None:
    bare = replace(a_practice, rules={})
    assert table(bare, "Findings").rows[0][1] == "dicom-query-open"
    assert blocks(bare, Card, 2)[0].mark.word == "Critical"


def test_a_note_is_not_something_to_do_now(a_practice: ExposureReport) -> None:
    notes = tuple(replace(f, severity=Severity.INFO) for f in a_practice.findings)
    assert not [t for t in blocks(replace(a_practice, findings=notes), Table) if t.title == "Do now"]


def test_caps_beyond_the_first_page_are_all_stated_on_the_second(a_practice: ExposureReport) -> None:
    assert not [b for b in blocks(a_practice, Items, 1) if b.title == "Why the letter is no better"]
    many = replace(a_practice, caps=a_practice.caps * 3)
    reasons = next(b for b in blocks(many, Items, 1) if b.title == "Why the letter is no better")
    assert len(reasons.items) == 3
    assert len(blocks(many, Verdict)[0].reasons) == 2


def test_a_rule_that_is_graver_in_one_place_shows_that_gravity_and_says_each(a_practice: ExposureReport) -> None:
    first, *others = [f for f in a_practice.findings if f.rule == "dicom-no-tls"]
    mixed = replace(a_practice, findings=(*others, replace(first, severity=Severity.HIGH)))
    (card,) = blocks(mixed, Card, 2)
    assert card.mark.word == "High"
    assert [dict(b.rows)["Gravity"] for b in card.blocks if isinstance(b, FactList)] == ["High", "Medium"]


def test_duties_are_named_by_their_article(a_practice: ExposureReport) -> None:
    facts = next(b for b in blocks(a_practice, Card, 2)[0].blocks if isinstance(b, FactList))
    assert ("Duties", "GDPR Art. 32(1)(b)") in facts.rows


def test_many_kinds_of_finding_leave_the_first_page_whole(a_practice: ExposureReport) -> None:
    findings = tuple(replace(a_practice.findings[0], id=f"F-{n:04}", rule=f"rule-{n}") for n in range(40))
    shown = table(replace(a_practice, findings=findings), "Findings")
    assert len(shown.rows) == 5
    assert shown.left_out == "35 more kinds of finding are described further on in the report."


def left(reason: str, port: int = 104) -> Unchecked:
    return Unchecked(target=Target("192.168.1.9", port), detector="test", reason=reason)


def sentence_of(report: ExposureReport, **changed: object) -> str:
    return blocks(replace(report, **changed), Verdict)[0].sentence  # type: ignore[arg-type]


@pytest.mark.parametrize("protection", ["authentication", "mutual-tls", "called-ae-checked", "calling-ae-checked"])
def test_a_service_that_was_seen_to_ask_is_said_to(a_practice: ExposureReport, protection: str) -> None:
    asking = a_service("192.168.1.9", 104, "dicom", Grade.REACHABLE, Facts(reachable=True), protections=(protection,))
    assert "ask who is calling" in sentence_of(a_practice, services=(asking,))
    assert table(replace(a_practice, services=(asking,)), "What answered", 1).rows[0][3].word == "Asks who is calling"  # type: ignore[union-attr]


@pytest.mark.parametrize("protections", [(), ("tls",), ("signing",)])
def test_a_service_that_was_only_reached_is_never_said_to_ask(
    a_practice: ExposureReport, protections: tuple[str, ...]
) -> None:
    asking = a_service("192.168.1.8", 104, "dicom", Grade.REACHABLE, Facts(reachable=True, open=False))
    reached = a_service("192.168.1.9", 104, "dicom", Grade.REACHABLE, Facts(reachable=True), protections=protections)
    said = sentence_of(a_practice, services=(asking, reached))
    assert said == "Services of yours can be reached from your network; what they let strangers do is not known."
    answered = table(replace(a_practice, services=(reached,)), "What answered", 1)
    assert answered.rows[0][3].word == "Reached; no more is known"  # type: ignore[union-attr]


def test_a_survey_says_that_nothing_was_asked_and_its_letter_that_nothing_is_established(
    a_practice: ExposureReport,
) -> None:
    found = a_service("192.168.1.9", 104, "dicom", Grade.REACHABLE, Facts(reachable=True))
    cap = Cap(id="survey", letter="C", texts={"en": "This was a survey."})
    survey = replace(a_practice, letter="C", services=(found,), findings=(), fixes=(), caps=(cap,), survey=True)
    verdict = blocks(survey, Verdict)[0]
    assert (verdict.letter, verdict.word) == ("C", "Not established")
    assert verdict.sentence == "1 DICOM service answers. This was a survey: what it lets strangers do was not asked."
    assert sentence_of(survey, services=()).startswith("No service answered as DICOM does.")
    assert not any("anyone" in item for item in blocks(survey, Counts)[0].items)
    assert "nothing more" in blocks(survey, Paragraph, 1)[0].text
    assert not any("to the end" in block.text for block in blocks(replace(survey, unchecked=()), Paragraph, 1))
    assert not any("Nothing to do" in block.text for block in blocks(survey, Paragraph))
    with_findings = replace(survey, findings=a_practice.findings)
    assert any("without --survey" in block.text for block in blocks(with_findings, Paragraph))


def test_findings_hide_neither_that_something_was_not_checked_nor_what_to_do_about_it(
    a_practice: ExposureReport,
) -> None:
    def said(report: ExposureReport) -> bool:
        return any("what could not be checked" in block.text for block in blocks(report, Paragraph))

    reached = replace(a_practice.services[0], grade=Grade.REACHABLE, facts=Facts(reachable=True))
    guarded = replace(a_practice, services=(reached,))
    assert guarded.findings
    assert said(guarded)
    assert not said(replace(guarded, unchecked=()))
    assert not said(a_practice)  # what is open comes first


@pytest.mark.parametrize(
    ("reasons", "nobody", "sentence"),
    [
        (("service-unavailable",), True, "What answered could not be checked: "),
        (("no-answer", "silent"), False, "What answered could not be checked: "),
        (("no-answer", "unreachable", "box-silent"), True, "Nothing answered, and silence is no proof: "),
        (("scope-expired",), True, "Nothing could be checked: "),
        (("no-answer",), False, "Nothing that holds medical images answered, but not everything could be checked."),
    ],
)
def test_what_could_not_be_checked_is_never_told_as_nothing_that_answered(
    a_practice: ExposureReport, reasons: tuple[str, ...], nobody: bool, sentence: str
) -> None:
    caps = (Cap(id="nothing-checked", letter="C", texts={"en": "x"}),) if nobody else ()
    unchecked = replace(a_practice, services=(), findings=(), unchecked=tuple(map(left, reasons)), caps=caps)
    assert sentence_of(unchecked).startswith(sentence)
    assert not any("Nothing to do" in block.text for block in blocks(unchecked, Paragraph))


def test_a_box_that_answers_the_inside_is_no_headline_and_answers_nobody(a_practice: ExposureReport) -> None:
    opened = Facts(reachable=True, open=True)
    box = a_service("192.168.1.1", 1900, "upnp-igd", Grade.OPEN, opened)
    alone = replace(a_practice, services=(box,), findings=(), unchecked=())
    assert blocks(alone, Verdict)[0].sentence == "Nothing that holds medical images answered."
    assert blocks(alone, Counts)[0].items[0] == "0 services answer anyone"
    assert not blocks(alone, BarChart)
    outside = replace(alone, services=(replace(box, vantage=Vantage.INTERNET),))
    assert "anyone on the Internet" in blocks(outside, Verdict)[0].sentence
    assert blocks(outside, Counts)[0].items[0] == "1 service answers anyone"


def test_an_archive_on_two_ports_of_a_machine_counts_once(a_practice: ExposureReport) -> None:
    opened = Facts(reachable=True, open=True)

    def archive(address: str, port: int, **counts: int) -> object:
        return a_service(address, port, "orthanc", Grade.OPEN, opened, counts=counts)

    services = (
        archive("192.168.1.9", 4242, studies=2),
        archive("192.168.1.9", 8042, studies=2, series=5),
        archive("192.168.1.8", 8042, studies=7),
    )
    assert blocks(replace(a_practice, services=services), Counts)[0].items[2:4] == ("9 studies", "5 series")  # type: ignore[arg-type]


def test_counting_is_said_to_be_asked_for_only_where_it_was(a_practice: ExposureReport) -> None:
    opened = Facts(reachable=True, open=True, listable=True)
    totals = a_service("192.168.1.9", 8042, "orthanc", Grade.LISTABLE, opened, counts={"studies": 2, "patients": 1})
    files = a_service("192.168.1.9", 21, "ftp", Grade.LISTABLE, opened, counts={"files": 6})
    dicom = a_service("192.168.1.9", 104, "dicom", Grade.LISTABLE, opened)

    def told(report: ExposureReport, title: str) -> str:
        return " ".join(line for b in blocks(report, Items, 1) if b.title == title for line in b.items)

    unasked = replace(a_practice, services=(totals, files, dicom), counting=False)
    numbers = told(unasked, "Where the numbers come from")
    assert "asked for;" not in numbers
    assert "Totals of patients, studies" in numbers
    assert "Files were counted" in numbers
    never = "No patient's name, number or date of birth was asked for or kept."
    assert never in told(unasked, "What was not taken")
    asked = replace(unasked, counting=True)
    assert never not in told(asked, "What was not taken")
    assert "numbers were asked for only to count them" in told(asked, "What was not taken")
    assert never in told(replace(asked, services=(totals, files)), "What was not taken")  # no query, no number


@pytest.mark.parametrize(
    ("address", "outside_ports", "said"),
    [("127.0.0.1", (), True), ("::1", (), True), ("127.0.0.1", (104,), False), ("203.0.113.9", (), False)],
)
def test_a_named_loopback_address_is_said_to_be_graded_as_from_outside(
    a_practice: ExposureReport, address: str, outside_ports: tuple[int, ...], said: bool
) -> None:
    opened = Facts(reachable=True, open=True)
    named = a_service(address, 104, "dicom", Grade.OPEN, opened, vantage=Vantage.INTERNET, outside_ports=outside_ports)
    line = "This machine itself was named, and is graded as if a stranger stood there."
    assert (line in [b.text for b in blocks(replace(a_practice, services=(named,)), Paragraph)]) is said
    near = replace(named, vantage=Vantage.THIS_MACHINE)
    assert line not in [b.text for b in blocks(replace(a_practice, services=(near,)), Paragraph)]


def test_sources_and_protections_are_named_in_the_language_of_the_reader(a_practice: ExposureReport) -> None:
    rule = a_practice.rules["dicom-query-open"]
    texts = {
        "en": replace(rule.texts["en"], references=("Regulation (EU) 2016/679",)),
        "fr": replace(rule.texts["fr"], references=("Règlement (UE) 2016/679",)),
    }
    guarded = replace(a_practice.services[0], protections=("authentication", "tls"))
    report = replace(
        a_practice,
        rules={**a_practice.rules, rule.id: replace(rule, texts=texts)},
        services=(guarded, *a_practice.services[1:]),
    )
    with speaking("fr"):
        card = blocks(report, Card, 2)[0]
    (sources,) = [b.items for b in card.blocks if isinstance(b, Items) and b.title == "Sources"]
    assert sources == ("Règlement (UE) 2016/679",)
    rows = dict(next(b.rows for b in card.blocks if isinstance(b, FactList)))
    assert rows["Protections vues"] == "connexion avec identifiant exigée, chiffrement (TLS)"


def test_a_finding_that_is_not_proved_says_so_on_the_first_page_and_on_its_card(a_practice: ExposureReport) -> None:
    first, second, *others = a_practice.findings
    announced = replace(second, evidence_class=EvidenceClass.ANNOUNCED)
    report = replace(a_practice, findings=(first, announced, *others))
    links = [row[3].text for row in table(report, "Findings").rows if isinstance(row[3], Link)]
    assert links[:2] == ["F-0001", "F-0002 (announced)"]
    kinds = [
        dict(facts.rows).get("Kind of evidence")
        for card in blocks(report, Card, 2)
        for facts in card.blocks
        if isinstance(facts, FactList)
    ]
    assert kinds[:2] == [None, "announced by the service, not proved"]


def test_a_kind_of_finding_is_as_strong_as_the_strongest_of_its_evidence(a_practice: ExposureReport) -> None:
    weaker = tuple(
        replace(f, evidence_class=EvidenceClass.PRESUMED) if f.id == "F-0003" else f for f in a_practice.findings
    )
    links = [
        row[3].text for row in table(replace(a_practice, findings=weaker), "Findings").rows if isinstance(row[3], Link)
    ]
    assert "F-0003 + 1" in links
