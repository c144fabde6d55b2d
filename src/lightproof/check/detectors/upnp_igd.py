"""The internet box asked by UPnP which of its ports lead inside: the forwards a practice does not know it has.

Only what the box says of itself at its own address is read, and only actions that read are called. A box that executes
them is `open`: it serves whoever asks, without identity; how grave that is depends on who can ask, as the rules say.
What cannot be read to the end ends as unchecked, never as "no forward".

Hints that the box hands everything to one machine (`dmz-suspected`): a mapping of external port 0, which by
WANIPConnection section 2.2.16 stands for every port that no other mapping names, or one that its own description calls
a DMZ. They are hints: many boxes do not list their DMZ at all, so their absence proves nothing.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from lightproof.check.detectors import Detector
from lightproof.check.protocols.bounded_xml import Element
from lightproof.check.protocols.http import HttpSession, Response, path_here
from lightproof.check.protocols.upnp import (
    INVALID_ARGUMENTS,
    NO_SUCH_INDEX,
    NO_SUCH_MAPPINGS,
    SEARCHES,
    SSDP_GROUP,
    Action,
    Box,
    Control,
    Description,
    PortMapping,
    box_of,
    description_at,
    envelope,
    error_of,
    kind_of_address,
    location_of,
    mapping_of,
    mappings_in,
    response_of,
    search,
)
from lightproof.check.protocols.web_answers import printable
from lightproof.check.this_machine import default_gateways
from lightproof.check.wire import Budget, Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation, Proof, Scalar

_SERVICE: Final = "upnp-igd"
_SSDP_PORT: Final = 1900
_MOST_MAPPINGS: Final = 256
_MOST_DESCRIPTIONS: Final = 4
_ANSWER_WITHIN_S: Final = 2.4
"""For the searches, sent twice: a box may wait for the second that MX allows."""
_ANSWERS: Final = (1, 16)
"""The first answer is most often the box's; when it is not (a media server in the same case), wait for the others."""
_EXECUTED: Final = Facts(reachable=True, open=True)
_DMZ_WORDS: Final = re.compile(r"\bdmz\b|exposed[ -]?host|h[oô]te expos[eé]", re.IGNORECASE)


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Searches, reads the description, lists the port mappings."""
    searches = tuple(search(wire.target.address, wire.target.port, kind) for kind in SEARCHES)
    asked: set[Description] = set()
    elsewhere = False
    failure: ProtocolViolation | OSError | None = None
    for answers in _ANSWERS:
        heard = await wire.ask_datagram(*searches, wait_s=_ANSWER_WITHIN_S, answers=answers)
        if not heard:
            heard = await _asked_as_one_of_all(wire)
        if not heard:
            break
        for location in dict.fromkeys(filter(None, map(location_of, heard))):
            there = description_at(location, wire.target.address)
            elsewhere = elsewhere or there is None
            if there is None or there in asked or len(asked) >= _MOST_DESCRIPTIONS:
                continue
            asked.add(there)
            async with HttpSession(wire, port=there.port) as web:
                try:
                    page = await web.request(there.path)
                    box = _described(page)
                except (ProtocolViolation, OSError) as error:
                    failure = failure or error
                    continue
                if box is not None:
                    async for observation in _Visit(wire, web, there, box, page.proof()).observations():
                        yield observation
                    return
    if elsewhere:
        yield wire.observed(_SERVICE, "igd-location-elsewhere", details={"what": "description"})
        raise ProtocolViolation("location-elsewhere")
    if failure is not None:
        raise failure


async def _asked_as_one_of_all(wire: Wire) -> tuple[bytes, ...]:
    """The answers of this machine's own box to a search of the whole link.

    UPnP 1.0 knows no other search (Device Architecture 1.0 section 1.2.2), so that boxes of its time leave one that is
    sent to them alone unanswered. What else on the link answers is not heard; other addresses are not searched for so.
    """
    if wire.target.port != _SSDP_PORT or wire.target.address not in default_gateways():
        return ()
    searches = tuple(search(SSDP_GROUP, _SSDP_PORT, kind) for kind in SEARCHES)
    return await wire.ask_datagram(*searches, wait_s=_ANSWER_WITHIN_S, answers=_ANSWERS[-1], group=SSDP_GROUP)


def _described(page: Response) -> Box | None:
    if page.status != 200 or page.truncated:
        raise ProtocolViolation("description-unreadable")
    return box_of(page.body)


class _Visit:
    """One box that described itself: what its controls answer."""

    def __init__(self, wire: Wire, web: HttpSession, at: Description, box: Box, proof: Proof) -> None:
        self._wire = wire
        self._web = web
        self._at = at
        self._box = box
        self._proof = proof
        self._executed = False

    async def observations(self) -> AsyncIterator[Observation]:
        controls = [(control, path) for control in self._box.controls if (path := self._path(control)) is not None]
        details: dict[str, Scalar] = {
            "igd_version": self._box.version,
            "model": self._box.model,
            "manufacturer": self._box.manufacturer,
        }
        failure: ProtocolViolation | OSError | None = None
        try:
            for control, path in controls[:1]:
                details |= await self._state(control, path)
        except (ProtocolViolation, OSError) as error:
            failure = error
        yield self._wire.observed(
            _SERVICE,
            "igd-present",
            facts=_EXECUTED if self._executed else None,
            product=self._box.name or self._box.model,
            details=details,
            proof=self._proof,
        )
        if len(controls) < len(self._box.controls):
            yield self._wire.observed(_SERVICE, "igd-location-elsewhere", details={"what": "control"})
        if failure is not None:
            raise failure
        listed: dict[object, PortMapping] = {}
        for control, path in controls:
            async for mapping, proof in self._mappings(control, path):
                if mapping.identity in listed:
                    continue
                for observation in self._seen(mapping, proof, listed.values()):
                    yield observation
                listed[mapping.identity] = mapping
        if len(controls) < len(self._box.controls):
            raise ProtocolViolation("location-elsewhere")
        if controls and not listed:
            yield self._wire.observed(_SERVICE, "igd-mappings-none", facts=_EXECUTED)

    def _path(self, control: Control) -> str | None:
        """Where a control takes actions, on the description's own host and port; None when it leads elsewhere."""
        base = self._at.path
        for link in filter(None, (self._box.url_base, control.url)):
            there = path_here(self._wire, base, link, port=self._at.port)
            if there is None:
                return None
            base = there
        return base

    async def _state(self, control: Control, path: str) -> dict[str, Scalar]:
        told: dict[str, Scalar] = {}
        status, _ = await self._call(control, path, "GetStatusInfo")
        if isinstance(status, Element):
            told["connection"] = printable(status.value("NewConnectionStatus"))
        external, _ = await self._call(control, path, "GetExternalIPAddress")
        if isinstance(external, Element):
            told["external_address"], told["external"] = kind_of_address(external.value("NewExternalIPAddress"))
        return told

    async def _mappings(self, control: Control, path: str) -> AsyncIterator[tuple[PortMapping, Proof]]:
        """Every mapping of one control: by index, which every version knows, and by the list of version 2.

        A box of version 2 may show each of them less than all (section 2.5.14: what belongs to others is left out).
        """
        for index in range(_MOST_MAPPINGS):
            entry, proof = await self._call(control, path, "GetGenericPortMappingEntry", index=index)
            if isinstance(entry, Element):
                yield mapping_of(entry), proof
            elif entry in NO_SUCH_INDEX or (index > 0 and entry == INVALID_ARGUMENTS):
                break
            else:
                raise ProtocolViolation("mappings-refused")
        else:
            raise ProtocolViolation("mappings-endless")
        for protocol in ("TCP", "UDP") if control.lists_at_once else ():
            listing, proof = await self._call(control, path, "GetListOfPortMappings", protocol=protocol)
            if isinstance(listing, Element):
                for mapping in mappings_in(listing.value("NewPortListing"))[:_MOST_MAPPINGS]:
                    yield mapping, proof
            elif listing != NO_SUCH_MAPPINGS:
                break  # not every box of version 2 has it, and the index has told all it tells

    async def _call(
        self, control: Control, path: str, action: Action, **arguments: str | int
    ) -> tuple[Element | int | None, Proof]:
        """What a reading action answered, or its UPnP error code; None when it is neither."""
        request = envelope(control, action, **arguments)
        answer = await self._web.soap(path, f"{control.service_type}#{action}", request)
        shown = " ".join((action, *map(str, arguments.values())))
        if answer.truncated:
            raise ProtocolViolation("answer-too-long")
        response = response_of(answer.body, action) if answer.status == 200 else None
        self._executed = self._executed or response is not None
        return (error_of(answer.body) if response is None else response), answer.proof(shown=shown)

    def _seen(self, mapping: PortMapping, proof: Proof, before: Iterable[PortMapping]) -> Iterator[Observation]:
        yield self._wire.observed(
            _SERVICE,
            "igd-port-mapping",
            facts=_EXECUTED,
            details={
                "external_port": mapping.external_port,
                "protocol": mapping.protocol,
                "internal_address": mapping.internal_address,
                "internal_port": mapping.internal_port,
                "description": mapping.description,
                "enabled": mapping.enabled,
                "lease_s": mapping.lease_s,
                "remote_host": mapping.remote_host,
            },
            proof=proof,
        )
        hint = _dmz_hint(mapping)
        if hint is None or any(m.internal_address == mapping.internal_address and _dmz_hint(m) for m in before):
            return
        yield self._wire.observed(
            _SERVICE,
            "dmz-suspected",
            facts=_EXECUTED,
            details={"internal_address": mapping.internal_address, "hint": hint},
            proof=proof,
        )


def _dmz_hint(mapping: PortMapping) -> str | None:
    if mapping.enabled is False:
        return None
    if mapping.external_port == 0:
        return "every-port"
    return "called-dmz" if mapping.description and _DMZ_WORDS.search(mapping.description) else None


DETECTOR: Final = Detector(
    name="upnp_igd",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({1900}),
    transport="udp",
    # A box may close the connection after every answer (miniupnpd does), and each mapping is a question of its own.
    budget=Budget(bytes_in=1024 * 1024, bytes_out=256 * 1024, connections=_MOST_MAPPINGS + 24),
)
