"""DICOM audit messages, as dcm4chee and other archives write them, one a line or over several lines.

Source: DICOM PS3.15 A.5 (message) and A.5.3 (events); codes of PS3.16 CID 400 and 402. Patients, studies and queries
are part of these messages: everything but the event, its outcome and the addresses is dropped unread.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Protocol, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree

from lightproof.breach.access.log_lines import Act, Address, LogLine, address

_BEGIN: Final = "<AuditMessage"
_END: Final = "</AuditMessage>"
_LONGEST: Final = 256 * 1024
"""Characters of one message; a longer one is no message."""
_EVENTS: Final = {
    "110103": Act.FETCHED,  # DICOM Instances Accessed
    "110104": Act.FETCHED,  # DICOM Instances Transferred
    "110106": Act.FETCHED,  # Export
    "110112": Act.QUERIED,  # Query
    "110108": Act.CONTACT,  # Network Entry
    "110113": Act.REFUSED,  # Security Alert
    "110114": Act.CONTACT,  # User Authentication
}
_READ_OR_RUN: Final = frozenset("RE")
_SUCCESS: Final = frozenset(("0", "4"))
"""Success, and minor failure: part of it went through (RFC 3881, 5.1.4)."""
_ADDRESS: Final = "2"
"""NetworkAccessPointTypeCode of an IP address."""
_XML: Final = re.compile(rf"{_BEGIN}\b.*?{_END}", re.DOTALL)


class _Xml(Protocol):
    def __call__(self, text: str, *, forbid_dtd: bool) -> Element: ...


class DicomAudit:
    """Reads audit messages."""

    def __init__(self) -> None:
        self._begun: list[str] = []
        self._length = 0

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """One line: a whole message, a part of one, or none of it."""
        if not self._begun:
            begin = text.find(_BEGIN)
            if begin < 0:
                return None
            text = text[begin:]
        self._length += len(text)
        self._begun.append(text)
        if _END not in text and self._length < _LONGEST:
            return ()
        message = "\n".join(self._begun)
        self._begun, self._length = [], 0
        lines = tuple(line for found in _XML.finditer(message) for line in _told(found[0]))
        return lines or None


def _told(message: str) -> Iterator[LogLine]:
    if len(message) > _LONGEST:
        return
    try:
        root = cast("_Xml", ElementTree.fromstring)(message, forbid_dtd=True)
        event = root.find("EventIdentification")
        if event is None:
            return
        at = datetime.fromisoformat(event.get("EventDateTime", ""))
    except (ParseError, ValueError, RecursionError):  # defusedxml's refusals are ValueErrors
        return
    code = event.find("EventID")
    yield LogLine(
        at=at,
        kind="dicom-audit",
        act=_act(event, "" if code is None else code.get("csd-code") or code.get("code", "")),
        sources=_visitor(root),
    )


def _act(event: Element, code: str) -> Act | None:
    act = _EVENTS.get(code)
    if act is None:
        return None
    if event.get("EventOutcomeIndicator") not in _SUCCESS:
        return Act.REFUSED
    if act is Act.FETCHED and event.get("EventActionCode") not in _READ_OR_RUN:
        return Act.CONTACT  # images were stored, not given
    return act


def _visitor(root: Element) -> tuple[Address, ...]:
    """Whoever asked; where that one has no address, the others that have one."""
    asked: list[Address] = []
    others: list[Address] = []
    for one in root.iter("ActiveParticipant"):
        if one.get("NetworkAccessPointTypeCode") != _ADDRESS:
            continue
        found = address(one.get("NetworkAccessPointID", ""))
        if found is not None:
            (asked if one.get("UserIsRequestor", "true") == "true" else others).append(found)
    return tuple(dict.fromkeys(asked or others))
