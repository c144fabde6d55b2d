"""Whether strangers had the data, from what the logs add up to. Pure.

Rules of this file:
- that somebody was given names or images is proved by one line that says so;
- that nobody was is proved only when the logs would have shown it: the exposure has ended, every service's log covers
  it without long silence, our own check's visit is in it, and no stranger was even answered;
- everything between is unknown, with the reasons: a log that is silent proves nothing by itself.

Article 34(3)(b) and Guidelines 9/2022 (paragraphs 37 and 121) leave the proof to the controller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from lightproof.breach.access.log_lines import Act
from lightproof.breach.access.tally import Exposure, Place, Source, Tally
from lightproof.breach.facts import Access

LONGEST_SILENCE: Final = timedelta(hours=72)
"""A practice is silent over a long week-end; a log that says nothing for longer may have been off."""
_EDGE: Final = timedelta(hours=1)
_SOURCES_SHOWN: Final = 20
_WEB: Final = frozenset({"dicomweb", "orthanc", "dcm4chee", "web", "http-listing", "webdav", "s3"})
_TELLS_OF: Final[Mapping[str, frozenset[str]]] = {
    "combined": _WEB,
    "orthanc": frozenset({"dicom", "dicom-tls"}),
    "dicom-audit": frozenset({"dicom", "dicom-tls", "dicomweb", "dcm4chee"}),
    "vsftpd": frozenset({"ftp"}),
}
"""Kind of log -> services whose visitors it names, when its lines name no port."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the answer is what it is: a name for `told` to put into words, and the figures that belong to it."""

    name: str
    figures: Mapping[str, int | str] = field(default_factory=dict[str, int | str])


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the logs prove."""

    access: Access
    reasons: tuple[Reason, ...]


def conclusion(tally: Tally, *, unreadable: int, own_named: bool) -> Conclusion:
    """What these logs prove of strangers' access.

    `unreadable`: lines that nobody understood. `own_named`: a person said which addresses are the practice's own.
    """
    taken = tuple(_taken(tally))
    if taken:
        return Conclusion(Access.PROVED, taken)
    doubts = tuple(_doubts(tally, unreadable=unreadable, own_named=own_named))
    if doubts:
        return Conclusion(Access.UNKNOWN, doubts)
    refused = len(tally.strangers)
    return Conclusion(Access.PROVED_NONE, (Reason("none-answered", {"refused": refused}),))


def summary(tally: Tally, concluded: Conclusion) -> dict[str, object]:
    """What is kept of it, as JSON values: counts, instants and hashed sources."""
    exposure = tally.exposure
    shown = sorted(tally.strangers.items(), key=lambda item: (-item[1].furthest, -item[1].octets, item[1].first))
    return {
        "from": _utc(exposure.begin) if exposure.begin_known else None,
        "to": _utc(exposure.end),
        "conclusion": str(concluded.access),
        "reasons": [{"name": reason.name, **reason.figures} for reason in concluded.reasons],
        "written": {
            kind: {"first": _utc(written.first), "last": _utc(written.last)}
            for kind, written in sorted(tally.written.items())
        },
        "inside": len(tally.inside),
        "strangers": len(tally.strangers),
        "unattributed": tally.unattributed,
        "sources": [_source(who, source) for who, source in shown[:_SOURCES_SHOWN]],
    }


def first_taken(tally: Tally) -> datetime | None:
    """When a stranger who was given names or images first came; None when none was."""
    took = (source.first for source in tally.strangers.values() if source.furthest >= Act.LISTED)
    return min(took, default=None)


def _source(who: str, source: Source) -> dict[str, object]:
    return {
        "source": who,
        "first": _utc(source.first),
        "last": _utc(source.last),
        "acts": {act.name.lower(): count for act, count in sorted(source.acts.items(), reverse=True)},
        "octets": source.octets,
    }


def _taken(tally: Tally) -> Iterator[Reason]:
    for act, name in ((Act.FETCHED, "images-given"), (Act.LISTED, "lists-given")):
        given = [source for source in tally.strangers.values() if act in source.acts]
        if given:
            times = sum(source.acts[act] for source in given)
            yield Reason(name, {"times": times, "sources": len(given)})


def _doubts(tally: Tally, *, unreadable: int, own_named: bool) -> Iterator[Reason]:
    exposure = tally.exposure
    if not exposure.begin_known:
        yield Reason("begin-unknown")
    if exposure.ongoing:
        yield Reason("ongoing")
    answered = [source for source in tally.strangers.values() if source.furthest > Act.REFUSED]
    if answered:
        yield Reason("strangers-answered", {"sources": len(answered)})
    if tally.unattributed:
        yield Reason("unattributed", {"times": tally.unattributed})
    if tally.crowd:
        yield Reason("crowd", {"times": tally.crowd})
    if unreadable:
        yield Reason("unreadable", {"lines": unreadable})
    if not own_named and len(tally.inside) == 1 and not tally.strangers:
        yield Reason("one-inside-source")
    if not exposure.places:
        yield Reason("places-unknown")
    for place in exposure.places:
        yield from _not_watched(tally, place)


def _not_watched(tally: Tally, place: Place) -> Iterator[Reason]:
    """Why the logs would not have shown every visit to this service."""
    named: dict[str, int | str] = {"service": place.service, "port": place.port}
    able = {kind for kind in tally.written if _names_visitors_of(kind, place, tally)}
    if not able:
        yield Reason("no-log", named)
        return
    watching = able & {kind for kind, port in tally.checks_seen if port in (None, place.port)}
    if not watching:
        yield Reason("check-not-in-log", named)
        return
    doubts = [tuple(_gaps(tally, kind)) for kind in sorted(watching)]
    if all(doubts):
        yield from doubts[0]


def _names_visitors_of(kind: str, place: Place, tally: Tally) -> bool:
    if (kind, place.port) in tally.checks_seen:
        return True
    services = _TELLS_OF.get(kind, frozenset())
    # Lines without a port: with two services of the same sort nobody knows which of them was visited.
    alike = {other.port for other in tally.exposure.places if other.service in services}
    return place.service in services and (kind == "dicom-audit" or len(alike) == 1)


def _gaps(tally: Tally, kind: str) -> Iterator[Reason]:
    exposure: Exposure = tally.exposure
    written = tally.written[kind]
    if exposure.begin_known and written.first > exposure.begin + _EDGE:
        yield Reason("begins-late", {"at": _utc(written.first)})
    if written.last < exposure.end - _EDGE:
        yield Reason("ends-early", {"at": _utc(written.last)})
    hours = sorted(written.hours)
    for before, after in pairwise(hours):
        silence = timedelta(hours=after - before - 1)
        if silence >= LONGEST_SILENCE:
            yield Reason("silence", {"from": _of_hour(before + 1), "to": _of_hour(after)})
            return


def _of_hour(hour: int) -> str:
    return _utc(datetime.fromtimestamp(hour * 3_600, tz=UTC))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
