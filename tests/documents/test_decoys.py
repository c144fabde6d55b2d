"""A service that may be a decoy is said to be one in both languages, and counted with and without."""

from dataclasses import replace

import pytest

from documents.readers import html_said
from lightproof.documents.csv import findings_csv
from lightproof.documents.exposure import exposure_document
from lightproof.documents.html import html
from lightproof.documents.terminal import Screen, terminal
from lightproof.evidence.records import ExposureReport, Honeypot
from lightproof.locale import Language, speaking

SCREEN = Screen(colour=False, symbols=True)
SIGNS = {
    "toolkit": {"en": "its software is a toolkit", "fr": "son logiciel est une boîte à outils"},
    "elsewhere": {"en": "machines elsewhere are the same", "fr": "des machines ailleurs sont identiques"},
}
SUSPECT = Honeypot(score=0.58, likely=True, reasons=("toolkit", "elsewhere"))
UNSUSPECTED = Honeypot(score=0.2, likely=False, reasons=("elsewhere",))


def suspected(report: ExposureReport, *scores: Honeypot) -> ExposureReport:
    """The report with these scores on its first services."""
    services = list(report.services)
    for n, honeypot in enumerate(scores):
        services[n] = replace(services[n], honeypot=honeypot)
    return replace(report, services=tuple(services), honeypot_signs=SIGNS)


def shown(report: ExposureReport, language: Language) -> tuple[str, str]:
    """On a terminal, and all of the page."""
    with speaking(language):
        document = exposure_document(report)
        page = html(document)
        return " ".join(terminal(document, SCREEN).split()), " ".join(html_said(page, page).split())


def test_a_likely_decoy_is_told_in_english(a_practice: ExposureReport) -> None:
    screen, page = shown(suspected(a_practice, SUSPECT, UNSUSPECTED), "en")
    for told in (screen, page):
        assert "2 imaging services answer; 1 without those that may be decoys." in told
        assert "192.168.1.20:11112 may be a decoy (honeypot): it counts in the letter all the same." in told
    assert "may be a decoy (honeypot), score 0.58: its software is a toolkit; machines elsewhere are the same" in page
    assert "What may be a decoy (honeypot)" in page
    assert "it changes no grade and no letter" in page


def test_a_likely_decoy_is_told_in_french(a_practice: ExposureReport) -> None:
    screen, page = shown(suspected(a_practice, SUSPECT, UNSUSPECTED), "fr")
    for told in (screen, page):
        assert "2 services d’imagerie répondent ; 1 sans ceux qui peuvent être des leurres." in told
        assert "192.168.1.20:11112 peut être un leurre (honeypot) : il compte dans la lettre malgré tout." in told
    assert "peut être un leurre (honeypot), score 0,58 : son logiciel est une boîte à outils ; des machines" in page
    assert "Ce qui peut être un leurre (honeypot)" in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_score_below_the_threshold_is_in_the_data_alone(a_practice: ExposureReport, language: Language) -> None:
    without, with_score = shown(a_practice, language), shown(suspected(a_practice, UNSUSPECTED), language)
    assert without == with_score
    assert '"0.20"' in findings_csv(suspected(a_practice, UNSUSPECTED)).decode("utf-8-sig")


def test_a_survey_counts_with_and_without(a_practice: ExposureReport) -> None:
    survey = replace(suspected(a_practice, SUSPECT, SUSPECT, UNSUSPECTED), survey=True, findings=(), fixes=())
    screen, _page = shown(survey, "en")
    assert "3 imaging services answer; 1 without those that may be decoys." in screen
    assert "may be decoys (honeypots): they count in the letter all the same." in screen


def test_many_decoys_are_not_all_named_on_the_first_page(a_practice: ExposureReport) -> None:
    services = tuple(replace(a_practice.services[0], port=11112 + n, honeypot=SUSPECT) for n in range(30))
    many = replace(a_practice, services=services, honeypot_signs=SIGNS)
    screen, page = shown(many, "en")
    assert "192.168.1.20:11114, … may be decoys" in screen
    assert len(terminal(exposure_document(many), SCREEN).splitlines()) <= 24
    assert "10 more services are in the JSON report." in page
