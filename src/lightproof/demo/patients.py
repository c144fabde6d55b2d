"""Invented patients, computed from their number: thousands of series, none of them stored, nobody among them.

The size is that of CNIL SAN-2020-014: a little over 5,300 series. Every family name ends in DEMO.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

STUDIES: Final = 1_200
SERIES: Final = 5_300

_FAMILIES: Final = ("ACACIA", "BIROCHON", "CALENDULE", "DORVANE", "EGLANTIER", "FOUGERAY", "GRIVELAN", "HELIODE")
_GIVEN: Final = ("ALBA", "BASILE", "CLOVIS", "DAPHNE", "ELOI", "FLORE", "GASPARD", "HORTENSE", "IRIS", "JONAS")
_MODALITIES: Final = ("CR", "DX", "CT", "MR", "US")
_FIRST_DAY: Final = date(2019, 1, 2)
_FIRST_BIRTH: Final = date(1931, 3, 1)


@dataclass(frozen=True, slots=True)
class Study:
    """A study of an invented patient."""

    number: int

    @property
    def uid(self) -> str:
        """StudyInstanceUID."""
        return _uid("study", self.number)

    @property
    def patient_name(self) -> str:
        """Family and given name, in the form of DICOM."""
        family = _FAMILIES[self.number % len(_FAMILIES)]
        return f"{family}-DEMO^{_GIVEN[self.number // len(_FAMILIES) % len(_GIVEN)]}"

    @property
    def patient_id(self) -> str:
        """Patient's number in the practice."""
        return f"DEMO-{self.number:05d}"

    @property
    def birth_date(self) -> str:
        """YYYYMMDD."""
        return (_FIRST_BIRTH + timedelta(days=self.number * 7_919 % 27_000)).strftime("%Y%m%d")

    @property
    def study_date(self) -> str:
        """YYYYMMDD."""
        return (_FIRST_DAY + timedelta(days=self.number // 4)).strftime("%Y%m%d")

    @property
    def modality(self) -> str:
        """Of all its series."""
        return _MODALITIES[self.number % len(_MODALITIES)]

    @property
    def series_count(self) -> int:
        """4 or 5, so that all studies together have SERIES."""
        return (self.number + 1) * SERIES // STUDIES - self.number * SERIES // STUDIES

    def series(self) -> Iterator["Series"]:
        """Its series."""
        return (Series(self, index) for index in range(self.series_count))


@dataclass(frozen=True, slots=True)
class Series:
    """A series: one image."""

    study: Study
    index: int

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return _uid("series", self.study.number, self.index)

    @property
    def instance_uid(self) -> str:
        """SOPInstanceUID of its only image."""
        return _uid("instance", self.study.number, self.index)


def studies() -> Iterator[Study]:
    """All of them."""
    return (Study(number) for number in range(STUDIES))


def _uid(kind: str, *numbers: int) -> str:
    digest = hashlib.sha256(f"lightproof demo {kind} {numbers}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"
