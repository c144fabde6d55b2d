"""The recovery code: 160 random bits that a person can write down, and read back with the errors that people make.

Eight groups of four signs and a ninth that tells a mistyped code from a wrong one, in Crockford's base 32: no I, L, O
or U, so that 1 and 0 are never in doubt; letters in either case; spaces and hyphens as they come.
"""

import hashlib
import re
from typing import Final

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

CODE_BYTES: Final = 20

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans("ILO", "110")
_GROUPED: Final = re.compile(r"(?<![0-9A-Za-z])(?=((?:[0-9A-Za-z]{4}[-–\s]+){8}[0-9A-Za-z]{4})(?![0-9A-Za-z]))")
"""Looks ahead only, so that a word of four letters before the code hides nothing."""


def written(code: bytes) -> str:
    """The code as it is shown: XXXX-XXXX-…, nine groups."""
    signs = _encoded(code, 32) + _check(code)
    return "-".join(signs[at : at + 4] for at in range(0, 36, 4))


def read(text: str) -> bytes:
    """The code that someone typed, or that stands in the text of a kit.

    Raises UsageRefused `recovery-code-mistyped`.
    """
    for found in _GROUPED.finditer(text):
        signs = re.sub(r"[^0-9A-Z]", "", found[1].upper()).translate(_READ_AS)
        if set(signs) <= set(_SIGNS):
            code = _decoded(signs[:32])
            if _check(code) == signs[32:]:
                return code
    raise UsageRefused(
        "recovery-code-mistyped",
        _("No recovery code can be read there: one has nine groups of four signs, the last of which is a check."),
        _("Compare it with the recovery kit, group by group."),
    )


def _check(code: bytes) -> str:
    return _encoded(hashlib.sha256(b"lightproof recovery code 1\n" + code).digest()[:3], 5)[1:]


def _encoded(content: bytes, length: int) -> str:
    number = int.from_bytes(content, "big")
    return "".join(_SIGNS[(number >> (5 * at)) & 31] for at in reversed(range(length)))


def _decoded(signs: str) -> bytes:
    number = 0
    for sign in signs:
        number = number << 5 | _SIGNS.index(sign)
    return number.to_bytes(CODE_BYTES, "big")
