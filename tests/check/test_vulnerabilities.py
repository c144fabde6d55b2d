"""Versions are compared as numbers, and a match stays a possibility."""

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.vulnerabilities import comparable, match
from lightproof.evidence.records import Severity

DATA = files("lightproof.check")
TABLES = ("fingerprints", "vulnerabilities")


def ids(product: str, version: str | None) -> set[str]:
    return {found.id for found in match(product, version)}


def test_an_orthanc_of_debian_12_is_possibly_vulnerable() -> None:
    found = match("Orthanc", "1.10.1")
    assert {"CVE-2023-33466", "CVE-2026-5440", "CVE-2026-10528"} <= {v.id for v in found}
    assert "CVE-2025-0896" not in {v.id for v in found}
    assert [v.severity for v in found] == sorted((v.severity for v in found), key=list(Severity).index)
    assert all(v.source and v.date for v in found)


def test_versions_are_numbers_and_not_text() -> None:
    assert "CVE-2026-5440" in ids("Orthanc", "1.12.10")
    assert "CVE-2026-5440" not in ids("Orthanc", "1.12.11")
    assert "CVE-2026-5440" not in ids("Orthanc", "1.13")
    assert ids("Orthanc", "1.13.0") == set()
    assert "CVE-2025-0896" in ids("orthanc", "1.5.7")
    assert "CVE-2025-0896" not in ids("Orthanc", "1.5.8")


def test_dcmtk_versions_come_from_its_identifiers() -> None:
    assert "CVE-2022-2119" in ids("DCMTK", "3.6.6")
    assert "CVE-2022-2119" not in ids("DCMTK", "3.6.7")
    assert "CVE-2024-28130" in ids("DCMTK", "3.6.7+deb12u4")
    assert "ZSL-2016-5380" in ids("DCMTK", "3.5.4")


def test_a_range_has_both_its_ends() -> None:
    assert ids("PacsOne", "6.6.2") == {"PACSONE-6.6.2-LFI", "CVE-2020-29164"}
    assert ids("PacsOne", "6.6.3") == {"CVE-2020-29164"}
    assert ids("PacsOne", "7.1.1") == set()
    assert "CVE-2023-40704" in ids("Philips Vue PACS", "12.2.8.400")
    assert "CVE-2023-40704" not in ids("Philips Vue PACS", "12.2.8.410")
    assert "CVE-2021-33020" in ids("Philips Vue PACS", "12.2.8.410")
    assert ids("Philips Vue PACS", "12.3.0.1") == set()
    assert "CVE-2025-2264" in ids("Sante PACS Server", "4.1.0")
    assert "CVE-2025-2264" not in ids("Sante PACS Server", "4.2.0")
    assert ids("MedDream", "7.3.5.860") == set()


def test_what_is_built_in_needs_no_version() -> None:
    assert ids("Horos", None) == {"HOROS-BUNDLED-DCMTK-3.5.4"}
    assert "ZSL-2016-5387" in ids("Horos", "2.1.0")


def test_an_unknown_product_or_a_version_that_is_none_matches_nothing() -> None:
    assert match("Tomato", "1.0") == ()
    assert match("Orthanc", "mainline") == ()
    assert match("Orthanc", None) == ()


TOLD_ELSEWHERE = {"Orthanc"}
"""Its version is in /system, which is more than a page to compare with."""
TOLD_NOWHERE = {"MedDream", "Sante PACS Server"}
"""No source says where; the table says so."""


def test_every_range_is_of_a_product_whose_version_is_told_somewhere() -> None:
    tables = {name: tomllib.loads((DATA / f"{name}.toml").read_text("utf-8")) for name in TABLES}
    ranged = {
        product
        for row in tables["vulnerabilities"]["vulnerability"]
        if "always" not in row
        for product in row["products"]
    }
    told = {
        row["product"]
        for kind in ("implementation", "portal", "version")
        for row in tables["fingerprints"][kind]
        if any("{version}" in str(value) or "{digits}" in str(value) for value in row.values())
    }
    assert ranged - told - TOLD_ELSEWHERE == TOLD_NOWHERE


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.12", (1, 12)),
        ("1.12.0", (1, 12)),
        ("v1.12.10-dirty", (1, 12, 10)),
        ("mainline-2.1", (2, 1)),
        ("", None),
        ("x", None),
    ],
)
def test_words_around_the_numbers_do_not_count(version: str, expected: tuple[int, ...] | None) -> None:
    assert comparable(version) == expected


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_banner_is_survived(product: str, version: str) -> None:
    assert match(product, version) == ()


@given(st.lists(st.integers(0, 99_999), min_size=1, max_size=5))
def test_trailing_zeros_do_not_matter(parts: list[int]) -> None:
    version = ".".join(map(str, parts))
    assert comparable(version) == comparable(version + ".0")
