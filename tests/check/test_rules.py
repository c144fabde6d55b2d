"""The rules are whole: every row reachable, translated, sourced; and a bad row is refused by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lightproof.check.detectors as detectors_package
from lightproof.check import certificates
from lightproof.check.detectors import all_detectors
from lightproof.check.findings import KNOWN_VULNERABILITY, LEADS_TO
from lightproof.check.rules import HOW, Rulebook, load, rulebook
from lightproof.errors import LightproofError
from lightproof.evidence.records import EvidenceClass, RuleText, Severity, Vantage

BOOK = rulebook()

FACTUAL = (
    "dicom-any-called-ae",  # an accepted association proves nothing by itself
    "dicom-counted",
    "dicom-find-refused",
    "dicom-find-not-offered",
    "dicom-get-not-offered",
    "dicom-get-refused",
    "dicom-implementation",
    "dicom-tls-mutual",  # as it should be
    "dicom-tls-ended",  # told as not checked
    "dicom-worklist-refused",
    "dicomweb-wado-refused",
    "http-listing-file-refused",
    "igd-location-elsewhere",  # not followed, and what it hides stays unchecked
    "igd-mappings-none",
    "orthanc-instances-refused",
)
"""Signals that state a fact about a service and call for nothing."""

AGREED = (
    "http-clear-text",
    "version-disclosed",
)
"""Signals that detectors yield by functions they share (protocols/web_answers.py)."""

OURS = (KNOWN_VULNERABILITY,)
"""Signals that no detector yields: findings.py derives them."""

_SIGNAL = re.compile(
    r"(dicom|dicomweb|orthanc|dcm4chee|web|http|webdav|s3|ftp|smb|smb1|nfs|rpcbind|rsync|hl7|igd|nat|pcp|dmz|version)(-[a-z0-9]+)+"
)
_PROTECTIONS = {"called-ae-checked", "calling-ae-checked"}
_PRODUCTS = {"dcm4chee-arc"}


def _signals() -> set[str]:
    """Every string in the detectors that has the shape of a signal: given by keyword, position, table or constant."""
    not_signals = _PROTECTIONS | _PRODUCTS | {service for detector in all_detectors() for service in detector.services}
    found: set[str] = set()
    for path in (*Path(detectors_package.__file__).parent.rglob("*.py"), Path(certificates.__file__)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="ProtocolViolation"), args=[ast.Constant(value=str(reason))]):
                    not_signals.add(reason)
                case ast.Constant(value=str(text)) if _SIGNAL.fullmatch(text):
                    found.add(text)
                case _:
                    pass
    return found - not_signals


SIGNALS = _signals()


def test_every_signal_of_every_detector_has_a_rule_or_is_purely_factual() -> None:
    assert len(SIGNALS) > 20
    assert sorted(SIGNALS - set(BOOK.by_signal) - set(FACTUAL)) == []


def test_every_rule_is_reachable_by_a_signal() -> None:
    known = SIGNALS | set(AGREED) | set(OURS)
    assert sorted(row.id for row in BOOK.rules.values() if not known.intersection(row.when)) == []


def test_no_factual_signal_has_a_rule() -> None:
    assert not set(FACTUAL).intersection(BOOK.by_signal)


def test_every_mapping_has_one_rule_for_what_it_leads_to() -> None:
    assert sorted(str(row.details[LEADS_TO]) for row in BOOK.by_signal["igd-port-mapping"]) == [
        "closed",
        "exposed",
        "guarded",
        "unknown",
    ]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_remedy_for_nfs_says_which_ports_to_close_wherever_it_was_found(language: str) -> None:
    rules = [BOOK.rule(name) for name in BOOK.rules if name.startswith("nfs-")]
    assert len(rules) == 3
    for rule in rules:
        (step,) = (step for step in rule.texts[language].remedy if "2049" in step)
        assert {"en": "where this was found", "fr": "où ceci a été trouvé"}[language] in step
        assert "mount_port" in step  # as evidence names it


def test_the_rule_of_an_executed_query_keeps_its_name() -> None:
    (row,) = BOOK.by_signal["dicom-find-executed"]
    assert row.id == "dicom-query-open"
    assert row.severity is Severity.CRITICAL
    assert "gdpr-32-1-b" in row.duties


def test_a_rule_proves_unless_its_signals_only_announce_or_hint() -> None:
    weaker = {row.id: row.evidence for row in BOOK.rules.values() if row.evidence is not EvidenceClass.PROVED}
    assert weaker == {
        "box-dmz-suspected": EvidenceClass.PRESUMED,
        "dicom-storage-by-default": EvidenceClass.ANNOUNCED,  # the software names itself
        "dicomweb-store-offered": EvidenceClass.ANNOUNCED,  # OPTIONS
        "known-vulnerability": EvidenceClass.ANNOUNCED,  # a version
        "orthanc-script-execution": EvidenceClass.ANNOUNCED,  # a version
        "webdav-put-announced": EvidenceClass.ANNOUNCED,  # OPTIONS
    }


def test_severity_never_grows_as_fewer_can_reach_the_service() -> None:
    order = list(Severity)
    for row in BOOK.rules.values():
        internet, local, machine = (order.index(row.severity_from(vantage)) for vantage in Vantage)
        assert internet <= local <= machine, row.id


def test_every_topic_has_steps_for_any_product_and_is_used() -> None:
    topics = {row.topic for row in BOOK.how}
    assert topics == {topic for row in BOOK.rules.values() for topic in row.how}
    assert topics == {row.topic for row in BOOK.how if row.products == ("*",)}


def test_every_source_is_cited() -> None:
    cited = {key for row in BOOK.rules.values() for key in row.references}
    cited |= {key for row in BOOK.how for key in row.references}
    assert sorted(set(BOOK.sources) - cited) == []


def test_a_remedy_is_told_for_the_product_that_was_seen() -> None:
    told = " ".join(BOOK.rule("dicom-query-open", ["Horos"]).texts["fr"].remedy)
    assert "Préférences" in told
    assert "orthanc.json" not in told
    toolkit = " ".join(BOOK.rule("dicom-query-open", ["DCMTK"]).texts["en"].remedy)
    assert "dcmqrscp.cfg" in toolkit
    assert "DicomCheckCalledAet" in toolkit


def test_a_remedy_for_an_unknown_product_names_them_all() -> None:
    told = " ".join(BOOK.rule("box-port-leads-to-exposed", ["NoName Router"]).texts["fr"].remedy)
    for box in ("Livebox", "Freebox", "SFR", "Bbox", "Toute autre box"):
        assert box in told


def _texts() -> Iterator[tuple[str, str, RuleText]]:
    for rule_id in BOOK.rules:
        for language, text in BOOK.rule(rule_id).texts.items():
            yield rule_id, language, text


def _sentences(text: RuleText) -> Iterator[str]:
    yield from (text.title, text.why, text.action, *text.remedy)


def test_every_text_is_whole_in_both_languages() -> None:
    for rule_id, language, text in _texts():
        assert text.title[-1] not in ".:;", (rule_id, language)
        assert text.why.endswith("."), (rule_id, language)
        assert text.action[-1] not in ".:;", (rule_id, language)
        for sentence in _sentences(text):
            assert HOW not in sentence
            assert "  " not in sentence
            assert "'" not in sentence, (rule_id, sentence)
    for rule_id, texts in ((row.id, row.texts) for row in BOOK.rules.values()):
        assert texts.en.title != texts.fr.title, rule_id
        assert texts.en.why != texts.fr.why, rule_id


def test_french_has_its_spaces_and_quotes() -> None:
    french = [(i, s) for i, language, text in _texts() if language == "fr" for s in _sentences(text)]
    french += [(cap.id, cap.texts.fr) for cap in BOOK.caps]
    for where, sentence in french:
        bare = re.sub(r"https?://\S+", "", sentence)
        assert not re.search(r"[^\u202f][;!?]", bare), (where, sentence)
        assert not re.search(r"[^\u00a0]:(?!\d)", bare), (where, sentence)
        assert "“" not in bare, (where, sentence)
        assert not re.search(r"«[^\u00a0]|[^\u00a0]»", bare), (where, sentence)


def test_titles_are_short_enough_for_the_first_page() -> None:
    for rule_id, language, text in _texts():
        assert len(text.title) <= 95, (rule_id, language)
        assert len(text.action) <= 110, (rule_id, language)


GOOD = """
[[source]]
id = "somewhere"
source = "Somewhere"
fr = "Quelque part"
date = 2026-11-23

