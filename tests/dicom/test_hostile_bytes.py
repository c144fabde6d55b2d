"""Whatever the bytes, the only thing that ever comes out is ProtocolViolation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.dicom.association import Association
from lightproof.dicom.dataset import read_file_head, read_head
from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.dimse import decode_command
from lightproof.dicom.recognise import Recognition, recognise
from lightproof.errors import ProtocolViolation

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz_pdus.py"

framed = st.builds(
    lambda kind, body: bytes((kind, 0)) + len(body).to_bytes(4, "big") + body,
    st.integers(1, 7),
    st.binary(max_size=400),
)
hostile = st.binary(max_size=400) | framed


@given(hostile)
def test_any_bytes_as_a_pdu(raw: bytes) -> None:
    try:
        decode_pdu(raw)
    except ProtocolViolation as violation:
        assert violation.reason


@given(hostile)
def test_any_bytes_to_either_role(raw: bytes) -> None:
    for association in (Association.accept(), Association.request()):
        try:
            list(association.receive(raw))
        except ProtocolViolation:
            assert association.closed


@given(st.binary(max_size=300))
def test_any_bytes_as_a_command(raw: bytes) -> None:
    try:
        decode_command(raw)
    except ProtocolViolation as violation:
        assert violation.reason


@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_any_bytes_as_a_data_set(raw: bytes, explicit: bool, partial: bool) -> None:
    try:
        for element in read_head(raw, explicit=explicit, partial=partial):
            assert len(element.value) <= len(raw)
    except ProtocolViolation as violation:
        assert violation.reason


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda raw: bytes(128) + b"DICM" + raw))
def test_any_bytes_as_a_file(raw: bytes) -> None:
    try:
        head = read_file_head(raw)
        assert head.data_set_offset <= len(raw)
    except ProtocolViolation as violation:
        assert violation.reason


@given(hostile)
def test_any_bytes_are_recognised_as_something(raw: bytes) -> None:
    assert isinstance(recognise(raw), Recognition)
    assert recognise(bytearray(raw)) == recognise(raw)


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_mutated_pdus(seed: int) -> None:
    done = subprocess.run(
        [sys.executable, str(FUZZ), "--json", "--count", "10000", "--seed", str(seed)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unexpected_exceptions"] == []
