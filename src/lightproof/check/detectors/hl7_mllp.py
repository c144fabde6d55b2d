"""HL7 v2 over MLLP: something listens where HL7 interfaces do, and says nothing until spoken to.

We say nothing either. One unexpected HL7 message has crashed imaging servers (CVE-2025-53948), and no HL7 request is
known to be without effect. So silence on such a port is told as what it is: an open port, presumed to be HL7, about
which nothing more is known.

An archive may listen on such a port all the same. Where nothing was said, the engine asks for a DICOM association,
once and in clear, before it believes the presumption: that request holds no byte 0x0B, which begins a message, and a
receiver of MLLP release 1 drops unread what comes between messages. It is asked neither for a page nor for TLS, whose
bytes may hold anything.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.wire import Wire
from lightproof.evidence.records import Observation

_SERVICE: Final = "hl7-mllp"
_LISTEN_S: Final = 1.0
_START_OF_BLOCK: Final = b"\x0bMSH"
"""MLLP release 1: a vertical tab, then the message, whose first segment is MSH."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Connects and listens. What closes at once or says something else is not spoken of."""
    async with wire.connect(tls=False) as stream:
        try:
            async with asyncio.timeout(_LISTEN_S):
                heard = await stream.receive(len(_START_OF_BLOCK))
        except TimeoutError:
            heard = None
        stream.abort()
    if heard is None or (heard and _START_OF_BLOCK.startswith(heard)):
        yield wire.observed(_SERVICE, "hl7-mllp-listening", details={"presumed": heard is None})


DETECTOR: Final = Detector(
    name="hl7_mllp",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({2575, 2576, 6661, 12575}),
    or_dicom=True,
)
