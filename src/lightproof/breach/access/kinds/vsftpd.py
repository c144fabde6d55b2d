"""The log of vsftpd: its own (`vsftpd_log_file`) and the one in the manner of wu-ftpd (`xferlog_file`).

Sources: vsftpd.conf(5), `xferlog_std_format`, `log_ftp_protocol`; xferlog(5).
"""

import re
from typing import Final

from lightproof.breach.access.kinds.text import instant
from lightproof.breach.access.log_lines import Act, LogLine, address

_AT: Final = r"(?P<at>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})"
_OWN: Final = re.compile(
    _AT + r' \[pid \d+\] (?:\[[^\]]{0,80}\] )?(?P<verb>[A-Z ]{2,20}): Client "(?P<source>[^"]{3,60})"(?P<rest>.*)'
)
_TRANSFER: Final = re.compile(_AT + r" \d+ (?P<source>[0-9a-fA-F.:]{3,45}) (?P<octets>\d{1,15}) (?P<rest>.*)")
_WORDS_AFTER_NAME: Final = 9
"""Words of xferlog after the file's name, which may hold spaces itself."""
_WAY: Final = 3
"""Place of the direction among them, counted with what is before: the name, the type, the special action."""
_OCTETS: Final = re.compile(r", (\d{1,15}) bytes")
_VERBS: Final = {"CONNECT": Act.CONTACT, "OK LOGIN": Act.CONTACT, "OK DOWNLOAD": Act.FETCHED}
"""What a line of its own log begins with; an upload or a deletion is an answered visit, a FAIL a refusal."""


class Vsftpd:
    """Reads the log of the FTP server."""

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """One line."""
        if own := _OWN.match(text):
            verb = own["verb"].strip()
            act = Act.REFUSED if verb.startswith("FAIL") else _VERBS.get(verb, Act.CONTACT)
            given = _OCTETS.search(own["rest"]) if act is Act.FETCHED else None
            return _line(own["at"], own["source"], act, int(given[1]) if given else 0)
        if transfer := _TRANSFER.match(text):
            words = transfer["rest"].rsplit(" ", _WORDS_AFTER_NAME)
            if len(words) <= _WORDS_AFTER_NAME:
                return None
            fetched = words[_WAY] == "o" and transfer["octets"] != "0"
            return _line(
                transfer["at"],
                transfer["source"],
                Act.FETCHED if fetched else Act.CONTACT,
                int(transfer["octets"]) if fetched else 0,
            )
        return None


def _line(at: str, source: str, act: Act, octets: int) -> tuple[LogLine, ...] | None:
    when = instant(at)
    if when is None:
        return None
    visitor = address(source)
    return (LogLine(at=when, kind="vsftpd", act=act, sources=(visitor,) if visitor else (), octets=octets),)
