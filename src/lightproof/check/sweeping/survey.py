"""Which of very many targets speak DICOM: the sweep, with a hello that only DICOM answers.

Each target gets at most four short connections, one after the other, all in the sweep's loop:
1. an association request in clear text;
2. where the peer ended that or answered it with a TLS alert: a ClientHello made of bytes;
3. where that is answered as TLS: a real handshake and the association request inside;
4. where the peer ended that without a word: a handshake and silence. A server that ends this too wants a certificate
   that we have not, and says so in an alert, or hangs up on everybody; one that waits simply did not like our request.
Only what parses strictly counts. The one thing not proved is said to be presumed: a TLS service that wants a client
certificate, or ended without a word, chose no web protocol, and sits on a port registered or used for DICOM. That it
ended is no protection: only an alert for want of a certificate, or a handshake that was refused for it, is one.
"""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from lightproof.check.identity import CALLED_AE, CALLING_AE
from lightproof.check.sweeping.hearing import Hearing
from lightproof.check.sweeping.questions import Conversation, Outcome, Question
from lightproof.check.sweeping.sweep import Answer, Limits, Sweep
from lightproof.check.sweeping.tls_hello import RANDOM_LENGTH, InsideTls, TlsAnswer, client_hello, read_tls_answer
from lightproof.check.targets import TargetSpace
from lightproof.dicom.recognise import Recognition, Verdict, association_request, recognise

if TYPE_CHECKING:
    from lightproof.evidence.records import Target

DICOM_PORTS: Final = frozenset({104, 2762, 4242, 11112})
"""Registered for DICOM (IANA: acr-nema, dicom-tls, dicom), and Orthanc's."""

_ANSWER_S: Final = 7.0
"""Slow archives take 6 s to answer an association (measured)."""
_TLS_HELLO_S: Final = 4.0
_QUIET_S: Final = 2.0
_REQUEST: Final = association_request(CALLING_AE, CALLED_AE)
_ABORT: Final = bytes.fromhex("07 00 00000004 0000 00 00")
"""A-ABORT by the service user (PS3.8 section 9.3.8): an accepted association is not left hanging."""

