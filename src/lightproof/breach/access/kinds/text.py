"""Any other line with an instant: the box's log, a firewall's, a server's own. It tells who came, and no more."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from lightproof.breach.access.log_lines import MONTHS, YEARLESS, Act, Address, LogLine, address

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
_FRENCH: Final = re.compile(r"(\d\d)[/.](\d\d)[/.](\d{4})(?: (?:à )?|T|, ?)(\d\d:\d\d(?::\d\d)?)")
_SYSLOG: Final = re.compile(r"\b([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d)(?: (\d{4}))?\b")
_IPV4: Final = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:[:/](\d{1,5}))?(?![\w.]*\d)")
_IPV6: Final = re.compile(
    r"(?<![\w:])\[?((?=[0-9a-fA-F]*:[0-9a-fA-F]*:)[0-9a-fA-F:]{3,39}(?:\d{1,3}\.){0,3}\d{0,3})\]?"
)
_PORT: Final = re.compile(r"\b(?:DPT=|[Pp]ort[ :=]{1,2})(\d{1,5})\b|\b(\d{1,5})/(?:tcp|TCP)\b")
_SOURCE: Final = re.compile(r"\bSRC=([0-9a-fA-F.:]{3,45})")
_REFUSED: Final = re.compile(
    r"\b(?:drop(?:ped)?|reject(?:ed)?|den(?:y|ied)|block(?:ed)?|refused|forbidden"
    r"|bloqu[ée]e?|refus[ée]e?|rejet[ée]e?|interdite?)\b",
    re.IGNORECASE,
)
_LONGEST: Final = 4_096
"""Characters of a line that are looked at: who came is near its beginning."""


class Text:
    """Reads any line that names an instant."""

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """One line. With SRC= (netfilter) the visitor is told; otherwise every address of the line may be."""
        text = text[:_LONGEST]
        at = instant(text)
        if at is None:
            return None
        sources, ports = _parties(text)
        act = None if not sources else Act.REFUSED if _REFUSED.search(text) else Act.CONTACT
        return (LogLine(at=at, kind="text", act=act, sources=sources, ports=ports),)


def instant(text: str) -> datetime | None:
    """The first instant that a line names, in the manners of logs; without time zone unless it names one."""
    for pattern, read in _MANNERS:
        if found := pattern.search(text):
            try:
                return read(found)
            except ValueError:
                continue
    return None


def _iso(found: re.Match[str]) -> datetime:
    return datetime.fromisoformat(found[0].replace(",", "."))


def _french(found: re.Match[str]) -> datetime:
    return datetime.fromisoformat(f"{found[3]}-{found[2]}-{found[1]}T{found[4]}")


def _of_syslog(found: re.Match[str]) -> datetime:
    month, day = MONTHS.get(found[1], 0), int(found[2])
    return datetime.fromisoformat(f"{found[4] or YEARLESS}-{month:02}-{day:02}T{found[3]}")


_MANNERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], datetime]], ...]] = (
    (_ISO, _iso),
    (_FRENCH, _french),
    (_SYSLOG, _of_syslog),
)


def _parties(text: str) -> tuple[tuple[Address, ...], frozenset[int]]:
    ports = {int(one or other) for one, other in _PORT.findall(text)}
    found: list[Address | None] = []
    if told := _SOURCE.search(text):
        return tuple(a for a in (address(told[1]),) if a), frozenset(ports)
    for name, port in _IPV4.findall(text):
        found.append(address(name))
        if port:
            ports.add(int(port))
    found += [address(name) for name in _IPV6.findall(text)]
    return tuple(dict.fromkeys(a for a in found if a is not None)), frozenset(ports)
