"""Words for what a record holds: complete in both languages, whatever a detector counts or gives as a reason."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

import lightproof.check
from lightproof.documents import wording
from lightproof.evidence.records import EvidenceClass, ScopeRecord
from lightproof.locale import LANGUAGES, Language, speaking

DETECTORS = Path(lightproof.check.__file__).parent / "detectors"


def counted_by_detectors() -> set[str]:
    """Every name that a detector gives to a count."""
    names: set[str] = {"patients", "studies", "series", "instances"}
    for path in DETECTORS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "counts":
                for literal in ast.walk(node.value):
                    keys = literal.keys if isinstance(literal, ast.Dict) else ()
                    names |= {key.value for key in keys if isinstance(key, ast.Constant)}  # type: ignore[misc]
    return names


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_count_has_its_words(language: Language) -> None:
    names = counted_by_detectors()
    assert {"open_modules", "readable_shares", "exports", "files"} <= names
    with speaking(language):
        for name in names:
            one, many = wording.count_phrase(name, 1), wording.count_phrase(name, 2)
            assert "_" not in one + many
            assert one != f"1 {name}" or name == "series"
    with speaking("fr"):
        assert wording.count_phrase("readable_shares", 1) == "1 dossier partagé lisible par n’importe qui"


@pytest.mark.parametrize(
    "reason",
    ["no-answer", "unreachable", "not-tried", "service-unavailable", "query-unclear", "server-busy",
     "forward-not-checked", "scope-expired", "silent", "box-silent",
     "association-aborted", "certificate-unreadable", "description-unreadable", "smb-shares-untold"],
)  # fmt: skip
def test_a_reason_that_breaks_no_rule_is_not_told_as_one(reason: str) -> None:
    with speaking("en"):
        assert "rules of its own protocol" not in wording.reason_word(reason)
        assert "accepted the connection" not in wording.reason_word("no-answer")
    with speaking("fr"):
        assert reason not in wording.reason_word(reason)


def test_the_first_of_a_month_is_an_ordinal_in_french() -> None:
    first = datetime(2027, 1, 1, tzinfo=UTC)
    for language, told in (("fr", "1er janvier 2027"), ("en", "1 January 2027")):
        with speaking(language):
            assert wording.day(first) == told
            assert wording.instant(first).startswith(told)
            assert wording.day(first.replace(day=21)).startswith("21 ")


def test_what_a_scope_file_of_ones_own_names_is_told_too() -> None:
    with speaking("en"):
        assert wording.allowed_by(ScopeRecord(basis="own")).startswith("the person who ran the check")
        named = ScopeRecord(basis="own", controller="Practice", authoriser="Dr A", reference="R-1")
        assert wording.allowed_by(named) == "own systems, Practice, Dr A, R-1"


def test_a_whole_machine_is_told_without_a_port() -> None:
    assert wording.endpoint("192.168.1.20", 0) == "192.168.1.20"


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_a_finding_that_is_not_proved_says_so_beside_its_number(language: Language) -> None:
    with speaking(language):
        told = {kind: wording.with_evidence("F-0001", kind) for kind in EvidenceClass}
        assert told.pop(EvidenceClass.PROVED) == "F-0001"
        assert len({*told.values(), "F-0001"}) == 3
        assert len({wording.evidence_word(kind) for kind in EvidenceClass}) == 3