Clue = Recognition | TlsAnswer | InsideTls
Word = Literal["accepted", "rejected", "aborted", "certificate-demanded", "ended-in-silence"]
_WORDS: Final[dict[Verdict, Word]] = {
    Verdict.ACCEPTED: "accepted",
    Verdict.REJECTED: "rejected",
    Verdict.ABORTED: "aborted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A target that speaks DICOM, and how it met us."""

    place: tuple[str, int]
    """Address and port."""
    service: Literal["dicom", "dicom-tls"]
    word: Word
    presumed: bool = False
    """Not proved: see the rules at the top of this module."""
    recognition: Recognition | None = None
    """What the peer told about itself; None where it only demanded a certificate."""

    @property
    def target(self) -> "Target":
        """The place, as a target."""
        from lightproof.evidence.records import Target  # noqa: PLC0415 - as long to load as a thousand calls to place

        return Target(*self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyBatch:
    """What became known since the last batch."""

    done: tuple[tuple[int, int], ...]
    """Positions that have their answer: half-open ranges, ascending."""
    sightings: tuple[Sighting, ...]
    not_tried: "tuple[Target, ...]"
    """What this machine could not call: nothing is known about it."""
    counts: dict[Outcome, int]
    """How the last call to each target ended."""
    hearing: Hearing = field(default_factory=Hearing)
    """Who was heard, and which of the watched machines were not."""


def survey(
    space: TargetSpace,
    *,
    seed: int = 0,
    limits: Limits | None = None,
    done: Sequence[tuple[int, int]] = (),
    stop: Callable[[], bool] = lambda: False,
    watched: frozenset[str] = frozenset(),
    unanswered: Callable[[tuple[tuple[int, int], ...]], None] = lambda _positions: None,
    entropy: Callable[[int], bytes] = os.urandom,
) -> Generator[SurveyBatch]:
    """Looks for DICOM on every target but those whose positions are `done`; a `stop` is heard four times a second.

    Of `watched` addresses it is told whether they were heard. `unanswered` is as `Sweep` has it.

    Targets must have been authorised. Each has its answer 25 s after its first call at the latest, whatever it does.
    """
    question = _clear_text(entropy(RANDOM_LENGTH))
    sweep = Sweep(
        space=space,
        question=question,
        seed=seed,
        limits=limits or Limits(),
        stop=stop,
        watched=watched,
        unanswered=unanswered,
    )
    with closing(sweep.run(done)) as batches:
        for batch in batches:
            yield SurveyBatch(
                done=batch.done,
                sightings=tuple(seen for answer in batch.answers if (seen := sighting(answer)) is not None),
                not_tried=tuple(a.target for a in batch.answers if a.outcome is Outcome.NOT_TRIED),
                counts=batch.counts,
                hearing=batch.hearing,
            )


def sighting(answer: Answer[Clue]) -> Sighting | None:
    """What the end of the questions says about a target; None when it is not known to speak DICOM."""
    inside = answer.question != _CLEAR
    if isinstance(answer.found, Recognition):
        word = _WORDS.get(answer.found.verdict)
        if word is None:
            return None
        return Sighting(
            place=answer.place,
            service="dicom-tls" if inside else "dicom",
            word=word,
            recognition=answer.found,
        )
    if answer.place[1] not in DICOM_PORTS:
        return None
    if answer.found is InsideTls.CERTIFICATE_DEMANDED:
        return Sighting(place=answer.place, service="dicom-tls", word="certificate-demanded", presumed=True)
    if answer.found in (InsideTls.ENDED, InsideTls.CERTIFICATE_MISSED) and answer.question == _QUIET:
        return Sighting(place=answer.place, service="dicom-tls", word="ended-in-silence", presumed=True)
    return None


_CLEAR: Final = "association"
_HELLO: Final = "tls-hello"
_INSIDE: Final = "association-inside-tls"
_QUIET: Final = "silence-inside-tls"


def _clear_text(random: bytes) -> Question[Clue]:
    hello: Question[Clue] = Question(
        name=_HELLO, hello=client_hello(random), recognise=read_tls_answer, answer_s=_TLS_HELLO_S, then=_after_hello
    )

    def after(outcome: Outcome, found: Clue | None) -> Question[Clue] | None:
        return hello if outcome is Outcome.ENDED or found is TlsAnswer.ALERT else None

    return Question(name=_CLEAR, hello=_REQUEST, recognise=_hear, answer_s=_ANSWER_S, farewell=_take_leave, then=after)


def _hear(heard: bytearray) -> Clue | None:
    if heard[0] == 21:
        return read_tls_answer(heard)
    recognition = recognise(heard)
    return None if recognition.verdict is Verdict.NEED_MORE else recognition


def _take_leave(found: Clue) -> bytes:
    return _ABORT if isinstance(found, Recognition) and found.verdict is Verdict.ACCEPTED else b""


def _after_hello(_outcome: Outcome, found: Clue | None) -> Question[Clue] | None:
    return _inside() if found in (TlsAnswer.SERVER_HELLO, TlsAnswer.ALERT) else None


@cache
def _inside() -> Question[Clue]:
    return Question(name=_INSIDE, conversation=_asking, answer_s=_ANSWER_S, then=_after_inside)


def _after_inside(_outcome: Outcome, found: Clue | None) -> Question[Clue] | None:
    return _quiet() if found is InsideTls.ENDED else None


@cache
def _quiet() -> Question[Clue]:
    return Question(name=_QUIET, conversation=_waiting, answer_s=_QUIET_S)


def _asking() -> Conversation[Clue]:
    return _talk(_REQUEST)


def _waiting() -> Conversation[Clue]:
    return _talk(b"")


def _talk(request: bytes) -> Conversation[Clue]:
    # Few targets come this far, and the TLS library takes longer to load than a thousand closed ports to call.
    from lightproof.check.sweeping.tls_association import TlsAssociation  # noqa: PLC0415
    from lightproof.check.tls_context import shared_tls_context  # noqa: PLC0415

    return TlsAssociation(shared_tls_context(alpn=("h2", "http/1.1")), request, _take_leave)
