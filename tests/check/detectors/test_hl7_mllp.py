"""What listens where HL7 interfaces do: no HL7 is said to it, and nothing is claimed that was not seen."""

import asyncio
from collections.abc import Callable
from functools import partial

from check import looking
from check.recording import recording
from check.services import closing, dripping, saying, serving
from check.truth import seen_at
from check.visiting import facts_of, signals_of, visit
from lightproof.check.consent import Consent
from lightproof.check.detectors.hl7_mllp import DETECTOR, detect
from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.dicom.recognise import association_request
from lightproof.evidence.records import Facts
from peers.dcmtk import DicomPeer

look = partial(looking.look, detect)

GREETING = b"\x0bMSH|^~\\&|RIS|PRACTICE|||20261123||ACK|1|P|2.5\r\x1c\r"


async def acknowledging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HL7 interface: it answers messages that are framed as MLLP wants, and nothing else."""
    while data := await reader.read(4_096):
        if data.startswith(b"\x0b"):
            writer.write(GREETING)


async def test_a_silent_listener_is_presumed_and_nothing_is_said_to_it() -> None:
    async with serving(acknowledging) as service, recording(service) as record:
        seen = await look(record.port)
    assert seen.signals == {"hl7-mllp-listening"}
    assert seen.facts == Facts(reachable=True)
    assert seen.one("hl7-mllp-listening").details == {"presumed": True}
    assert record.sent == b""


async def test_a_listener_that_speaks_hl7_first_is_one() -> None:
    async with serving(saying(GREETING, on_request=False)) as port:
        seen = await look(port)
    assert seen.one("hl7-mllp-listening").details == {"presumed": False}
    assert "RIS" not in repr(seen)


async def test_what_closes_or_says_something_else_is_not_spoken_of() -> None:
    for behaviour in (closing, saying(b"SSH-2.0-OpenSSH\r\n", on_request=False), dripping(b"login: ")):
        async with serving(behaviour) as port:
            seen = await look(port)
        assert (seen.observations, seen.violation) == ([], None)


def test_what_is_asked_of_a_silent_port_begins_no_message() -> None:
    assert b"\x0b" not in association_request(CALLING_AE, CALLED_AE)


async def test_a_silent_port_is_asked_for_an_association_and_nothing_else() -> None:
    async with serving(acknowledging) as service, recording(service) as record:
        async with seen_at(record.port, 2575) as target:
            seen = await visit(target)
    assert signals_of(seen) == {"hl7-mllp-listening"}
    assert seen.unchecked == ()
    assert record.sent == association_request(CALLING_AE, CALLED_AE)


async def test_what_speaks_hl7_is_asked_for_nothing() -> None:
    async with serving(saying(GREETING, on_request=False)) as service, recording(service) as record:
        async with seen_at(record.port, 2575) as target:
            seen = await visit(target)
    assert signals_of(seen) == {"hl7-mllp-listening"}
    assert record.sent == b""


async def test_an_archive_on_a_port_of_hl7_is_found(
    dcmqrscp: Callable[..., DicomPeer], storescp: Callable[..., DicomPeer]
) -> None:
    for port, called in ((dcmqrscp().port, ("COMMON",)), (storescp().port, ())):
        async with seen_at(port, 2575) as target:
            seen = await visit(target, consent=Consent(called_aes=called))
        assert {observation.service for observation in seen.observations} == {"dicom"}
        facts = facts_of(seen, "dicom")
        assert (facts.open, facts.listable) == (True, bool(called))


def test_it_is_sent_to_the_ports_of_hl7_before_anything_else_is_said_there() -> None:
    assert DETECTOR.expects(2575)
    assert DETECTOR.expects(12575)
    assert not DETECTOR.expects(104)
