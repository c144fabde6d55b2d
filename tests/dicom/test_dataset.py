"""Data sets: ours are read by pydicom, pydicom's by us; and nothing that is nested can hurt."""

import io
import struct
import tracemalloc

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from dicom.values import short_texts, uids
from lightproof.dicom.dataset import (
    MODALITY,
    QUERY_RETRIEVE_LEVEL,
    SCHEDULED_PROCEDURE_STEP_SEQUENCE,
    SCHEDULED_PROCEDURE_STEP_START_DATE,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
    Element,
    HeadLimits,
    encode_data_set,
    pick,
    read_file_head,
    read_head,
)
from lightproof.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from lightproof.errors import ProtocolViolation
from peers.images import PATIENTS, an_instance, decoded, encoded

both = pytest.mark.parametrize("explicit", [False, True], ids=["implicit", "explicit"])

codes = st.builds(Element, st.sampled_from([0x00080052, 0x00080060, 0x00080061]), st.just("CS"), short_texts)
leaves = codes | st.builds(Element, st.sampled_from([0x0020000D, 0x0020000E]), st.just("UI"), uids)
items = st.lists(leaves, max_size=3, unique_by=lambda e: e.tag).map(tuple)
sequences = st.builds(Element, st.just(0x00400100), st.just("SQ"), st.lists(items, max_size=3).map(tuple))
data_sets = st.lists(leaves | sequences, max_size=6, unique_by=lambda e: e.tag)


@given(data_sets, st.booleans())
def test_pydicom_reads_what_we_write(elements: list[Element], explicit: bool) -> None:
    data = decoded(encode_data_set(elements, explicit=explicit), explicit=explicit)
    assert [element.tag for element in data] == sorted(element.tag for element in elements)
    for element in elements:
        theirs = data[element.tag]
        if element.vr == "SQ":
            assert [len(item) for item in theirs.value] == [len(item) for item in element.value]
        else:
            assert (theirs.value or "") == element.value


@given(data_sets, st.booleans())
def test_we_read_what_we_write(elements: list[Element], explicit: bool) -> None:
    heads = list(read_head(encode_data_set(elements, explicit=explicit), explicit=explicit))
    assert [(head.tag, head.vr) for head in heads] == [
        (element.tag, element.vr if explicit else "") for element in sorted(elements, key=lambda e: e.tag)
    ]


@both
def test_we_read_what_pydicom_writes(explicit: bool) -> None:
    image = an_instance(explicit=explicit)
    raw = encoded(image, explicit=explicit)
    heads = {head.tag: head for head in read_head(raw, explicit=explicit)}
    assert list(heads) == [int(element.tag) for element in image]
    assert bytes(heads[STUDY_INSTANCE_UID].value).rstrip(b"\0").decode() == image.StudyInstanceUID
    assert bytes(heads[0x7FE00010].value) == image.PixelData


def nested_by_pydicom(*, undefined: bool) -> Dataset:
    def item(content: Dataset) -> Dataset:
        content.is_undefined_length_sequence_item = undefined
        return content

    inner, outer, data = Dataset(), Dataset(), Dataset()
    inner.CodeValue = "CANARY"
    outer.ConceptNameCodeSequence = Sequence([item(inner)])
    outer.Modality = "MR"
    outer["ConceptNameCodeSequence"].is_undefined_length = undefined
    data.Modality = "CT"
    data.RequestAttributesSequence = Sequence([item(outer)])
    data["RequestAttributesSequence"].is_undefined_length = undefined
    data.StudyInstanceUID = "1.2.3"
    data.PresentationLUTShape = "IDENTITY"
    return data


@both
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_sequences_are_passed_over_whatever_their_length(explicit: bool, undefined: bool) -> None:
    data = nested_by_pydicom(undefined=undefined)
    raw = encoded(data, explicit=explicit)
    heads = list(read_head(raw, explicit=explicit))
    assert [head.tag for head in heads] == [int(element.tag) for element in data]
    assert bytes(heads[-1].value) == b"IDENTITY"
    if undefined:
        assert b"CANARY" not in b"".join(bytes(head.value) for head in heads)


def test_encapsulated_pixels_are_passed_over() -> None:
    image = an_instance(side=64)
    image.compress(RLELossless)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, image, enforce_file_format=True)
    head = read_file_head(buffer.getvalue())
    assert head.transfer_syntax == RLELossless
    assert [element.tag for element in read_head(buffer.getvalue()[head.data_set_offset :], explicit=True)] == [
        int(element.tag) for element in image
    ]


