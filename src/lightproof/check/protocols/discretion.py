"""Texts from the network that have the shape of a patient: never shown, whatever they stand in. Pure.

Software names machines, forwards and itself as people tell it to, and people name things after patients. A text is kept
out when it holds a person's name as DICOM writes it (PS3.5 section 6.2: `^` between its parts), a unique identifier
(2.25. and a number, or as many parts as only they have), or a whole date beside words.
"""

import re
from typing import Final

_LONGEST_NAME: Final = 64
_PATIENT: Final = re.compile(
    r"\w\^|\^\w"
    r"|\b2\.25\.\d{6,}"
    r"|\b[0-2](?:\.\d+){6,}\b"
    r"|[^\W\d].*(?<![\w.-])(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w.-])"
)


def may_name_a_patient(text: str) -> bool:
    """Whether `text` has the shape of a name, an identifier or a date of birth."""
    return _PATIENT.search(text) is not None


def own_name(text: str) -> str:
    """What software calls itself, unless it calls itself as patients are called."""
    return "" if may_name_a_patient(text) else printable(text)


def printable(text: str) -> str:
    """As much of a peer's word for itself as may be shown."""
    return "".join(c for c in text[:_LONGEST_NAME] if c.isprintable() and c.isascii())
