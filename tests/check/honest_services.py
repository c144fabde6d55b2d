"""A fleet (`fleets`) of honest DICOM services: each takes any association; C-ECHO and C-FIND succeed, empty."""

import asyncio

from check.fleets import Endpoint, main
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


if __name__ == "__main__":
    main(lambda _number: Endpoint(converse))
