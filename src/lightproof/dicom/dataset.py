"""Data sets: a small encoder for queries, and a reader of heads that never recurses (PS3.5 and PS3.10, sections 7).

The reader gives top-level elements as (tag, VR, view of the value) and goes over everything else without looking: a
value of defined length is one jump, nested items of undefined length are walked with a counter of depth. So
identifiers can be hashed as they are parsed, and what was not asked for is dropped unread.
"""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lightproof.dicom.pdu import Octets
from lightproof.dicom.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from lightproof.errors import ProtocolViolation

SPECIFIC_CHARACTER_SET: Final = 0x0008_0005
SOP_CLASS_UID: Final = 0x0008_0016
SOP_INSTANCE_UID: Final = 0x0008_0018
QUERY_RETRIEVE_LEVEL: Final = 0x0008_0052
MODALITY: Final = 0x0008_0060
STUDY_INSTANCE_UID: Final = 0x0020_000D
SERIES_INSTANCE_UID: Final = 0x0020_000E
TRANSFER_SYNTAX_UID: Final = 0x0002_0010
SCHEDULED_PROCEDURE_STEP_SEQUENCE: Final = 0x0040_0100
SCHEDULED_PROCEDURE_STEP_START_DATE: Final = 0x0040_0002

PREAMBLE_LENGTH: Final = 128
MAGIC: Final = b"DICM"
UNDEFINED: Final = 0xFFFF_FFFF
_ITEM: Final = 0xFFFE_E000
_ITEM_END: Final = 0xFFFE_E00D
_SEQUENCE_END: Final = 0xFFFE_E0DD

_IMPLICIT = struct.Struct("<HHI")
_EXPLICIT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<I")
# VRs whose explicit length takes two bytes (PS3.5 table 7.1-2); all others, and those yet to be invented, take four.
_SHORT_LENGTH: Final = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_NUL_PADDED: Final = frozenset((b"UI", b"OB", b"UN"))


class Element(NamedTuple):
    """One element of a data set to encode. `value`: bytes, text (ASCII), or the items of a sequence."""

    tag: int
    vr: str
    value: "bytes | str | tuple[tuple[Element, ...], ...]" = b""


DataSet = tuple[Element, ...]


def encode_data_set(elements: Iterable[Element], *, explicit: bool = False) -> bytes:
    """Little endian, implicit VR unless `explicit`, in order of tags. Raises ValueError for text beyond ASCII."""
    parts: list[bytes] = []
    for element in sorted(elements, key=lambda e: e.tag):
        raw = _value(element, explicit=explicit)
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if not explicit:
            parts.append(_IMPLICIT.pack(group, number, len(raw)))
        else:
            vr = element.vr.encode("ascii")
            if vr in _SHORT_LENGTH:
                if len(raw) > 0xFFFF:
                    raise ValueError("a value of this representation holds at most 65,534 bytes")
                parts.append(_EXPLICIT.pack(group, number, vr, len(raw)))
            else:
                parts.append(_EXPLICIT.pack(group, number, vr, 0) + _LONG.pack(len(raw)))
        parts.append(raw)
    return b"".join(parts)


def _value(element: Element, *, explicit: bool) -> bytes:
    if isinstance(element.value, tuple):
        items = [encode_data_set(item, explicit=explicit) for item in element.value]
        return b"".join(_IMPLICIT.pack(0xFFFE, 0xE000, len(item)) + item for item in items)
    raw = element.value.encode("ascii") if isinstance(element.value, str) else element.value
    if len(raw) & 1:
        raw += b"\0" if element.vr.encode() in _NUL_PADDED else b" "
    return raw


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLimits:
    """How far a head reader goes."""

    elements: int = 4_096
    """Top-level elements."""
    nested: int = 65_536
    """Elements and items walked inside sequences of undefined length."""
    depth: int = 64
    """Nesting of undefined lengths; DCMTK draws the line there too."""


DEFAULT_HEAD_LIMITS = HeadLimits()


class HeadElement(NamedTuple):
    """A top-level element. `vr` is "" in implicit VR; `value` is a view into the data, empty for a walked sequence."""

    tag: int
    vr: str
    value: memoryview


class _Cursor:
    """Where the reader is. One header at a time; the number of headers is what the limits count."""

    __slots__ = ("end", "offset", "view")

    def __init__(self, view: memoryview) -> None:
        self.view = view
        self.offset = 0
        self.end = len(view)

    def header(self, *, explicit: bool) -> tuple[int, bytes, int]:
        """Tag, VR (empty in implicit VR and for items) and length; the cursor then stands on the value."""
        offset = self.offset
        if self.end - offset < 8:
            raise EOFError
        group, number, length = _IMPLICIT.unpack_from(self.view, offset)
        tag = group << 16 | number
        if not explicit or group == 0xFFFE:
            self.offset = offset + 8
            return tag, b"", length
        _, _, vr, length = _EXPLICIT.unpack_from(self.view, offset)
        if vr in _SHORT_LENGTH:
            self.offset = offset + 8
            return tag, vr, length
        if not (vr.isalpha() and vr.isupper()):
            raise ProtocolViolation("value-representation")
        if self.end - offset < 12:
            raise EOFError
        self.offset = offset + 12
        return tag, vr, _LONG.unpack_from(self.view, offset + 8)[0]

    def jump(self, length: int) -> None:
        if length > self.end - self.offset:
            raise EOFError
        self.offset += length

    def walk(self, *, explicit: bool, limits: HeadLimits) -> int:
        """Goes over a value of undefined length, to after its end; returns how many headers that took."""
        # One entry per open undefined length: (is it an item, are its elements explicit). Never longer than the limit.
        open_values = [(False, explicit)]
        for count in range(limits.nested):
            is_item, inside_explicit = open_values[-1]
            tag, vr, length = self.header(explicit=inside_explicit and is_item)
            if is_item:
                if tag == _ITEM_END:
                    open_values.pop()
                    continue
                if tag in (_ITEM, _SEQUENCE_END):
                    raise ProtocolViolation("item-misplaced")
                # An element of unknown VR and undefined length is a sequence in implicit VR (PS3.5 6.2.2).
                following = (False, inside_explicit and vr != b"UN")
            else:
                if tag == _SEQUENCE_END:
                    open_values.pop()
                    if not open_values:
                        return count + 1
                    continue
                if tag != _ITEM:
                    raise ProtocolViolation("item-missing")
                following = (True, inside_explicit)
            if length != UNDEFINED:
                self.jump(length)
            elif len(open_values) == limits.depth:
                raise ProtocolViolation("nesting")
            else:
                open_values.append(following)
        raise ProtocolViolation("nested-elements")


