"""Radiographs that nobody took: drawn from arithmetic, with DEMO burnt in, as DICOM."""

import math
from typing import Final

from lightproof.demo.patients import Series
from lightproof.dicom.dataset import Element, encode_data_set
from lightproof.dicom.uids import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLEMENTATION_CLASS_UID,
    SECONDARY_CAPTURE_STORAGE,
)

SIDE: Final = 192
_GLYPHS: Final = {
    "D": ("####.", "#...#", "#...#", "#...#", "#...#", "#...#", "####."),
    "E": ("#####", "#....", "#....", "####.", "#....", "#....", "#####"),
    "M": ("#...#", "##.##", "#.#.#", "#.#.#", "#...#", "#...#", "#...#"),
    "O": (".###.", "#...#", "#...#", "#...#", "#...#", "#...#", ".###."),
}
_DOT: Final = 4
_WHITE: Final = 255


def pixels(seed: int) -> bytes:
    """SIDE x SIDE grey values, one byte each, row by row: two dark lungs in a bright chest, ribs, and the word DEMO."""
    tilt = (seed % 17 - 8) / 200
    image = bytearray(SIDE * SIDE)
    for row in range(SIDE):
        y = row / SIDE * 2 - 1
        for column in range(SIDE):
            x = column / SIDE * 2 - 1 + tilt * y
            body = max(0.0, 1 - (x * x / 0.9 + y * y / 1.3))
            lung = max(0.0, 1 - ((abs(x) - 0.42) ** 2 / 0.085 + (y + 0.05) ** 2 / 0.45))
            rib = max(0.0, math.cos((y + 0.5 * abs(x)) * 26)) * lung * 0.25
            spine = max(0.0, 1 - (x / 0.12) ** 2) * 0.35 * body
            value = 200 * body**0.4 * (1 - 0.75 * min(1.0, lung * 1.6)) + 120 * rib + 110 * spine
            image[row * SIDE + column] = min(_WHITE, int(value))
    _burn(image, "DEMO")
    return bytes(image)


def _burn(image: bytearray, word: str) -> None:
    left, top = 8, SIDE - 8 - 7 * _DOT
    for position, letter in enumerate(word):
        for row, line in enumerate(_GLYPHS[letter]):
            for column, mark in enumerate(line):
                if mark == "#":
                    start = left + (position * 6 + column) * _DOT
                    for dot in range(_DOT):
                        at = (top + row * _DOT + dot) * SIDE + start
                        image[at : at + _DOT] = bytes([_WHITE]) * _DOT


def data_set(series: Series, *, explicit: bool) -> bytes:
    """The image of a series as a DICOM data set, little endian."""
    study = series.study
    grey = pixels(study.number)
    return encode_data_set(
        (
            Element(0x00080008, "CS", "DERIVED\\SECONDARY"),
            Element(0x00080016, "UI", SECONDARY_CAPTURE_STORAGE),
            Element(0x00080018, "UI", series.instance_uid),
            Element(0x00080020, "DA", study.study_date),
            Element(0x00080060, "CS", study.modality),
            Element(0x00080080, "LO", "DEMO PRACTICE"),
            Element(0x00081030, "LO", "DEMO"),
            Element(0x00100010, "PN", study.patient_name),
            Element(0x00100020, "LO", study.patient_id),
            Element(0x00100030, "DA", study.birth_date),
            Element(0x0020000D, "UI", study.uid),
            Element(0x0020000E, "UI", series.uid),
            Element(0x00200011, "IS", str(series.index + 1)),
            Element(0x00200013, "IS", "1"),
            Element(0x00280002, "US", (1).to_bytes(2, "little")),
            Element(0x00280004, "CS", "MONOCHROME2"),
            Element(0x00280010, "US", SIDE.to_bytes(2, "little")),
            Element(0x00280011, "US", SIDE.to_bytes(2, "little")),
            Element(0x00280100, "US", (8).to_bytes(2, "little")),
            Element(0x00280101, "US", (8).to_bytes(2, "little")),
            Element(0x00280102, "US", (7).to_bytes(2, "little")),
            Element(0x00280103, "US", (0).to_bytes(2, "little")),
            Element(0x00280301, "CS", "YES"),
            Element(0x7FE00010, "OW", grey),
        ),
        explicit=explicit,
    )


def file(series: Series) -> bytes:
    """The image of a series as a DICOM file (PS3.10 7.1)."""
    meta = encode_data_set(
        (
            Element(0x00020001, "OB", b"\0\1"),
            Element(0x00020002, "UI", SECONDARY_CAPTURE_STORAGE),
            Element(0x00020003, "UI", series.instance_uid),
            Element(0x00020010, "UI", EXPLICIT_VR_LITTLE_ENDIAN),
            Element(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
            Element(0x00020013, "SH", "LIGHTPROOF_DEMO"),
        ),
        explicit=True,
    )
    length = encode_data_set((Element(0x00020000, "UL", len(meta).to_bytes(4, "little")),), explicit=True)
    return bytes(128) + b"DICM" + length + meta + data_set(series, explicit=True)
