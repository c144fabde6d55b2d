"""What listens where HL7 interfaces do: nothing is said to it, and nothing is claimed that was not seen."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from check import looking
from check.recording import recording
from check.services import closing, dripping, saying, serving
from check.visiting import signals_of, visit
from lightproof.check.detectors import dicom
from lightproof.check.detectors.hl7_mllp import DETECTOR, detect
from lightproof.evidence.records import Facts, Target
from peers.dcmtk import DicomPeer

look = partial(looking.look, detect)

GREETING = b"\x0bMSH|^~\\&|RIS|PRACTICE|||20261123||ACK|1|P|2.5\r\x1c\r"


async def acknowledging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HL7 interface: it answers messages that are framed as MLLP wants, and nothing else."""
    while data := await reader.read(4_096):
        if data.startswith(b"\x0b"):
            writer.write(GREETING)


async def test_a_silent_listener_is_presumed_and_no_hl7_is_said_to_it() -> None:
    async with serving(acknowledging) as service, recording(service) as record:
        seen = await look(record.port)
    assert seen.signals == {"hl7-mllp-listening"}
    assert seen.facts == Facts(reachable=True)
    assert seen.one("hl7-mllp-listening").details == {"presumed": True}
    assert b"\x0b" not in record.sent
    assert b"MSH" not in record.sent


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


async def test_an_archive_on_a_port_of_hl7_is_known_as_dicom(storescp: Callable[..., DicomPeer]) -> None:
    port = storescp().port
    here = replace(DETECTOR, ports=frozenset({port}))
    seen = await visit(Target("127.0.0.1", port), detectors=(here, dicom.DETECTOR))
    assert {observation.service for observation in seen.observations} == {"dicom"}


async def test_an_hl7_interface_is_not_taken_for_dicom() -> None:
    async with serving(acknowledging) as port:
        here = replace(DETECTOR, ports=frozenset({port}))
        seen = await visit(Target("127.0.0.1", port), detectors=(here, dicom.DETECTOR))
    assert signals_of(seen) == {"hl7-mllp-listening"}


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An interface that ends the connection of whoever does not speak HL7."""
    await reader.read(4_096)
    writer.close()


async def test_a_listener_that_hangs_up_on_other_words_stays_presumed() -> None:
    async with serving(hanging_up) as port:
        seen = await look(port)
    assert seen.one("hl7-mllp-listening").details == {"presumed": True}


def test_it_is_sent_to_the_ports_of_hl7_before_anything_else_is_said_there() -> None:
    assert DETECTOR.expects(2575)
    assert DETECTOR.expects(12575)
    assert not DETECTOR.expects(104)