def read_head(
    data: Octets, *, explicit: bool = False, partial: bool = False, limits: HeadLimits = DEFAULT_HEAD_LIMITS
) -> Iterator[HeadElement]:
    """Top-level elements of a little-endian data set, in the order they come.

    `partial`: `data` is only the beginning; the reader stops where it ends. Else an element that goes past the end is a
    violation. Raises ProtocolViolation for what is no data set, or beyond the limits.
    """
    cursor = _Cursor(memoryview(data))
    nested = limits
    for _ in range(limits.elements):
        if cursor.offset == cursor.end:
            return
        try:
            tag, vr, length = cursor.header(explicit=explicit)
            if tag >> 16 == 0xFFFE:
                raise ProtocolViolation("item-misplaced")
            start = cursor.offset
            if length == UNDEFINED:
                walked = cursor.walk(explicit=explicit and vr != b"UN", limits=nested)
                nested = HeadLimits(elements=nested.elements, nested=nested.nested - walked, depth=nested.depth)
                start, length = cursor.offset, 0
            else:
                cursor.jump(length)
        except EOFError:
            if partial:
                return
            raise ProtocolViolation("element-length") from None
        yield HeadElement(tag, vr.decode("ascii"), cursor.view[start : start + length])
    if cursor.offset != cursor.end:
        raise ProtocolViolation("elements")


def pick(
    data: Octets,
    tags: Collection[int],
    *,
    explicit: bool = False,
    partial: bool = False,
    limits: HeadLimits = DEFAULT_HEAD_LIMITS,
) -> dict[int, memoryview]:
    """The values of these tags, by tag; stops as soon as no wanted one can follow. Padding is the caller's to strip."""
    last = max(tags, default=0)
    found: dict[int, memoryview] = {}
    for element in read_head(data, explicit=explicit, partial=partial, limits=limits):
        if element.tag in tags:
            found[element.tag] = element.value
        if element.tag >= last:
            break
    return found


@dataclass(frozen=True, slots=True)
class FileHead:
    """The start of a DICOM file: its meta elements (group 0002), its transfer syntax, and where its data set starts."""

    transfer_syntax: str
    meta: Mapping[int, memoryview] = field(repr=False)
    data_set_offset: int

    @property
    def explicit(self) -> bool:
        """Whether the data set states its value representations."""
        return self.transfer_syntax != IMPLICIT_VR_LITTLE_ENDIAN

    @property
    def readable(self) -> bool:
        """Whether `read_head` can read the data set: little endian and not deflated."""
        return self.transfer_syntax not in (EXPLICIT_VR_BIG_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)


def read_file_head(data: Octets, *, limits: HeadLimits = DEFAULT_HEAD_LIMITS) -> FileHead:
    """What a file says about itself (PS3.10 7.1), from its first bytes; they tell the encoding where no meta does.

    Raises ProtocolViolation when this is no DICOM file.
    """
    view = memoryview(data)
    offset = 0
    if len(view) >= PREAMBLE_LENGTH + 4 and view[PREAMBLE_LENGTH : PREAMBLE_LENGTH + 4].tobytes() == MAGIC:
        offset = PREAMBLE_LENGTH + 4
    elif len(view) < 8 or view[0] not in (2, 8) or view[1] != 0:
        raise ProtocolViolation("not-a-dicom-file")
    meta: dict[int, memoryview] = {}
    start = offset
    while len(view) - offset >= 8 and view[offset : offset + 2].tobytes() == b"\x02\x00":
        # Read one element at a time: the data set behind the meta group may be encoded otherwise.
        cursor = _Cursor(view[offset:])
        try:
            tag, _, length = cursor.header(explicit=True)
            begin = cursor.offset
            cursor.jump(length)
        except EOFError:
            raise ProtocolViolation("element-length") from None
        if len(meta) == limits.elements:
            raise ProtocolViolation("elements")
        meta[tag] = cursor.view[begin : cursor.offset]
        offset += cursor.offset
    if TRANSFER_SYNTAX_UID in meta:
        raw = meta[TRANSFER_SYNTAX_UID][:66].tobytes().rstrip(b"\0 ")
        return FileHead(raw.decode("latin-1"), meta, offset)
    if offset != start:
        raise ProtocolViolation("transfer-syntax-missing")
    states_vr = view[offset + 4 : offset + 6].tobytes() in _SHORT_LENGTH
    return FileHead(EXPLICIT_VR_LITTLE_ENDIAN if states_vr else IMPLICIT_VR_LITTLE_ENDIAN, meta, offset)