[[rule]]
id = "one"
when = ["dicom-find-executed"]
severity = "high"
duties = ["gdpr-32-1-b"]
who = "practice"
minutes = 5
references = ["somewhere"]
texts.en = { title = "Title", why = "Why.", action = "Act", remedy = ["Do it."] }
texts.fr = { title = "Titre", why = "Pourquoi.", action = "Agir", remedy = ["Faites-le."] }
"""


def _loaded(folder: Path, content: str) -> Rulebook:
    (folder / "practice.toml").write_text(content, "utf-8")
    return load(folder)


def test_a_good_file_loads(tmp_path: Path) -> None:
    book = _loaded(tmp_path, GOOD)
    rule = book.rule("one")
    assert rule.texts["fr"].remedy == ("Faites-le.",)
    assert rule.references == ("Somewhere (2026-11-23)",)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (GOOD.replace('severity = "high"', 'severity = "awful"'), "severity"),
        (GOOD.replace('"gdpr-32-1-b"', '"gdpr-99"'), "duties"),
        (GOOD.replace('when = ["dicom-find-executed"]', "when = []"), "when"),
        (GOOD.replace('when = ["dicom-find-executed"]', 'when = ["Not A Word"]'), "when"),
        (GOOD.replace("minutes = 5", "minutes = 5\nminuets = 5"), "minuets"),
        (GOOD.replace('title = "Titre", ', ""), "texts.fr.title"),
        (GOOD.replace('remedy = ["Faites-le."]', 'remedy = ["Faites-le.", "Encore."]'), "different length"),
        (GOOD.replace('references = ["somewhere"]', 'references = ["nowhere"]'), "nowhere"),
        (GOOD.replace('references = ["somewhere"]', 'references = ["somewhere"]\nhow = ["magic"]'), "how"),
        (GOOD.replace("minutes = 5", 'minutes = 5\nhow = ["magic"]').replace('.", ', '.", '), "remedy"),
        (GOOD + GOOD[GOOD.index("[[rule]]") :], "used twice"),
    ],
)
def test_a_bad_row_is_refused_with_its_file_and_its_name(tmp_path: Path, broken: str, told: str) -> None:
    with pytest.raises(LightproofError) as refused:
        _loaded(tmp_path, broken)
    assert "practice.toml" in refused.value.cause
    assert "one" in refused.value.cause
    assert told in refused.value.cause


@pytest.mark.parametrize("broken", ["[[rule", "rule = 3", "[[rulez]]\nid = 'x'", "\x00"])
def test_a_file_that_is_no_rules_is_refused_by_its_name(tmp_path: Path, broken: str) -> None:
    with pytest.raises(LightproofError, match=r"practice\.toml"):
        _loaded(tmp_path, broken)