@both
def test_a_file_head_leads_to_its_data_set(explicit: bool) -> None:
    image = an_instance(PATIENTS[1], explicit=explicit)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, image, enforce_file_format=True)
    raw = buffer.getvalue()[:-40]  # ends within the pixels
    head = read_file_head(raw)
    assert head.transfer_syntax == (EXPLICIT_VR_LITTLE_ENDIAN if explicit else IMPLICIT_VR_LITTLE_ENDIAN)
    assert head.readable
    assert bytes(head.meta[TRANSFER_SYNTAX_UID]).rstrip(b"\0").decode() == head.transfer_syntax
    found = pick(
        memoryview(raw)[head.data_set_offset :],
        {SOP_INSTANCE_UID, STUDY_INSTANCE_UID},
        explicit=head.explicit,
        partial=True,
    )
    assert bytes(found[STUDY_INSTANCE_UID]).rstrip(b"\0").decode() == image.StudyInstanceUID


@both
def test_a_file_without_preamble_tells_its_encoding(explicit: bool) -> None:
    raw = encoded(an_instance(), explicit=explicit)
    assert read_file_head(raw).explicit is explicit
    assert read_file_head(raw).data_set_offset == 0


@pytest.mark.parametrize("raw", [b"", b"%PDF-1.7 and more", bytes(200), bytes(128) + b"DICM\x02\x00\x10\x00UI\xff\xff"])
def test_what_is_no_dicom_file_is_found_out(raw: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_file_head(raw)


def test_only_what_is_picked_is_looked_at_and_the_rest_is_not_read() -> None:
    good = encode_data_set((Element(QUERY_RETRIEVE_LEVEL, "CS", "STUDY"), Element(MODALITY, "CS", "CT")))
    found = pick(good + b"\xff" * 20, {MODALITY, QUERY_RETRIEVE_LEVEL})
    assert {tag: bytes(value) for tag, value in found.items()} == {QUERY_RETRIEVE_LEVEL: b"STUDY ", MODALITY: b"CT"}
    assert pick(good, ()) == {}


def test_the_worklist_query_nests_its_key() -> None:
    raw = encode_data_set(
        (
            Element(
                SCHEDULED_PROCEDURE_STEP_SEQUENCE,
                "SQ",
                ((Element(SCHEDULED_PROCEDURE_STEP_START_DATE, "DA", "18000101"),),),
            ),
        )
    )
    read = decoded(raw, explicit=False)
    assert read.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate == "18000101"


def nest(depth: int, *, explicit: bool) -> bytes:
    """Sequences of undefined length, `depth` deep, never closed."""
    vr = b"SQ\0\0" if explicit else b""
    level = struct.pack("<HH", 0x0040, 0x0100) + vr + b"\xff" * 4 + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return level * depth


@both
def test_a_hundred_thousand_levels_neither_recurse_nor_allocate(explicit: bool) -> None:
    raw = nest(100_000, explicit=explicit)
    tracemalloc.start()
    with pytest.raises(ProtocolViolation, match="nesting"):
        list(read_head(raw, explicit=explicit))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


@both
def test_a_hundred_thousand_levels_of_defined_length_are_one_jump(explicit: bool) -> None:
    inner = nest(100_000, explicit=explicit)
    heads = list(read_head(encode_data_set((Element(0x00400100, "SQ", inner),), explicit=explicit), explicit=explicit))
    assert [head.tag for head in heads] == [0x00400100]


def test_nested_elements_are_counted() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    raw = struct.pack("<HHI", 0x0040, 0x0100, 0xFFFFFFFF) + item * 50
    with pytest.raises(ProtocolViolation, match="nested-elements"):
        list(read_head(raw, limits=HeadLimits(nested=20)))


def test_top_level_elements_are_counted() -> None:
    raw = struct.pack("<HHI", 0x0009, 0x0001, 0) * 50
    with pytest.raises(ProtocolViolation, match="elements"):
        list(read_head(raw, limits=HeadLimits(elements=20)))


@both
@pytest.mark.parametrize("length", [9, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_length_past_the_end_is_a_violation_or_the_end_of_a_head(explicit: bool, length: int) -> None:
    header = struct.pack("<HH", 0x7FE0, 0x0010) + (b"OB\0\0" if explicit else b"") + struct.pack("<I", length)
    with pytest.raises(ProtocolViolation, match="element-length"):
        list(read_head(header + bytes(8), explicit=explicit))
    assert list(read_head(header + bytes(8), explicit=explicit, partial=True)) == []


def test_data_set_of_implicit_items_within_unknown_vr_is_passed_over() -> None:
    """PS3.5 6.2.2: UN with undefined length holds items in implicit VR, also in explicit VR."""
    inner = encode_data_set((Element(MODALITY, "CS", "CT"),))
    raw = struct.pack("<HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF)
    raw += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + inner + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    raw += struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) + encode_data_set(
        (Element(STUDY_INSTANCE_UID, "UI", "1.2"),), explicit=True
    )
    assert [head.tag for head in read_head(raw, explicit=True)] == [0x00091001, STUDY_INSTANCE_UID]
    assert decoded(raw, explicit=True).StudyInstanceUID == "1.2"


def test_text_beyond_ascii_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="ascii"):
        encode_data_set((Element(0x00100010, "PN", "É"),))
    assert ExplicitVRLittleEndian == EXPLICIT_VR_LITTLE_ENDIAN
