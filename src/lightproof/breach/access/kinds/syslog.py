"""The envelope that syslog puts around a line: taken off, and its instant kept for a line that names none.

Sources: RFC 5424, section 6; RFC 3164, section 4.1.
"""

import re
from datetime import datetime
from typing import Final

from lightproof.breach.access.kinds.text import instant

_RFC_5424: Final = re.compile(
    r"<\d{1,3}>\d{1,2} (?P<at>\S{1,40}) \S{1,255} \S{1,48} \S{1,128} \S{1,32} "
    r"(?:-|(?:\[(?:[^\]\\]|\\.){0,4096}\])+) ?\ufeff?(?P<said>.*)",
    re.DOTALL,
)
_RFC_3164: Final = re.compile(
    r"(?:<\d{1,3}>)?(?P<at>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{8,30}) \S{1,255} "
    r"[^\s:\[]{1,64}(?:\[\d{1,10}\])?: ?(?P<said>.*)",
    re.DOTALL,
)


def unwrapped(text: str) -> tuple[datetime | None, str]:
    """The instant of the envelope and what is inside it; None and the line itself where there is no envelope."""
    found = _RFC_5424.match(text) or _RFC_3164.match(text)
    if found is None:
        return None, text
    return instant(found["at"]), found["said"]
