"""A TLS ClientHello in bytes, and a strict reading of what comes back: does this port speak TLS at all?

For sweeps, where a whole TLS library for each of thousands of ports that merely closed the connection would cost more
than the sweep itself. One flight is sent, nothing is negotiated to its end. RFC 8446 section 4.1, RFC 5246 section 7.
"""

import struct
from collections.abc import Sequence
from enum import Enum
from typing import Final

_SUITES: Final = struct.pack(
    ">20H",
    *(0x1301, 0x1302, 0x1303),  # TLS 1.3: AES-128-GCM, AES-256-GCM, ChaCha20
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F),  # ECDHE and DHE with AEAD
    *(0xC009, 0xC00A, 0xC013, 0xC014, 0x0033, 0x0039),  # the same with CBC
    *(0x009C, 0x002F, 0x0035),  # RSA key exchange: PS3.15 once demanded 0x002F
)
_OFFERED: Final = frozenset(struct.unpack(f">{len(_SUITES) // 2}H", _SUITES))
_VERSIONS: Final = bytes.fromhex("0304 0303 0302 0301")
_GROUPS: Final = bytes.fromhex("001d 0017 0018 0100")
_X25519: Final = bytes.fromhex("001d")
_SIGNATURES: Final = bytes.fromhex("0403 0804 0401 0503 0805 0501 0806 0601 0203 0201")
_PROTOCOLS: Final = (b"h2", b"http/1.1")

_ALERT_DESCRIPTIONS: Final = frozenset(
    {0, 10, 20, 21, 22, 30, *range(40, 52), 60, 70, 71, 80, 86, 90, 100, *range(109, 121)}
)
"""RFC 8446 section 6 and its predecessors."""

RANDOM_LENGTH: Final = 96


class TlsAnswer(Enum):
    """What an answer to a ClientHello, or to anything else said to a TLS server, shows."""

    SERVER_HELLO = "server-hello"
    ALERT = "alert"
    NOT_TLS = "not-tls"


class InsideTls(Enum):
    """What a TLS service turned out to be, where it is not plainly DICOM."""

    CERTIFICATE_DEMANDED = "certificate-demanded"
    """An alert says so; or it was asked for, and the peer refused the handshake when it got none."""
    CERTIFICATE_MISSED = "certificate-missed"
    """It was asked for, the handshake succeeded without, and the peer ended this before anything was said: for want of
    it, or because it is busy, or knows our address not. No proof of a demand."""
    ENDED = "ended"
    """The handshake succeeded; then the peer ended the connection."""
    OTHER = "other"
    """HTTP by ALPN, or an answer that is not DICOM."""
    NO_HANDSHAKE = "no-handshake"


def client_hello(random: bytes) -> bytes:
    """A ClientHello for TLS 1.3 down to 1.0, offering HTTP by ALPN; `random` is RANDOM_LENGTH unpredictable bytes."""
    share = _X25519 + _prefixed(random[64:96], 2)
    extensions = b"".join(
        _extension(kind, body)
        for kind, body in (
            (0x002B, _prefixed(_VERSIONS, 1)),
            (0x000A, _prefixed(_GROUPS, 2)),
            (0x000B, _prefixed(b"\0", 1)),
            (0x000D, _prefixed(_SIGNATURES, 2)),
            (0x0033, _prefixed(share, 2)),
            (0x002D, _prefixed(b"\1", 1)),
            (0x0010, _prefixed(b"".join(_prefixed(name, 1) for name in _PROTOCOLS), 2)),
            (0x0017, b""),
            (0xFF01, b"\0"),
        )
    )
    body = b"".join(
        (
            b"\x03\x03",
            random[:32],
            _prefixed(random[32:64], 1),
            _prefixed(_SUITES, 2),
            b"\1\0",
            _prefixed(extensions, 2),
        )
    )
    return b"\x16\x03\x01" + _prefixed(b"\1" + _prefixed(body, 3), 2)


def _prefixed(body: bytes, length_bytes: int) -> bytes:
    return len(body).to_bytes(length_bytes, "big") + body


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _prefixed(body, 2)


def read_tls_answer(heard: bytes | bytearray) -> TlsAnswer | None:
    """What all that came so far shows; None while it needs more. Never raises, never needs more than 90 bytes."""
    held = len(heard)
    if not held:
        return None
    kind = heard[0]
    if kind not in (21, 22) or (held > 1 and heard[1] != 3) or (held > 2 and heard[2] > 4):
        return TlsAnswer.NOT_TLS
    if held < 5:
        return None
    length = heard[3] << 8 | heard[4]
    return _alert(heard, length) if kind == 21 else _server_hello(heard, length)


def _alert(heard: Sequence[int], length: int) -> TlsAnswer | None:
    if length != 2:
        return TlsAnswer.NOT_TLS
    if len(heard) < 7:
        return None
    known = heard[5] in (1, 2) and heard[6] in _ALERT_DESCRIPTIONS
    return TlsAnswer.ALERT if known else TlsAnswer.NOT_TLS


def _server_hello(heard: Sequence[int], length: int) -> TlsAnswer | None:
    if not 42 <= length <= 16_384 + 256:
        return TlsAnswer.NOT_TLS
    # Type, length (24 bits), version, random, length of the session id: then the id, suite and compression.
    if len(heard) < 44:
        return None
    message_length = heard[6] << 16 | heard[7] << 8 | heard[8]
    session_length = heard[43]
    plausible = heard[5] == 2 and message_length >= 38 and heard[9] == 3 and heard[10] <= 3 and session_length <= 32
    if not plausible:
        return TlsAnswer.NOT_TLS
    suite_at = 44 + session_length
    if len(heard) < suite_at + 3:
        return None
    suite = heard[suite_at] << 8 | heard[suite_at + 1]
    chosen = suite in _OFFERED and heard[suite_at + 2] == 0
    return TlsAnswer.SERVER_HELLO if chosen else TlsAnswer.NOT_TLS
