"""The association's state machine (PS3.8 section 9.2), as one table.

Rules of this file, before its first line:
- Every move of the state is a row here. A violation closes the association; nothing else leaves the table.
- The table does not know which role we play. It knows who *sent* a PDU, requestor or acceptor; so what we do and what
  the peer does are judged by the same rows, and a mistake of ours is found by the same test as a lie of theirs.
- A PDU is judged by its type alone, before its body is read: a peer cannot make us buffer what has no place now.
- An A-ABORT ends any association, from anyone, at any time.
"""

from enum import StrEnum
from typing import Final

from lightproof.dicom.pdu import PduType


class Party(StrEnum):
    """Who opened the association, and who answered."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"

    @property
    def peer(self) -> "Party":
        """The other one."""
        return Party.ACCEPTOR if self is Party.REQUESTOR else Party.REQUESTOR


class State(StrEnum):
    """State of an association. The two releases can cross on the wire: then the requestor replies first."""

    IDLE = "idle"
    REQUESTED = "requested"
    ESTABLISHED = "established"
    RELEASED_BY_REQUESTOR = "released-by-requestor"
    RELEASED_BY_ACCEPTOR = "released-by-acceptor"
    RELEASES_CROSSED = "releases-crossed"
    REQUESTOR_REPLIED = "requestor-replied"
    CLOSED = "closed"


_R, _A = Party.REQUESTOR, Party.ACCEPTOR

TRANSITIONS: Final[dict[tuple[State, Party, PduType], State]] = {
    (State.IDLE, _R, PduType.ASSOCIATE_RQ): State.REQUESTED,
    (State.REQUESTED, _A, PduType.ASSOCIATE_AC): State.ESTABLISHED,
    (State.REQUESTED, _A, PduType.ASSOCIATE_RJ): State.CLOSED,
    (State.ESTABLISHED, _R, PduType.P_DATA_TF): State.ESTABLISHED,
    (State.ESTABLISHED, _A, PduType.P_DATA_TF): State.ESTABLISHED,
    (State.ESTABLISHED, _R, PduType.RELEASE_RQ): State.RELEASED_BY_REQUESTOR,
    (State.ESTABLISHED, _A, PduType.RELEASE_RQ): State.RELEASED_BY_ACCEPTOR,
    # Whoever has not yet replied may still finish what it was sending (PS3.8 9.2, AR-6 and AR-7).
    (State.RELEASED_BY_REQUESTOR, _A, PduType.P_DATA_TF): State.RELEASED_BY_REQUESTOR,
    (State.RELEASED_BY_ACCEPTOR, _R, PduType.P_DATA_TF): State.RELEASED_BY_ACCEPTOR,
    (State.RELEASED_BY_REQUESTOR, _A, PduType.RELEASE_RP): State.CLOSED,
    (State.RELEASED_BY_ACCEPTOR, _R, PduType.RELEASE_RP): State.CLOSED,
    (State.RELEASED_BY_REQUESTOR, _A, PduType.RELEASE_RQ): State.RELEASES_CROSSED,
    (State.RELEASED_BY_ACCEPTOR, _R, PduType.RELEASE_RQ): State.RELEASES_CROSSED,
    (State.RELEASES_CROSSED, _R, PduType.RELEASE_RP): State.REQUESTOR_REPLIED,
    (State.REQUESTOR_REPLIED, _A, PduType.RELEASE_RP): State.CLOSED,
    **{(state, party, PduType.ABORT): State.CLOSED for state in State for party in Party},
}


def after(state: State, sender: Party, kind: PduType) -> State | None:
    """The state once `sender` has sent a PDU of this type; None when it may not."""
    return TRANSITIONS.get((state, sender, kind))
