"""A fleet of honest DICOM services in one process: each takes any association; C-ECHO and C-FIND succeed, empty.

python honest_services.py FIRST_ADDRESS_INDEX COUNT PORT
"""

import asyncio
import sys

from lightproof.dicom.association import Association
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer
from lightproof.dicom.pdu import Abort, AssociateRequest, ReleaseReply, ReleaseRequest
from lightproof.dicom.uids import STUDY_ROOT_FIND, VERIFICATION
from lightproof.errors import ProtocolViolation

SERVICES = {VERIFICATION: Service(), STUDY_ROOT_FIND: Service()}


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One association, to its end."""
    association = Association.accept(collect=65_536)
    try:
        while data := await reader.read(65_536):
            for event in association.receive(data):
                match event:
                    case AssociateRequest():
                        writer.write(association.send(answer(event, SERVICES)))
                    case Message():
                        writer.write(association.send(Message(event.context_id, event.command.answered(0))))
                    case ReleaseRequest():
                        writer.write(association.send(ReleaseReply()))
                    case Abort():
                        return
                    case _:
                        pass
            await writer.drain()
    except (ProtocolViolation, OSError):
        pass
    finally:
        writer.transport.abort()


async def fleet(first: int, count: int, port: int) -> None:
    """Endpoint n is 127.9.(n >> 8).(n & 255); says `ready` when all listen."""
    for number in range(first, first + count):
        await asyncio.start_server(converse, f"127.9.{number >> 8}.{number & 255}", port, backlog=64)
    print("ready", flush=True)
    await asyncio.sleep(900)


if __name__ == "__main__":
    asyncio.run(fleet(*map(int, sys.argv[1:4])))
