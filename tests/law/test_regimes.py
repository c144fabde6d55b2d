"""The laws as data: whole, sourced, in both languages; what is only proposed is off; a bad file is refused."""

import re
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from lightproof.breach.facts import BreachFacts
from lightproof.breach.triage import assess
from lightproof.errors import LightproofError, UsageRefused
from lightproof.law.regimes import FILES, every_regime, load, regime
from lightproof.locale import speaking
from lightproof.storage.settings import Settings

FOLDER = files("lightproof.law")


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text("utf-8")


def written(folder: Path, text: str) -> Path:
    path = folder / "law.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_file_of_the_folder_is_shipped_and_named_by_its_id() -> None:
    on_disk = {
        str(path.relative_to(Path(str(FOLDER))).with_suffix(""))
        for path in Path(str(FOLDER)).glob("*/*.toml")
        if path.parent.name != "forms"
    }
    assert on_disk == set(FILES) == {known.id for known in every_regime()}


@pytest.mark.parametrize("name", FILES)
def test_each_row_has_a_source_and_words_in_both_languages(name: str) -> None:
    law = regime(name)
    assert {"register", "authority", "persons"} <= {telling.who for telling in law.tellings}
    assert all(row.source for row in (*law.tellings, *law.exemptions, *law.rules, *law.others, law.retention))
    words = [
        law.title, law.authority.channel, *([law.instrument] if law.instrument else []),
        *(telling.period.words for telling in law.tellings), law.retention.words,
        *(text for row in law.exemptions for text in (row.words, row.evidence)),
        *(text for row in law.others for text in (row.words, row.period, *(step.words for step in row.steps))),
        *(text for rule in law.rules for text in (rule.words, rule.advice)),
    ]  # fmt: skip
    for text in words:
        with speaking("en"):
            english = str(text)
        with speaking("fr"):
            french = str(text)
        assert english != french
        assert not re.search(r"[^\u202f\u00a0 ][;?!]", french)


def test_what_was_not_verified_says_so() -> None:
    unverified = {
        (law.id, telling.article)
        for law in every_regime()
        for telling in law.tellings
        if telling.status == "unverified"
    }
    assert ("hipaa/us", "45 CFR 164.406") in unverified
    assert ("ch/ch", "DSG 24(1)") in unverified
    assert not any(name.startswith("gdpr/") for name, _article in unverified)
    for name in ("hipaa/us", "ch/ch"):
        assert any("Nobody has verified" in warning for warning in assess(BreachFacts(), regime(name)).warnings)
    assert not assess(BreachFacts(), regime("gdpr/fr")).warnings


def test_france_is_the_gdpr_with_its_authority_and_its_own_rule() -> None:
    france, union = regime("gdpr/fr"), regime("gdpr/eu")
    assert (france.tellings, france.exemptions, france.retention) == (union.tellings, union.exemptions, union.retention)
    assert france.authority.name == "CNIL"
    assert [rule.key for rule in france.rules] == ["revealed-by-authority"]
    assert union.rules == ()


def test_what_is_only_proposed_is_off_until_it_is_named() -> None:
    proposed = [law for law in every_regime() if law.state == "proposed"]
    assert [law.id for law in proposed] == ["gdpr/eu-omnibus-2025"]
    assert proposed[0].applies_from is None
    assert proposed[0].note is not None
    chosen = Settings().breach.regimes
    assert chosen
    assert not {law.id for law in proposed} & set(chosen)


def test_what_is_only_proposed_says_so_with_the_day_it_was_read_and_what_it_is() -> None:
    with speaking("en"):
        warnings = assess(BreachFacts(), regime("gdpr/eu-omnibus-2025")).warnings
    assert any("only proposed, as read on 23 November 2026" in warning for warning in warnings)
    assert any("19 November 2025" in warning for warning in warnings)


def test_a_law_judges_the_breaches_of_its_own_days() -> None:
    swiss = regime("ch/ch")
    assert [swiss.applies_on(day) for day in (date(2023, 8, 31), date(2023, 9, 1))] == [False, True]
    ended = swiss.model_copy(update={"applies_until": date(2024, 1, 1)})
    assert [ended.applies_on(day) for day in (date(2024, 1, 1), date(2024, 1, 2))] == [True, False]
    assert not regime("gdpr/eu-omnibus-2025").applies_on(date(2026, 11, 23))
    early = BreachFacts.model_validate({"aware_at": "2019-10-08T10:00:00Z"})
    assert any("does not apply" in warning for warning in assess(early, swiss).warnings)


def test_two_regimes_judge_one_breach_side_by_side() -> None:
    facts = BreachFacts.model_validate(
        {
            "confidentiality": "presumed", "recipients": ["public"], "sensitive": ["health"],
            "identifiability": "name_and_birth_date", "aware_at": "2026-11-23T10:00:00Z",
        }
    )  # fmt: skip
    deadlines = {name: assess(facts, regime(name)).clock.deadline for name in ("gdpr/fr", "hipaa/us", "ch/ch")}
    assert deadlines == {
        "gdpr/fr": datetime(2026, 11, 26, 10, tzinfo=UTC),
        "hipaa/us": datetime(2027, 1, 22, 10, tzinfo=UTC),
        "ch/ch": None,
    }


def test_an_unknown_regime_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageRefused) as refusal:
        regime("gdpr/xx")
    assert refusal.value.error_id == "regime-unknown"
    assert "gdpr/fr" in refusal.value.fix


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('test = "always"', 'test = "sometimes"', "telling.0.test"),
        ('status = "verified"', 'status = "sure"', "telling.0.status"),
        ("hours = 72", "hours = -1", "telling.1.period.hours"),
        ("version = 2026-11-23", 'version = "soon"', "version"),
        ('state = "in-force"', 'state = "in-force"\nstatute = "x"', "statute"),
        ('en = "GDPR"', 'de = "DSGVO"', "title"),
        ('state = "in-force"', 'state = "proposed"', "only proposed"),
        ("[authority]", "[authority", "law.toml"),
        ('id = "gdpr/eu"', 'id = "gdpr/eu"\nextends = "gdpr/moon"', "gdpr/moon"),
    ],
)
def test_a_bad_file_is_refused_by_its_place(before: str, after: str, place: str, tmp_path: Path) -> None:
    text = text_of("gdpr/eu")
    assert before in text
    with pytest.raises(LightproofError) as refusal:
        load(written(tmp_path, text.replace(before, after, 1)))
    assert refusal.value.error_id == "data-row-refused"
    assert place in refusal.value.cause


def test_a_file_that_extends_another_brings_its_own_dates(tmp_path: Path) -> None:
    text = text_of("gdpr/fr").replace("applies_from = 2018-05-25\n", "")
    law = load(written(tmp_path, text))
    assert regime("gdpr/fr").applies_from == date(2018, 5, 25)
    assert law.applies_from is None
