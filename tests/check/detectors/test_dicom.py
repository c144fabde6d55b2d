"""The DICOM ladder against real archives: what each lets a stranger do, and that no patient data was taken for it."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pynetdicom import AE

from check.observing import reported
from check.services import serving
from check.visiting import NOW, facts_of, signals_of, visit
from lightproof.check.consent import MOST_TITLES, Consent
from lightproof.check.detectors import dicom, dicom_tls
from lightproof.check.wire import Wire
from lightproof.dicom.association import Association
from lightproof.dicom.dimse import UNABLE_TO_PROCESS, CommandField
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer
from lightproof.dicom.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ReleaseReply,
    ReleaseRequest,
)
from lightproof.dicom.uids import (
    BASIC_GRAYSCALE_PRINT,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    MODALITY_WORKLIST_FIND,
    STORAGE_COMMITMENT,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    VERIFICATION,
)
from lightproof.evidence.records import Facts, Target
from peers.certificates import Certificates
from peers.dcmtk import DicomPeer
from peers.images import Study, paths_of
from peers.orthanc import Orthanc
from peers.pynetdicom_server import PynetdicomPeer

DETECTORS = (dicom.DETECTOR, dicom_tls.DETECTOR)
REACHABLE = Facts(reachable=True)
OFFERS_NEITHER = Facts(reachable=True, open=True, listable=False, downloadable=False)
"""Neither queries nor retrievals, in none of the forms there are."""


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


async def test_a_default_orthanc_is_open_and_not_listable(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc()
    server.load(paths_of(studies))
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == Facts(reachable=True, open=True, listable=False, downloadable=False)
    assert seen.unchecked == ()


async def test_an_orthanc_that_knows_us_as_a_modality_is_listable_and_downloadable(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc({"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True})
    server.load(paths_of(studies))
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == Facts(reachable=True, open=True, listable=True, downloadable=True)
    assert all(canary not in repr(seen) for study in studies for canary in study.canaries)


async def test_an_orthanc_that_lets_everyone_get_but_not_find_is_downloadable(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc({"DicomAlwaysAllowGet": True})
    server.load(paths_of(studies))
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    facts = facts_of(seen, "dicom")
    assert (facts.listable, facts.downloadable) == (False, True)


@pytest.mark.parametrize("stores", [True, False])
async def test_that_storage_is_offered_is_no_fact_whatever_the_product_does_by_default(
    orthanc: Callable[..., Orthanc], stores: bool
) -> None:
    # Orthanc accepts storage contexts even of those whose C-STORE it will refuse; only storing would tell.
    server = orthanc({"DicomAlwaysAllowStore": stores})
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    offered = next(o for o in seen.observations if o.signal == "dicom-storage-offered")
    assert offered.details == {"stored_by_default": True}
    assert facts_of(seen, "dicom").writable is None


@pytest.mark.parametrize(
    ("takes", "services"),
    [
        ((VERIFICATION, BASIC_GRAYSCALE_PRINT), "print"),
        (
            (VERIFICATION, MODALITY_WORKLIST_FIND, MODALITY_PERFORMED_PROCEDURE_STEP, STORAGE_COMMITMENT),
            "storage commitment, performed procedure steps",
        ),
        ((VERIFICATION, MODALITY_WORKLIST_FIND), None),
    ],
)
async def test_a_service_that_offers_changes_is_told_and_asked_for_none(
    pynetdicom_scp: Callable[..., PynetdicomPeer], takes: Sequence[str], services: str | None
) -> None:
    def configure(ae: AE) -> None:
        ae.supported_contexts = []
        for uid in takes:
            ae.add_supported_context(uid)

    server = pynetdicom_scp(configure=configure)
    seen = await visit(at(server.port), detectors=DETECTORS)
    offered = [o for o in seen.observations if o.signal == "dicom-changes-offered"]
    assert [o.details["services"] for o in offered] == ([services] if services else [])
    assert facts_of(seen, "dicom").writable is None
    assert set(server.requests) <= {"C-ECHO", "C-FIND"}
    if offered:
        assert "dicom-changes-offered" in {finding.rule for finding in reported(seen.observations).findings}


async def test_an_orthanc_that_checks_its_ae_title_is_only_reachable(orthanc: Callable[..., Orthanc]) -> None:
    server = orthanc({"DicomCheckCalledAet": True})
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == REACHABLE
    assert "dicom-called-ae-checked" in signals_of(seen)


async def test_an_orthanc_with_tls_is_dicom_tls(orthanc: Callable[..., Orthanc], certificates: Certificates) -> None:
    server = orthanc(
        {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(certificates.server_certificate),
            "DicomTlsPrivateKey": str(certificates.server_key),
            "DicomTlsTrustedCertificates": str(certificates.authority),
            "DicomTlsRemoteCertificateRequired": False,
        }
    )
    seen = await visit(at(server.dicom_port), detectors=DETECTORS)
    assert facts_of(seen, "dicom-tls").open
    assert "dicom-tls-accepted" in signals_of(seen)


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ("RW", Facts(reachable=True, open=True, listable=True, downloadable=True)),
        ("R", Facts(reachable=True, open=True, listable=True, downloadable=True)),
    ],
)
async def test_a_dcmqrscp_gives_everything_to_whoever_names_it(
    dcmqrscp: Callable[..., DicomPeer], studies: tuple[Study, ...], access: str, expected: Facts
) -> None:
    server = dcmqrscp(access=access)
    if access == "RW":
        server.load(paths_of(studies))
    stranger = await visit(at(server.port), detectors=DETECTORS)
    assert facts_of(stranger, "dicom") == REACHABLE
    assert stranger.unchecked == ()
    guest = await visit(at(server.port), detectors=DETECTORS, consent=Consent(called_aes=("WRONG", server.ae_title)))
    assert facts_of(guest, "dicom") == expected
    assert "dicom-called-ae-guessed" in signals_of(guest)


async def test_a_dcmqrscp_with_known_callers_refuses_us(dcmqrscp: Callable[..., DicomPeer]) -> None:
    server = dcmqrscp(peers="friend", hosts={"friend": ("FRIEND", 11199)})
    seen = await visit(at(server.port), detectors=DETECTORS, consent=Consent(called_aes=(server.ae_title,)))
    assert facts_of(seen, "dicom") == REACHABLE


async def test_a_storescp_takes_images_and_shows_none(storescp: Callable[..., DicomPeer]) -> None:
    seen = await visit(at(storescp().port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == OFFERS_NEITHER
    assert "dicom-storage-offered" in signals_of(seen)


async def test_a_storescp_in_tls_demands_our_certificate(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    # The port is nobody's in particular: without a registered DICOM port a TLS service stays unnamed.
    server = storescp(tls=certificates)
    wire = Wire(at(server.port), detector="dicom_tls", now=lambda: NOW, tls=True)
    seen = [observation async for observation in dicom_tls.detect(wire)]
    assert seen[0].signal == "dicom-tls-mutual"
    assert seen[0].protections == ("tls", "mutual-tls")


async def test_a_storescp_in_tls_without_client_certificates_takes_images(
    storescp: Callable[..., DicomPeer], certificates: Certificates
) -> None:
    server = storescp(tls=certificates, options=["-ic"])
    seen = await visit(at(server.port), detectors=DETECTORS)
    assert "dicom-storage-offered" in signals_of(seen)
    assert "dicom-tls-accepted" in signals_of(seen)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Facts(reachable=True, open=True, listable=True, downloadable=True)),
        ({"answers_queries": False, "answers_retrievals": False}, OFFERS_NEITHER),
        ({"answers_retrievals": False}, Facts(reachable=True, open=True, listable=True, downloadable=False)),
        ({"stores": False, "answers_queries": False, "answers_retrievals": False}, OFFERS_NEITHER),
        ({"check_called": True}, REACHABLE),
        ({"allowed_calling": ("FRIEND",)}, REACHABLE),
    ],
)
async def test_pynetdicom_servers_are_told_apart(
    pynetdicom_scp: Callable[..., PynetdicomPeer], settings: dict[str, object], expected: Facts
) -> None:
    seen = await visit(at(pynetdicom_scp(**settings).port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == expected


async def test_queries_that_are_taken_in_another_form_alone_are_found(
    pynetdicom_scp: Callable[..., PynetdicomPeer],
) -> None:
    def patient_root_alone(entity: AE) -> None:
        for uid in (STUDY_ROOT_FIND, STUDY_ROOT_GET, MODALITY_WORKLIST_FIND):
            entity.remove_supported_context(uid)

    seen = await visit(at(pynetdicom_scp(configure=patient_root_alone).port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == Facts(reachable=True, open=True, listable=True, downloadable=True)


async def test_only_reading_requests_are_ever_sent(pynetdicom_scp: Callable[..., PynetdicomPeer]) -> None:
    server = pynetdicom_scp()
    await visit(at(server.port), detectors=DETECTORS)
    assert set(server.requests) <= {"C-ECHO", "C-FIND", "C-GET"}


async def test_counting_needs_consent_and_keeps_no_identifier(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc({"DicomAlwaysAllowFind": True})
    server.load(paths_of(studies))
    without = await visit(at(server.dicom_port), detectors=DETECTORS)
    assert all(not observation.counts for observation in without.observations)
    counted = await visit(at(server.dicom_port), detectors=DETECTORS, consent=Consent(count=True, key=b"k" * 32))
    counts = next(o.counts for o in counted.observations if o.signal == "dicom-counted")
    assert counts["studies"] == len(studies)
    assert counts["patients"] == len(studies)
    assert all(canary not in repr(counted) for study in studies for canary in study.canaries)


@pytest.mark.parametrize(
    ("counts", "downloadable"),
    [
        ({"completed": 0, "failed": 0, "warning": 0}, True),
        ({"completed": 0, "failed": 3, "warning": 0}, None),
        ({}, None),
    ],
    ids=["none", "failed ones", "not told"],
)
async def test_a_failed_get_was_run_only_if_it_tells_of_no_sub_operations(
    counts: dict[str, int], downloadable: bool | None
) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        association = Association.accept(collect=65_536)
        while data := await reader.read(65_536):
            for event in association.receive(data):
                if isinstance(event, AssociateRequest):
                    accept = answer(event, {STUDY_ROOT_GET: Service()})
                    assert isinstance(accept, AssociateAccept)
                    dcmtk = replace(accept.user, implementation_class_uid="1.2.276.0.7230010.3.0.3.6.7")
                    writer.write(association.send(replace(accept, user=dcmtk)))
                elif isinstance(event, Message):
                    failed = event.command.answered(UNABLE_TO_PROCESS, **counts)
                    writer.write(association.send(Message(event.context_id, failed)))
                elif isinstance(event, ReleaseRequest):
                    writer.write(association.send(ReleaseReply()))
            await writer.drain()

    async with serving(behave) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicom").downloadable is downloadable


async def test_every_title_that_may_be_guessed_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dicom.DETECTOR.guess_s >= dicom._PAUSE_BETWEEN_GUESSES_S  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(dicom, "_PAUSE_BETWEEN_GUESSES_S", 0.001)
    called: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(6)
        request = await reader.readexactly(int.from_bytes(head[2:]))
        called.append(request[4:20].decode().strip())
        writer.write(bytes.fromhex("03 00 00000004 00 01 01 07"))
        await reader.read()

    titles = tuple(f"PACS{number}" for number in range(MOST_TITLES))
    async with serving(behave) as port:
        seen = await visit(at(port), detectors=DETECTORS, consent=Consent(called_aes=titles))
    assert seen.unchecked == ()
    assert [title for title in called if title.startswith("PACS")] == list(titles)


Reply = Callable[[Message, int], int | None]
"""The status of the answer to a request on the n-th connection; None to abort."""


@asynccontextmanager
async def an_archive(
    reply: Reply,
    *,
    refuses: Callable[[int], AssociateReject | Abort | None] = lambda _n: None,
    takes: Sequence[str] = (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_GET),
):
    """An archive that takes queries, retrievals and echoes, or what it is told, and answers each as it is told."""
    connections = itertools.count(1)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(connections)
        association = Association.accept(collect=65_536)
        while data := await reader.read(65_536):
            for event in association.receive(data):
                if isinstance(event, AssociateRequest):
                    writer.write(association.send(refuses(number) or answer(event, dict.fromkeys(takes, Service()))))
                elif isinstance(event, Message):
                    status = reply(event, number)
                    if status is None:
                        writer.write(association.send(Abort(0, 0)))
                        await writer.drain()
                        return
                    writer.write(association.send(Message(event.context_id, event.command.answered(status))))
                elif isinstance(event, ReleaseRequest):
                    writer.write(association.send(ReleaseReply()))
            await writer.drain()

    async with serving(behave) as port:
        yield port


def asked(message: Message) -> CommandField:
    return CommandField(message.command.command_field)


@pytest.mark.parametrize("unclear", [CommandField.C_FIND, CommandField.C_GET])
async def test_a_failure_that_says_nothing_is_told_as_unchecked(unclear: CommandField) -> None:
    out_of_resources = 0xA700
    async with an_archive(lambda message, _n: out_of_resources if asked(message) is unclear else 0) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    facts = facts_of(seen, "dicom")
    assert (facts.listable if unclear is CommandField.C_FIND else facts.downloadable) is None
    assert [entry.reason for entry in seen.unchecked] == ["query-unclear"]


async def test_an_archive_that_answers_or_refuses_every_query_leaves_nothing_unchecked() -> None:
    async with an_archive(lambda message, _n: 0x0124 if asked(message) is CommandField.C_FIND else 0) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == Facts(reachable=True, open=True, listable=False, downloadable=True)
    assert seen.unchecked == ()


async def test_queries_that_were_never_asked_are_told_as_unchecked() -> None:
    """It aborts on the echo, and rejects whoever comes back; the first call only finds out what is spoken there."""
    rejected = AssociateReject(1, 1, 1)
    async with an_archive(lambda _message, _n: None, refuses=lambda n: rejected if n > 2 else None) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == REACHABLE
    assert [entry.reason for entry in seen.unchecked] == ["query-unclear"]


@pytest.mark.parametrize("first", [1, 2], ids=["at once", "once it was recognised"])
async def test_an_association_that_is_aborted_instead_of_answered_is_told_as_unchecked(first: int) -> None:
    abort = Abort(2, 0)
    async with an_archive(lambda _message, _n: None, refuses=lambda n: abort if n >= first else None) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicom") == REACHABLE
    assert signals_of(seen) == {"dicom-aborted"}
    assert [entry.reason for entry in seen.unchecked] == ["association-aborted"]


@pytest.mark.parametrize("times", [1, 1_000], ids=["once", "always"])
async def test_congestion_that_persists_is_told_as_unchecked(times: int) -> None:
    congested = AssociateReject(2, 3, 1)
    async with an_archive(lambda _message, _n: 0, refuses=lambda n: congested if n <= times + 1 else None) as port:
        # The first connection is that of whoever finds out what is spoken there.
        seen = await visit(at(port), detectors=DETECTORS)
    reasons = [entry.reason for entry in seen.unchecked]
    assert reasons == ([] if times == 1 else ["server-busy"])
    assert facts_of(seen, "dicom").listable is (True if times == 1 else None)


async def test_a_refused_worklist_refutes_nothing_where_the_other_query_was_unclear() -> None:
    def unclear_about_studies(message: Message, _number: int) -> int:
        return 0xA700 if message.command.affected_sop_class_uid == STUDY_ROOT_FIND else 0x0124

    queries = (STUDY_ROOT_FIND, MODALITY_WORKLIST_FIND)
    async with an_archive(unclear_about_studies, takes=queries) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dicom").listable is None
    assert "query-unclear" in [entry.reason for entry in seen.unchecked]
