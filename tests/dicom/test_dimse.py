"""Command sets: the bytes of the standard, round trips, and what a peer may get wrong."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.tests import encoded_dimse_msg as recorded

from dicom.values import short_texts, uids
from lightproof.dicom.dimse import (
    Command,
    CommandField,
    StatusCategory,
    cancel_request,
    decode_command,
    echo_request,
    encode_command,
    find_request,
    get_request,
    move_request,
    status_category,
    store_request,
)
from lightproof.dicom.uids import CT_IMAGE_STORAGE, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION
from lightproof.errors import ProtocolViolation
from peers.images import decoded

# pynetdicom records each command with the control header of its PDV in front.
HEADER = 1

numbers = st.none() | st.integers(0, 0xFFFF)
some_uids = st.none() | uids
titles = st.none() | short_texts.filter(bool)
commands = st.builds(
    Command,
    command_field=st.integers(0, 0xFFFF),
    message_id=st.integers(0, 0xFFFF),
    responded_to=st.integers(0, 0xFFFF),
    status=st.integers(0, 0xFFFF),
    affected_sop_class_uid=some_uids,
    affected_sop_instance_uid=some_uids,
    priority=numbers,
    move_destination=titles,
    originator_ae=titles,
    originator_message_id=numbers,
    remaining=numbers,
    completed=numbers,
    failed=numbers,
    warning=numbers,
    has_data_set=st.booleans(),
)


@given(commands)
def test_a_command_is_read_back_as_it_was_said(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


@given(commands)
def test_pydicom_reads_our_commands(command: Command) -> None:
    data = decoded(encode_command(command), explicit=False)
    assert data.CommandField == command.command_field
    assert data.CommandGroupLength == len(encode_command(command)) - 12
    assert (data.CommandDataSetType == 0x0101) is not command.has_data_set
    assert data.get("NumberOfRemainingSuboperations") == command.remaining
    assert data.get("MoveDestination") == command.move_destination


def test_an_echo_request_has_the_bytes_of_the_standard() -> None:
    expected = bytes.fromhex(
        "0000 0000 04000000 38000000"
        "0000 0200 12000000 312e322e3834302e31303030382e312e3100"
        "0000 0001 02000000 3000"
        "0000 1001 02000000 0700"
        "0000 0008 02000000 0101"
    )
    assert encode_command(echo_request(7, VERIFICATION)) == expected
    assert recorded.c_echo_rq_cmd[HEADER:] == expected


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        (recorded.c_find_rq_cmd, find_request(7, CT_IMAGE_STORAGE, priority=2)),
        (recorded.c_get_rq_cmd, get_request(7, CT_IMAGE_STORAGE, priority=2)),
        (recorded.c_move_rq_cmd, move_request(7, CT_IMAGE_STORAGE, destination="MOVE_SCP", priority=2)),
        (
            recorded.c_store_rq_cmd_b,
            store_request(
                7,
                CT_IMAGE_STORAGE,
                "1.2.392.200036.9116.2.6.1.48.1215709044.1459316254.522441",
                priority=2,
                originator_ae="UNITTEST_SCP",
                originator_message_id=3,
            ),
        ),
    ],
    ids=["C-FIND", "C-GET", "C-MOVE", "C-STORE"],
)
def test_recorded_requests_are_read_and_said_with_the_same_bytes(raw: bytes, command: Command) -> None:
    assert decode_command(raw[HEADER:]) == command
    assert encode_command(command)[12:] == raw[HEADER + 12 :]


def test_a_cancel_has_the_bytes_of_the_standard() -> None:
    expected = bytes.fromhex(
        "0000 0000 04000000 1e0000000000 0001 02000000 ff0f0000 2001 02000000 07000000 0008 02000000 0101"
    )
    assert encode_command(cancel_request(7)) == expected
    assert decode_command(expected) == cancel_request(7)


def test_numbers_that_a_peer_repeats_count_once() -> None:
    command = decode_command(recorded.c_move_rsp_cmd_with_dup[HEADER:])
    assert command.command_field == CommandField.C_MOVE | 0x8000
    assert (command.remaining, command.completed, command.failed, command.warning) == (3, 1, 2, 4)
    assert command.category is StatusCategory.PENDING


def test_a_response_answers_its_request() -> None:
    request = store_request(9, CT_IMAGE_STORAGE, "1.2.3")
    response = request.answered(0xA700)
    assert response.is_response
    assert not request.is_response
    assert (response.responded_to, response.affected_sop_instance_uid) == (9, "1.2.3")
    assert response.category is StatusCategory.FAILURE


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (0x0000, StatusCategory.SUCCESS),
        (0xFF00, StatusCategory.PENDING),
        (0xFF01, StatusCategory.PENDING),
        (0xFE00, StatusCategory.CANCEL),
        (0xB000, StatusCategory.WARNING),
        (0x0107, StatusCategory.WARNING),
        (0x0122, StatusCategory.FAILURE),
        (0xA700, StatusCategory.FAILURE),
        (0xC000, StatusCategory.FAILURE),
        (0x1234, StatusCategory.FAILURE),
    ],
)
def test_every_status_has_a_category(status: int, category: StatusCategory) -> None:
    assert status_category(status) is category


def element(number: int, value: bytes, *, group: int = 0) -> bytes:
    return struct.pack("<HHI", group, number, len(value)) + value


FIELD = element(0x0100, b"\x30\x00")
NO_DATA = element(0x0800, b"\x01\x01")
MESSAGE_ID = element(0x0110, b"\x07\x00")


@pytest.mark.parametrize(
    ("reason", "raw"),
    [
        ("command-truncated", FIELD + b"\0\0"),
        ("command-group", element(0x0010, b"NAME", group=0x0010)),
        ("command-element-length", FIELD[:-1]),
        ("command-element-length", element(0x0100, b"\x30") + MESSAGE_ID + NO_DATA),
        ("command-element-length", FIELD + MESSAGE_ID + NO_DATA + element(0x1000, bytes(81))),
        ("command-element-repeated", FIELD + FIELD + MESSAGE_ID + NO_DATA),
        ("command-element-missing", b""),
        ("command-element-missing", MESSAGE_ID + NO_DATA),
        ("command-element-missing", FIELD + NO_DATA),
        ("command-element-missing", element(0x0100, b"\x30\x80") + element(0x0120, b"\1\0") + NO_DATA),
    ],
)
def test_a_broken_command_is_found_out(reason: str, raw: bytes) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        decode_command(raw)
    assert caught.value.reason == reason


def test_error_comments_are_not_kept() -> None:
    raw = FIELD + MESSAGE_ID + NO_DATA + element(0x0902, b"CANARY^NAME ")
    assert "CANARY" not in repr(decode_command(raw))


def test_what_does_not_fit_is_not_sent() -> None:
    with pytest.raises(ValueError, match="fit"):
        encode_command(echo_request(0x10000, VERIFICATION))


def test_the_zero_match_requests_have_the_expected_fields() -> None:
    assert find_request(2, STUDY_ROOT_FIND).has_data_set
    assert find_request(2, PATIENT_ROOT_FIND).command_field == CommandField.C_FIND
    assert get_request(3, STUDY_ROOT_GET).command_field == CommandField.C_GET
    assert cancel_request(2).responded_to == 2
