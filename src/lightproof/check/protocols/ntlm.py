"""NTLM as nobody ([MS-NLMP]): the messages of an anonymous session and of `Guest` without a password. Pure.

There is no secret here, so nothing needs to be random and nothing signs. SPNEGO (RFC 4178) around them is written by
hand and never parsed: in a server's answer the challenge is found by its signature.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from lightproof.errors import ProtocolViolation

_SIGNATURE: Final = b"NTLMSSP\0"
_FLAGS: Final = 0x0000_0001 | 0x0000_0004 | 0x0000_0200 | 0x0000_8000 | 0x0008_0000 | 0x0080_0000 | 0x2000_0000
"""Unicode, target name, NTLM, always sign (as every client says), extended session security, target info, 128 bit."""
_ANONYMOUS: Final = 0x0000_0800
_HAS_VERSION: Final = 0x0200_0000
_HASH_OF_NO_PASSWORD: Final = bytes.fromhex("31d6cfe0d16ae931b73c59d7e0c089c0")
_CLIENT_CHALLENGE: Final = b"lightprf"
_SPNEGO: Final = bytes.fromhex("06062b0601050502")
_NTLMSSP: Final = bytes.fromhex("060a2b06010401823702020a")
_LARGEST_TARGET: Final = 4_096
_EMPTY_FIELD: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A server's CHALLENGE_MESSAGE (section 2.2.1.2)."""

    flags: int
    challenge: bytes
    target_info: bytes
    version: tuple[int, int, int] | None
    """Of the operating system: major, minor, build; 6.1.0 for Samba."""


def negotiate() -> bytes:
    """NEGOTIATE_MESSAGE (section 2.2.1.1) in a SPNEGO token."""
    token = _SIGNATURE + struct.pack("<II", 1, _FLAGS) + 2 * _EMPTY_FIELD
    mechanisms = _der(0xA0, _der(0x30, _NTLMSSP))
    return _der(0x60, _SPNEGO + _der(0xA0, _der(0x30, mechanisms + _der(0xA2, _der(0x04, token)))))


def read_challenge(blob: bytes) -> Challenge:
    """The CHALLENGE_MESSAGE in a server's token. Raises ProtocolViolation("ntlm-challenge") when it holds none."""
    start = blob.find(_SIGNATURE + b"\2\0\0\0")
    message = blob[start:]
    if start < 0 or len(message) < 48:
        raise ProtocolViolation("ntlm-challenge")
    flags, challenge, length, offset = struct.unpack_from("<I8s8xH2xI", message, 20)
    target_info = message[offset : offset + length]
    if len(target_info) != length or length > _LARGEST_TARGET:
        raise ProtocolViolation("ntlm-challenge")
    version = None
    if flags & _HAS_VERSION and len(message) >= 56:
        version = struct.unpack_from("<BBH", message, 48)
    return Challenge(flags, challenge, target_info, version)


def authenticate(challenge: Challenge, user: str) -> bytes:
    """AUTHENTICATE_MESSAGE (section 2.2.1.3) of `user` without a password; of an anonymous session when it is empty."""
    flags = challenge.flags & ~_HAS_VERSION
    if user:
        lm, nt = bytes(24), _response(challenge, user)
    else:
        flags |= _ANONYMOUS
        lm, nt = b"\0", b""
    fixed = 64
    fields, payload = b"", b""
    # In the order of their descriptors: LM and NT response, domain, user, workstation, session key.
    for value in (lm, nt, b"", user.encode("utf-16-le"), b"", b""):
        payload += bytes(len(payload) % 2)
        fields += struct.pack("<HHI", len(value), len(value), fixed + len(payload))
        payload += value
    token = _SIGNATURE + struct.pack("<I", 3) + fields + struct.pack("<I", flags) + payload
    return _der(0xA1, _der(0x30, _der(0xA2, _der(0x04, token))))


def _response(challenge: Challenge, user: str) -> bytes:
    """NTLMv2_RESPONSE (sections 2.2.2.8 and 3.3.2) for an empty password."""
    key = hmac.digest(_HASH_OF_NO_PASSWORD, user.upper().encode("utf-16-le"), "md5")
    claim = b"\1\1" + bytes(6) + bytes(8) + _CLIENT_CHALLENGE + bytes(4) + challenge.target_info + bytes(4)
    return hmac.digest(key, challenge.challenge + claim, "md5") + claim


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    return bytes((tag, 0x82)) + struct.pack(">H", length) + content
