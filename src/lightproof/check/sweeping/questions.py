"""What is said to whoever picks up a call, how the answer is read, and how a call can end."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

R = TypeVar("R")
_R_co = TypeVar("_R_co", covariant=True)


class Outcome(StrEnum):
    """How a call ended."""

    CLOSED = "closed"
    """The host refused it."""
    SILENT = "silent"
    """Nothing came back: a filter, or nobody there."""
    UNREACHABLE = "unreachable"
    """A router, or this machine, says that there is no way."""
    OPEN = "open"
    """Picked up; nothing was asked."""
    RECOGNISED = "recognised"
    """Picked up, and the answer was recognised: `found` says as what."""
    MUTE = "mute"
    """Picked up, and no answer that could be recognised came before the deadline."""
    ENDED = "ended"
    """Picked up, and the peer ended it before its answer could be recognised."""
    FLOOD = "flood"
    """Picked up, and more came than an answer can have."""
    NOT_TRIED = "not-tried"
    """This machine could not place the call, however often it tried."""


class Conversation(Protocol[_R_co]):
    """Talks with one peer, without a socket."""

    def begin(self) -> bytes:
        """What to say first."""
        ...

    def heard(self, data: bytes) -> tuple[bytes, _R_co | None]:
        """What to say to that, and what the peer was recognised as. `data` is empty when the peer has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[R]):
    """What is said to whoever picks up, and how the answer is read."""

    name: str
    hello: bytes = b""
    """Empty, and no `conversation`: whoever picks up is `open`, and nothing is said."""
    recognise: Callable[[bytearray], R | None] | None = None
    """Reads all that came so far; None while it needs more."""
    conversation: Callable[[], Conversation[R]] | None = None
    """In place of `hello` and `recognise`, where one answer is not enough."""
    answer_s: float = 7.0
    """Total time from picking up to the end of the answer."""
    longest_answer: int = 8_192
    farewell: Callable[[R], bytes] | None = None
    """What is said before hanging up on a peer that was recognised."""
    then: "Callable[[Outcome, R | None], Question[R] | None] | None" = None
    """The question to ask next, on a connection of its own; None ends the matter."""


PICKS_UP: Final[Question[None]] = Question(name="connect")
"""Only whether the port is open."""
