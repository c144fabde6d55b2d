"""HL7 v2 over MLLP: something listens where HL7 interfaces do, and says nothing until spoken to.

No HL7 is said to it. One unexpected message has crashed imaging servers (CVE-2025-53948), and no HL7 request is known
to be without effect. An archive may listen on such a port too, so it is asked for a DICOM association, which holds no
start of a block: to MLLP those are bytes between messages. What stays silent is told as what it is: an open port,
presumed to be HL7, about which nothing more is known.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.wire import Stream, Wire
from lightproof.dicom.recognise import association_request
from lightproof.evidence.records import Observation

_SERVICE: Final = "hl7-mllp"
_LISTEN_S: Final = 1.0
_ANSWER_S: Final = 3.0
_ASK_DICOM: Final = association_request(CALLING_AE, CALLED_AE)
_START_OF_BLOCK: Final = b"\x0bMSH"
"""MLLP release 1: a vertical tab, then the message, whose first segment is MSH."""


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Connects and listens. What closes at once or says something else is not spoken of: others name it."""
    async with wire.connect(tls=False) as stream:
        heard = await _heard(stream, _LISTEN_S)
        if heard is None:
            await stream.send(_ASK_DICOM)
            # Whoever hangs up on words it does not know has been listening: that is silence too.
            heard = await _heard(stream, _ANSWER_S) or None
        stream.abort()
    if heard is None or (heard and _START_OF_BLOCK.startswith(heard)):
        yield wire.observed(_SERVICE, "hl7-mllp-listening", details={"presumed": heard is None})


async def _heard(stream: Stream, wait_s: float) -> bytes | None:
    """The first bytes said within `wait_s`, none when the peer closed; None when it stayed silent."""
    try:
        async with asyncio.timeout(wait_s):
            return await stream.receive(len(_START_OF_BLOCK))
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


DETECTOR: Final = Detector(
    name="hl7_mllp",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({2575, 2576, 6661, 12575}),
)
