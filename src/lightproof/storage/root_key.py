"""The root key: 32 random bytes from which every other key of a home is derived.

It is made once, is never written in clear, and leaves this class only as derived keys, or wrapped (`slots`).
"""

import hmac
from typing import Final, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT_KEY_BYTES: Final = 32


class RootKey:
    """Guards the bytes: they are not shown, not pickled, and compared in constant time."""

    __slots__ = ("_bytes",)

    def __init__(self, key: bytes) -> None:
        """Raises ValueError unless `key` is 32 bytes long."""
        if len(key) != ROOT_KEY_BYTES:
            raise ValueError(f"a root key is {ROOT_KEY_BYTES} bytes long")
        self._bytes = bytes(key)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """The key for one purpose, of `length` bytes: HKDF-SHA-256 (RFC 5869), the purpose as its info, no salt.

        Different purposes give unrelated keys. Raises ValueError for an empty purpose.
        """
        if not purpose:
            raise ValueError("a derived key needs a purpose")
        return HKDF(SHA256(), length, salt=None, info=b"lightproof/1/" + purpose.encode()).derive(self._bytes)

    def exposed(self) -> bytes:
        """The bytes themselves, for wrapping and for nothing else."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RootKey) and hmac.compare_digest(self._bytes, other.exposed())

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # a hash would be a fact about the key

    def __repr__(self) -> str:
        return "RootKey(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a root key is not pickled")
