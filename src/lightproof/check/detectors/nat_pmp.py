"""NAT-PMP (RFC 6886) and PCP (RFC 6887): whether any machine inside may open the internet box.

Neither protocol lists what is open. One question each, and neither asks for a mapping: the external address, and the
announcement that a PCP client makes when it starts. An answer proves that the box speaks, not what it would allow.
"""

import hashlib
import struct
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.protocols.upnp import kind_of_address
from lightproof.check.wire import Wire
from lightproof.evidence.records import Observation, Proof

_EXTERNAL_ADDRESS_REQUEST: Final = bytes((0, 0))
"""RFC 6886 section 3.2: version 0, opcode 0."""
_ADDRESS_ANSWER: Final = struct.Struct("!BBHI4s")
"""Version 0, opcode 128, result, seconds since start, external address."""
_ANNOUNCE_REQUEST: Final = struct.pack("!BBHI16s", 2, 0, 0, 0, bytes(16))
"""RFC 6887 section 14.1: version 2, opcode 0, no lifetime. Without our address, which the server would only compare."""
_RESPONSE: Final = 0x80
_PCP_LENGTHS: Final = range(24, 1_101)
"""A header (version, opcode and response bit, reserved, result, ...) to the largest message (RFC 6887 section 7)."""
_ANSWER_WITHIN_S: Final = 1.2


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Asks both at once."""
    questions = (_EXTERNAL_ADDRESS_REQUEST, _ANNOUNCE_REQUEST)
    heard = await wire.ask_datagram(*questions, wait_s=_ANSWER_WITHIN_S, answers=len(questions))
    # A box that knows NAT-PMP alone also answers the announcement in it, with an error: the address goes first.
    addresses = sorted(filter(_is_address_answer, heard), key=lambda answer: answer[2:4])
    for answer in addresses[:1]:
        _, _, result, _, external = _ADDRESS_ANSWER.unpack(answer)
        address, kind = kind_of_address(".".join(map(str, external))) if result == 0 else (None, "none")
        yield wire.observed(
            "nat-pmp",
            "nat-pmp-present",
            details={"result": result, "external_address": address, "external": kind},
            proof=_proof("NAT-PMP external address", _EXTERNAL_ADDRESS_REQUEST, answer, result),
        )
    for answer in [answer for answer in heard if _is_announcement(answer)][:1]:
        result = answer[3]
        proof = _proof("PCP ANNOUNCE", _ANNOUNCE_REQUEST, answer, result)
        yield wire.observed("pcp", "pcp-present", details={"result": result}, proof=proof)


def _is_address_answer(answer: bytes) -> bool:
    return len(answer) == _ADDRESS_ANSWER.size and answer[:2] == bytes((0, _RESPONSE))


def _is_announcement(answer: bytes) -> bool:
    return len(answer) in _PCP_LENGTHS and answer[:2] == bytes((2, _RESPONSE))


def _proof(asked: str, request: bytes, answer: bytes, result: int) -> Proof:
    return Proof(
        request=asked,
        request_sha256=hashlib.sha256(request).hexdigest(),
        response=f"version {answer[0]}, opcode {answer[1]}",
        status=str(result),
        length=len(answer),
    )


DETECTOR: Final = Detector(
    name="nat_pmp",
    services=("nat-pmp", "pcp"),
    detect=detect,
    ports=frozenset({5351}),
    transport="udp",
)
