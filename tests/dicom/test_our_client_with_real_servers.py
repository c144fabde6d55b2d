"""Our requestor against dcmtk, Orthanc and pynetdicom servers."""

import socket
from collections.abc import Callable

import pytest
from pydicom import dcmread

from lightproof.dicom.dataset import QUERY_RETRIEVE_LEVEL, STUDY_INSTANCE_UID, Element, encode_data_set, pick
from lightproof.dicom.dimse import (
    CommandField,
    StatusCategory,
    cancel_request,
    echo_request,
    find_request,
    get_request,
    move_request,
    store_request,
)
from lightproof.dicom.messages import Message
from lightproof.dicom.pdu import Abort, AssociateAccept, AssociateReject, ReleaseReply, RoleSelection
from lightproof.dicom.recognise import Verdict, association_request, recognise
from lightproof.dicom.uids import (
    CR_IMAGE_STORAGE,
    CT_IMAGE_STORAGE,
    EXPLICIT_VR_LITTLE_ENDIAN,
    MODALITY_WORKLIST_FIND,
    MR_IMAGE_STORAGE,
    PATIENT_ROOT_FIND,
    SECONDARY_CAPTURE_STORAGE,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    XA_IMAGE_STORAGE,
)
from peers.dcmtk import DicomPeer
from peers.images import Study, an_instance, decoded, encoded, paths_of
from peers.lightproof_client import ZERO_MATCH, Client, calling
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer

LADDER = (
    VERIFICATION,
    STUDY_ROOT_FIND,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_GET,
    MODALITY_WORKLIST_FIND,
    CT_IMAGE_STORAGE,
    MR_IMAGE_STORAGE,
    CR_IMAGE_STORAGE,
    SECONDARY_CAPTURE_STORAGE,
    XA_IMAGE_STORAGE,
)
ALL_STUDIES = encode_data_set((Element(QUERY_RETRIEVE_LEVEL, "CS", "STUDY"), Element(STUDY_INSTANCE_UID, "UI")))


def climb(client: Client, called: str) -> list[Message | Abort]:
    """Echo, zero-match C-FIND and zero-match C-GET in one association; each step's final answer."""
    assert isinstance(client.associate(called, LADDER), AssociateAccept)
    steps: list[Message | Abort] = []
    for uid, command, identifier in (
        (VERIFICATION, echo_request(1, VERIFICATION), None),
        (STUDY_ROOT_FIND, find_request(2, STUDY_ROOT_FIND), ZERO_MATCH),
        (STUDY_ROOT_GET, get_request(3, STUDY_ROOT_GET), ZERO_MATCH),
    ):
        answered = client.ask(Message(client.context(uid), command, identifier))
        assert isinstance(answered, Message | Abort)
        steps.append(answered)
        if isinstance(answered, Abort):
            return steps
    assert isinstance(client.release(), ReleaseReply)
    return steps


def within_the_budget(client: Client) -> bool:
    return client.association.bytes_out <= 1_100 and client.association.bytes_in <= 800


def test_the_ladder_climbs_dcmqrscp_within_its_budget(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]
) -> None:
    archive = dcmqrscp()
    archive.load(paths_of(studies))
    with calling(archive.port) as client:
        steps = climb(client, archive.ae_title)
        assert [step.command.status for step in steps if isinstance(step, Message)] == [0, 0, 0]
        assert within_the_budget(client)


def test_the_ladder_climbs_an_open_orthanc_within_its_budget(orthanc: Callable[..., Orthanc]) -> None:
    server = orthanc({"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True})
    with calling(server.dicom_port) as client:
        steps = climb(client, "ANY-SCP")
        assert [step.command.status for step in steps if isinstance(step, Message)] == [0, 0, 0xC000]
        assert within_the_budget(client)


def test_a_default_orthanc_echoes_and_aborts_the_query(orthanc: Callable[..., Orthanc]) -> None:
    server = orthanc()
    with calling(server.dicom_port) as client:
        echoed, aborted = climb(client, "ANY-SCP")
        assert isinstance(echoed, Message)
        assert isinstance(aborted, Abort)
        assert client.association.closed


def test_the_ladder_climbs_pynetdicom_within_its_budget(pynetdicom_scp: Callable[..., PynetdicomPeer]) -> None:
    server = pynetdicom_scp()
    with calling(server.port) as client:
        steps = climb(client, server.ae_title)
        assert [step.command.status for step in steps if isinstance(step, Message)] == [0, 0, 0]
        assert within_the_budget(client)
    assert server.requests == ["C-ECHO", "C-FIND", "C-GET"]


def test_every_study_of_dcmqrscp_is_found_and_its_identifier_read(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]
) -> None:
    archive = dcmqrscp()
    archive.load(paths_of(studies))
    with calling(archive.port) as client:
        client.associate(archive.ae_title, [STUDY_ROOT_FIND])
        responses = client.run(client.context(STUDY_ROOT_FIND), find_request(1, STUDY_ROOT_FIND), ALL_STUDIES)
    found = {
        bytes(pick(r.data_set, {STUDY_INSTANCE_UID})[STUDY_INSTANCE_UID]).rstrip(b"\0").decode()
        for r in responses
        if r.data_set is not None
    }
    assert found == {study.study_uid for study in studies}


def test_a_cancel_is_understood(dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...]) -> None:
    archive = dcmqrscp()
    archive.load(paths_of(studies))
    with calling(archive.port) as client:
        client.associate(archive.ae_title, [STUDY_ROOT_FIND])
        context = client.context(STUDY_ROOT_FIND)
        client.say(Message(context, find_request(1, STUDY_ROOT_FIND), ALL_STUDIES))
        client.say(Message(context, cancel_request(1)))
        while True:
            event = client.hear()
            assert isinstance(event, Message)
            if event.command.category is not StatusCategory.PENDING:
                break
        assert event.command.category in (StatusCategory.CANCEL, StatusCategory.SUCCESS)
        assert isinstance(client.release(), ReleaseReply)


