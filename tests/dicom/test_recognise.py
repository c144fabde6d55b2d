"""One hello, and the strict reading of what comes back (no false positive on what is not DICOM)."""

import pytest

from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    UserInformation,
)
from lightproof.dicom.recognise import Verdict, association_request, recognise
from lightproof.dicom.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    IMPLICIT_VR_LITTLE_ENDIAN,
    VERIFICATION,
)

ACCEPT = encode_pdu(
    AssociateAccept(
        called_ae="ANY-SCP",
        calling_ae="LIGHTPROOF",
        contexts=(AnsweredContext(1, 0), AnsweredContext(3, 3)),
        user=UserInformation(
            maximum_length=4_096, implementation_class_uid="1.2.3", implementation_version_name="PRODUCT_1"
        ),
    )
)


def test_the_hello_is_short_honest_and_proposes_verification_alone() -> None:
    hello = association_request("LIGHTPROOF", "ANY-SCP")
    assert 185 <= len(hello) <= 225
    request = decode_pdu(hello)
    assert isinstance(request, AssociateRequest)
    assert (request.calling_ae, request.called_ae) == ("LIGHTPROOF", "ANY-SCP")
    assert [c.abstract_syntax for c in request.contexts] == [VERIFICATION]
    assert request.contexts[0].transfer_syntaxes == (IMPLICIT_VR_LITTLE_ENDIAN,)
    assert request.user.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert IMPLEMENTATION_CLASS_UID.startswith("2.25.")
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16


@pytest.mark.parametrize(
    ("raw", "verdict"),
    [
        (ACCEPT, Verdict.ACCEPTED),
        (encode_pdu(AssociateReject(1, 1, 7)), Verdict.REJECTED),
        (encode_pdu(AssociateReject(2, 3, 56)), Verdict.REJECTED),
        (encode_pdu(Abort(2, 1)), Verdict.ABORTED),
    ],
)
def test_one_byte_at_a_time_gives_the_verdict_of_the_whole(raw: bytes, verdict: Verdict) -> None:
    verdicts = [recognise(bytearray(raw[:held])).verdict for held in range(len(raw) + 1)]
    assert verdicts == [Verdict.NEED_MORE] * len(raw) + [verdict]
    assert recognise(raw + b"what follows").verdict is verdict


def test_an_acceptance_tells_who_speaks() -> None:
    recognition = recognise(ACCEPT)
    assert recognition.implementation_class_uid == "1.2.3"
    assert recognition.implementation_version_name == "PRODUCT_1"
    assert recognition.maximum_length == 4_096
    assert recognition.accepted_contexts == (1,)


def test_a_rejection_tells_who_refuses_and_why_even_when_no_table_knows() -> None:
    recognition = recognise(encode_pdu(AssociateReject(1, 2, 56)))
    assert (recognition.result, recognition.source, recognition.reason) == (1, 2, 56)


def test_an_acceptance_without_implementation_class_is_dicom() -> None:
    raw = encode_pdu(
        AssociateAccept(
            called_ae="",
            calling_ae="",
            contexts=(),
            user=UserInformation(implementation_class_uid=None, implementation_version_name=None),
        )
    )
    recognition = recognise(raw)
    assert recognition.verdict is Verdict.ACCEPTED
    assert recognition.implementation_class_uid is None


def with_byte(raw: bytes, place: int, value: int) -> bytes:
    return raw[:place] + bytes([value]) + raw[place + 1 :]


USER_INFORMATION = ACCEPT.index(bytes.fromhex("51000004")) - 4
WITHOUT_USER = ACCEPT[:USER_INFORMATION]

NOT_DICOM = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2",
    "echo of our hello": association_request("LIGHTPROOF", "ANY-SCP"),
    "TPKT": bytes.fromhex("0300000b06d00000123400"),
    "TLS alert": bytes.fromhex("15030100020246"),
    "reject of length 5": bytes.fromhex("0300000000050001010100"),
    "reject with result 0": bytes.fromhex("03000000000400000107"),
    "reject with result 3": bytes.fromhex("03000000000400030107"),
    "reject with source 4": bytes.fromhex("03000000000400010407"),
    "abort of length 3": bytes.fromhex("070000000003000000"),
    "reserved byte set": with_byte(ACCEPT, 1, 1),
    "acceptance shorter than its fixed part": bytes.fromhex("020000000043") + bytes(67),
    "acceptance that declares 131,073 bytes": bytes.fromhex("020000020001"),
    "acceptance that declares 4 GiB": bytes.fromhex("0200ffffffff"),
    "acceptance without version": with_byte(ACCEPT, 7, 0),
    "acceptance of another application": ACCEPT.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2"),
    "acceptance without user information": WITHOUT_USER[:2]
    + (len(WITHOUT_USER) - 6).to_bytes(4, "big")
    + WITHOUT_USER[6:],
    "acceptance with an item past its end": with_byte(ACCEPT, USER_INFORMATION + 3, 0xFF),
    "junk that starts with 2": bytes.fromhex("02") + b"junkjunkjunk",
    "junk that starts with 3": bytes.fromhex("03") + b"junkjunkjunk",
}


@pytest.mark.parametrize("raw", NOT_DICOM.values(), ids=NOT_DICOM.keys())
def test_what_is_not_dicom_is_told_apart(raw: bytes) -> None:
    assert recognise(raw).verdict is Verdict.NOT_DICOM


@pytest.mark.parametrize("raw", [NOT_DICOM["HTTP"], NOT_DICOM["TPKT"], NOT_DICOM["acceptance that declares 4 GiB"]])
def test_a_refusal_needs_no_more_than_the_header(raw: bytes) -> None:
    assert recognise(raw[:6]).verdict is Verdict.NOT_DICOM
