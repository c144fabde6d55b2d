"""Orthanc's own log, as far as `--verbose` makes it tell who came; read off Orthanc 1.10 to 1.12.

It names the address of every DICOM association and request, and what a request was given in the lines that follow it.
It names nobody for HTTP: such a visit is counted without a source.
"""

import re
from collections import Counter
from datetime import datetime
from typing import Final

from lightproof.breach.access.log_lines import YEARLESS, Act, Address, LogLine, address

_LINE: Final = re.compile(
    r"[EWIT](?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?) [^\]]{1,120}\] (?P<said>.*)"
)
_PEER: Final = re.compile(r" on IP (?P<address>[0-9a-fA-F.:]{2,44}[0-9a-fA-F])")
_HTTP: Final = re.compile(r"\(http\) (?:GET|POST|PUT|DELETE|HEAD|OPTIONS) /")
_COUNT: Final = re.compile(r"Number of matching resources: (\d{1,12})$")
_REQUESTS: Final = {
    "Incoming Find request": Act.QUERIED,
    "Incoming Get request": Act.CONTACT,
    "Incoming Move request": Act.CONTACT,
    "Incoming connection": Act.CONTACT,
    "Association Received": Act.CONTACT,
}


class Orthanc:
    """Reads Orthanc's log.

    What a request was given is told without an address: it is the only peer's whose association is open, or nobody's.
    """

    def __init__(self) -> None:
        self._open: Counter[Address] = Counter()
        self._finding = False

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """One line."""
        line = _LINE.match(text)
        if line is None:
            return None
        try:
            at = datetime.fromisoformat(f"{YEARLESS}-{line['month']}-{line['day']}T{line['time']}")
        except ValueError:
            return None
        act, sources = self._told(line["said"].removeprefix("(dicom) ").strip())
        return (LogLine(at=at, kind="orthanc", act=act, sources=sources),)

    def _told(self, said: str) -> tuple[Act | None, tuple[Address, ...]]:
        named = _PEER.search(said)
        peer = address(named["address"]) if named else None
        if peer is not None:
            return self._named(said, peer)
        if _HTTP.match(said):
            self._finding = False
            return Act.CONTACT, ()
        if said.startswith(("C-GET: Sending resource", "C-MOVE: Sending resource", "Sending resource")):
            return Act.FETCHED, self._only_one()
        if self._finding and (matching := _COUNT.match(said)):
            self._finding = False
            return (Act.LISTED if int(matching[1]) else Act.CONTACT), self._only_one()
        return None, ()

    def _named(self, said: str, peer: Address) -> tuple[Act | None, tuple[Address, ...]]:
        if said.startswith("Association Acknowledged"):  # "Received" alone has no end of its own
            self._open[peer] += 1
        elif said.startswith("Finishing association"):
            self._open -= Counter((peer,))
        elif "reject" in said.lower() or "refused" in said.lower():
            return Act.REFUSED, (peer,)
        self._finding = said.startswith("Incoming Find")
        act = next((act for begin, act in _REQUESTS.items() if said.startswith(begin)), None)
        return act, (peer,) if act is not None else ()

    def _only_one(self) -> tuple[Address, ...]:
        return tuple(self._open) if len(self._open) == 1 else ()
