"""Bytes of the wild and of the standard: what real toolkits sent is read as what they meant."""

import pytest
from pynetdicom.tests import encoded_pdu_items as recorded

from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.dimse import decode_command
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    DataTransfer,
    PresentationDataValue,
    ProposedContext,
    ReleaseReply,
    ReleaseRequest,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from lightproof.dicom.uids import CT_IMAGE_STORAGE, IMPLICIT_VR_LITTLE_ENDIAN, VERIFICATION


def with_true_length(raw: bytes) -> bytes:
    return raw[:2] + (len(raw) - 6).to_bytes(4, "big") + raw[6:]


def request(raw: bytes) -> AssociateRequest:
    pdu = decode_pdu(raw)
    assert isinstance(pdu, AssociateRequest)
    return pdu


def accept(raw: bytes) -> AssociateAccept:
    pdu = decode_pdu(raw)
    assert isinstance(pdu, AssociateAccept)
    return pdu


@pytest.mark.parametrize(
    ("hexadecimal", "pdu"),
    [
        ("030000000004 00 01 01 07", AssociateReject(1, 1, 7)),
        ("030000000004 00 02 03 02", AssociateReject(2, 3, 2)),
        ("050000000004 00000000", ReleaseRequest()),
        ("060000000004 00000000", ReleaseReply()),
        ("070000000004 0000 02 04", Abort(2, 4)),
    ],
)
def test_short_pdus_have_the_bytes_of_the_standard(hexadecimal: str, pdu: AssociateReject | Abort) -> None:
    raw = bytes.fromhex(hexadecimal)
    assert decode_pdu(raw) == pdu
    assert encode_pdu(pdu) == raw


def test_the_request_of_ps38_is_said_byte_for_byte() -> None:
    """Items in the order and with the fields of PS3.8 tables 9-11 to 9-16 and PS3.7 tables D.1-1, D.3-1, D.3-3."""
    ours = AssociateRequest(
        called_ae="ANY-SCP",
        calling_ae="ECHOSCU",
        contexts=(ProposedContext(1, VERIFICATION),),
        user=UserInformation(
            maximum_length=16_384, implementation_class_uid="1.2.3", implementation_version_name="NAME"
        ),
    )
    expected = (
        bytes.fromhex("0100 000000a1 0001 0000")
        + b"ANY-SCP         ECHOSCU         "
        + bytes(32)
        + bytes.fromhex("1000 0015")
        + b"1.2.840.10008.3.1.1.1"
        + bytes.fromhex("2000 002e 01000000 3000 0011")
        + b"1.2.840.10008.1.1"
        + bytes.fromhex("4000 0011")
        + b"1.2.840.10008.1.2"
        + bytes.fromhex("5000 0019 5100 0004 00004000 5200 0005")
        + b"1.2.3"
        + bytes.fromhex("5500 0004")
        + b"NAME"
    )
    assert encode_pdu(ours) == expected[:5] + bytes([len(expected) - 6]) + expected[6:]


def test_a_recorded_request_is_read() -> None:
    read = request(recorded.a_associate_rq)
    assert (read.called_ae, read.calling_ae) == ("ANY-SCP", "ECHOSCU")
    assert read.contexts == (ProposedContext(1, VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN,)),)
    assert read.user.maximum_length == 16_382


def test_recorded_negotiations_are_read() -> None:
    assert request(recorded.a_associate_rq_user_async).user.asynchronous == AsynchronousOperations(5, 5)
    assert request(recorded.a_associate_rq_role).user.roles == (RoleSelection(CT_IMAGE_STORAGE, False, True),)
    identity = request(recorded.a_associate_rq_user_id_user_pass).user.identity
    assert identity == UserIdentity(2, b"pynetdicom", b"p4ssw0rd")
    common = accept(recorded.a_associate_rq_com_ext_neg).user.common_extended
    assert common == (
        CommonExtendedNegotiation(
            "1.2.840.10008.5.1.4.1.1.4",
            "1.2.840.10008.4.2",
            ("1.2.840.10008.5.1.4.1.1.88.22",),
        ),
    )
    assert accept(with_true_length(recorded.a_associate_ac_user)).user.identity_response == b"Accepted"


def test_answers_without_a_transfer_syntax_are_read() -> None:
    assert accept(recorded.a_associate_ac_no_ts).contexts == (AnsweredContext(1, 3, ""),)
    refused = [context for context in accept(recorded.a_associate_ac_zero_ts).contexts if context.result]
    assert {(context.result, context.transfer_syntax) for context in refused} == {(3, "")}


def test_a_recorded_echo_is_read() -> None:
    transfer = decode_pdu(recorded.p_data_tf)
    assert isinstance(transfer, DataTransfer)
    [value] = transfer.values
    assert (value.context_id, value.is_command, value.is_last) == (1, True, True)
    command = decode_command(value.fragment)
    assert (command.affected_sop_class_uid, command.status, command.responded_to) == (VERIFICATION, 0, 1)


def test_one_abstract_syntax_that_is_no_uid_does_not_cost_the_others() -> None:
    good = request(recorded.a_associate_rq)
    items = recorded.presentation_context_rq + recorded.presentation_context_rq_utf8
    raw = recorded.a_associate_rq.replace(recorded.presentation_context_rq, items)
    strange = request(with_true_length(raw))
    assert strange.contexts[0] == good.contexts[0]
    assert len(strange.contexts) == 2


def test_an_answer_without_implementation_class_is_accepted() -> None:
    raw = encode_pdu(
        AssociateAccept(
            called_ae="A",
            calling_ae="B",
            contexts=(AnsweredContext(1, 0),),
            user=UserInformation(implementation_class_uid=None, implementation_version_name=None),
        )
    )
    assert accept(raw).user.implementation_class_uid is None


def test_unknown_items_are_passed_over() -> None:
    whole = encode_pdu(AssociateRequest(called_ae="A", calling_ae="B", contexts=(ProposedContext(1, VERIFICATION),)))
    unknown = bytes.fromhex("5a00 0003 010203")
    start = whole.index(bytes.fromhex("51000004")) - 4
    user = whole[start + 4 :] + unknown
    raw = whole[:start] + b"\x50\0" + len(user).to_bytes(2, "big") + user + bytes.fromhex("6600 0002 0000")
    assert decode_pdu(with_true_length(raw)) == decode_pdu(whole)


def test_secrets_and_data_stay_out_of_the_representation() -> None:
    shown = repr(UserIdentity(2, b"alice-name", b"hunter2"))
    shown += repr(DataTransfer((PresentationDataValue(1, False, True, b"CANARY^NAME"),)))
    assert not [secret for secret in ("alice-name", "hunter2", "CANARY") if secret in shown]