@pytest.mark.parametrize("syntax", [EXPLICIT_VR_LITTLE_ENDIAN, None], ids=["explicit", "implicit"])
def test_what_we_store_comes_back_by_get_byte_for_byte(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...], syntax: str | None
) -> None:
    archive = dcmqrscp()
    image = dcmread(studies[0].paths[0])
    raw = encoded(image, explicit=syntax is not None)
    syntaxes = [syntax] if syntax else None
    with calling(archive.port) as client:
        client.associate(archive.ae_title, [SECONDARY_CAPTURE_STORAGE], transfer_syntaxes=syntaxes)
        request = store_request(1, SECONDARY_CAPTURE_STORAGE, image.SOPInstanceUID)
        [stored] = client.run(client.context(SECONDARY_CAPTURE_STORAGE), request, raw)
        assert stored.command.status == 0
        assert stored.command.affected_sop_instance_uid == image.SOPInstanceUID
        client.release()
    with calling(archive.port) as client:
        roles = [RoleSelection(SECONDARY_CAPTURE_STORAGE, scu=False, scp=True)]
        abstract = [STUDY_ROOT_GET, SECONDARY_CAPTURE_STORAGE]
        client.associate(archive.ae_title, abstract, transfer_syntaxes=syntaxes, roles=roles)
        wanted = encode_data_set(
            (
                Element(QUERY_RETRIEVE_LEVEL, "CS", "STUDY"),
                Element(STUDY_INSTANCE_UID, "UI", studies[0].study_uid),
            ),
            explicit=syntax is not None,
        )
        client.say(Message(client.context(STUDY_ROOT_GET), get_request(1, STUDY_ROOT_GET), wanted))
        came: list[bytes] = []
        while True:
            event = client.hear()
            assert isinstance(event, Message)
            if event.command.command_field == CommandField.C_STORE:
                came.append(bytes(event.data_set or b""))
                client.say(Message(event.context_id, event.command.answered(0)))
            elif event.command.category is not StatusCategory.PENDING:
                assert event.command.completed == 1
                break
        client.release()
    assert decoded(came[0], explicit=syntax is not None) == decoded(raw, explicit=syntax is not None)


def test_a_move_reaches_its_destination(
    dcmqrscp: Callable[..., DicomPeer], storescp: Callable[..., DicomPeer], studies: tuple[Study, ...]
) -> None:
    receiver = storescp(ae_title="RECEIVER")
    archive = dcmqrscp(hosts={"receiver": ("RECEIVER", receiver.port)})
    archive.load(paths_of(studies))
    with calling(archive.port) as client:
        client.associate(archive.ae_title, [STUDY_ROOT_MOVE])
        wanted = encode_data_set(
            (Element(QUERY_RETRIEVE_LEVEL, "CS", "STUDY"), Element(STUDY_INSTANCE_UID, "UI", studies[1].study_uid))
        )
        request = move_request(1, STUDY_ROOT_MOVE, destination="RECEIVER")
        final = client.run(client.context(STUDY_ROOT_MOVE), request, wanted)[-1]
        assert (final.command.status, final.command.completed) == (0, 2)
    assert len(list(receiver.folder.iterdir())) == 2


def test_a_large_image_goes_in_the_fragments_that_storescp_takes(storescp: Callable[..., DicomPeer]) -> None:
    receiver = storescp(options=["-pdu", "4096"])
    image = an_instance(side=512)
    with calling(receiver.port) as client:
        client.associate("ANY", [SECONDARY_CAPTURE_STORAGE])
        request = store_request(1, SECONDARY_CAPTURE_STORAGE, image.SOPInstanceUID)
        [stored] = client.run(client.context(SECONDARY_CAPTURE_STORAGE), request, encoded(image, explicit=False))
        assert stored.command.status == 0
    [path] = receiver.folder.iterdir()
    assert dcmread(path).PixelData == image.PixelData


def test_rejections_carry_who_and_why(
    dcmqrscp: Callable[..., DicomPeer],
    orthanc: Callable[..., Orthanc],
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    guarded = orthanc({"DicomCheckCalledAet": True})
    for port, expected in (
        (dcmqrscp().port, AssociateReject(1, 1, 7)),
        (guarded.dicom_port, AssociateReject(1, 1, 7)),
        (pynetdicom_scp(check_called=True).port, AssociateReject(1, 1, 7)),
        (pynetdicom_scp(allowed_calling=["FRIEND"]).port, AssociateReject(1, 1, 3)),
    ):
        with calling(port) as client:
            assert client.associate("STRANGE", [VERIFICATION]) == expected
            assert client.association.closed


def test_each_peer_is_recognised_from_one_hello(
    dcmqrscp: Callable[..., DicomPeer],
    storescp: Callable[..., DicomPeer],
    orthanc: Callable[..., Orthanc],
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    hello = association_request("LIGHTPROOF", "ANY-SCP")
    assert 185 <= len(hello) <= 225
    for port, verdict, version in (
        (dcmqrscp().port, Verdict.REJECTED, None),
        (storescp().port, Verdict.ACCEPTED, "OFFIS_DCMTK_367"),
        (orthanc().dicom_port, Verdict.ACCEPTED, "OFFIS_DCMTK_367"),
        (pynetdicom_scp().port, Verdict.ACCEPTED, "PYNETDICOM_304"),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(hello)
            received = bytearray()
            while recognise(received).verdict is Verdict.NEED_MORE:
                received += connection.recv(1)
        recognition = recognise(received)
        assert (recognition.verdict, recognition.implementation_version_name) == (verdict, version)
