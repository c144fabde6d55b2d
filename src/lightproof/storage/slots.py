"""`root-key.json`: the root key wrapped once for each way of unlocking it. Pure: bytes in, keys out.

Rules of this file:
- a slot wraps the root key with AES-256-GCM under a key made from one secret, or from two that open it only together;
  format, lock and salt are authenticated;
- the whole file carries a MAC under the root key: a slot cannot be altered, dropped or added without the root key;
- there is one way to write a file, and any other is refused: no byte can change unnoticed, and who does not know a kind
  of lock refuses the whole file;
- what a hostile file may ask of Argon2 is bounded.
"""

import base64
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Literal

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from lightproof.storage.root_key import RootKey

FORMAT: Final = "lightproof-root-key/1"
LONGEST_FILE: Final = 64 * 1024
CREDENTIAL_NAME: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}$"
"""It becomes a file name under $CREDENTIALS_DIRECTORY: systemd's rule for names, without a dot in front."""

RandomBytes = Callable[[int], bytes]
Kind = Literal["passphrase", "key-file", "passphrase-and-key-file", "systemd-credential", "recovery"]
KEY_FILE_BYTES: Final = 32

_MAC_PURPOSE: Final = "root-key-file"


class NotASlotFile(Exception):
    """The bytes are not a file of this format. Not for a person: who reads the file says which one."""


def _bytes_of(text: object) -> object:
    return base64.b64decode(text, validate=True) if isinstance(text, str) else text


_Base64 = Annotated[
    bytes,
    BeforeValidator(_bytes_of),
    PlainSerializer(lambda value: base64.b64encode(value).decode(), return_type=str),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Slowed(_Strict):
    """What guessing a passphrase costs: Argon2id version 1.3, the second recommended option of RFC 9106 section 4."""

    memory_kib: int = Field(default=64 * 1024, ge=8 * 1024, le=1024 * 1024)
    passes: int = Field(default=3, ge=1, le=12)
    lanes: int = Field(default=4, ge=1, le=16)


class PassphraseLock(_Slowed):
    """Something a person knows."""

    kind: Literal["passphrase"] = "passphrase"


class KeyFileLock(_Strict):
    """A file of 32 random bytes; its path is relative to the home when the file lies inside."""

    kind: Literal["key-file"] = "key-file"
    path: str = Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")


class PassphraseAndKeyFileLock(_Slowed):
    """Something a person knows and something a person has, of no use without each other; the secret is `together`.

    The path is whole: the file lies elsewhere than the home, and does not move with it.
    """

    kind: Literal["passphrase-and-key-file"] = "passphrase-and-key-file"
    path: str = Field(min_length=2, max_length=4096, pattern=r"^/[^\x00]+$")


class CredentialLock(_Strict):
    """A credential that systemd hands to the service (systemd.exec(5), LoadCredentialEncrypted=)."""

    kind: Literal["systemd-credential"] = "systemd-credential"
    name: str = Field(pattern=CREDENTIAL_NAME)


class RecoveryLock(_Strict):
    """The code of the recovery kit: 160 random bits."""

    kind: Literal["recovery"] = "recovery"


Lock = PassphraseLock | KeyFileLock | PassphraseAndKeyFileLock | CredentialLock | RecoveryLock


class Slot(_Strict):
    """The root key, wrapped for one lock."""

    lock: Annotated[Lock, Field(discriminator="kind")]
    salt: Annotated[_Base64, Field(min_length=16, max_length=16)]
    nonce: Annotated[_Base64, Field(min_length=12, max_length=12)]
    wrapped: Annotated[_Base64, Field(min_length=48, max_length=48)]


class _File(_Strict):
    format: Literal["lightproof-root-key/1"]
    slots: tuple[Slot, ...] = Field(min_length=1, max_length=5)  # one of each kind
    mac: Annotated[_Base64, Field(min_length=32, max_length=32)]


class SlotFile:
    """A file that was read. Its slots are believed only once the root key has confirmed them (`confirmed_by`)."""

    def __init__(self, file: _File) -> None:
        self._file = file

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots, at most one of each kind."""
        return self._file.slots

    def slot(self, kind: Kind) -> Slot | None:
        """The slot of this kind."""
        return next((slot for slot in self.slots if slot.lock.kind == kind), None)

    def confirmed_by(self, root: RootKey) -> bool:
        """Whether whoever wrote these slots, all of them and no other, held this root key."""
        return hmac.compare_digest(self._file.mac, _mac(self.slots, root))


def together(passphrase: bytes, key_file: bytes) -> bytes:
    """The one secret that a passphrase and a key file make. Raises ValueError unless the file's length is right.

    The file comes first: its length is fixed, so that no other pair makes the same bytes.
    """
    if len(key_file) != KEY_FILE_BYTES:
        raise ValueError(f"a key file is {KEY_FILE_BYTES} bytes long")
    return key_file + passphrase


def wrap(root: RootKey, lock: Lock, secret: bytes, random_bytes: RandomBytes) -> Slot:
    """A slot that `secret` opens."""
    salt, nonce = random_bytes(16), random_bytes(12)
    wrapped = AESGCM(_key(lock, salt, secret)).encrypt(nonce, root.exposed(), _bound(lock, salt))
    return Slot(lock=lock, salt=salt, nonce=nonce, wrapped=wrapped)


def unwrap(slot: Slot, secret: bytes) -> RootKey | None:
    """The root key; None when the secret is another, or the slot was altered."""
    cipher = AESGCM(_key(slot.lock, slot.salt, secret))
    try:
        return RootKey(cipher.decrypt(slot.nonce, slot.wrapped, _bound(slot.lock, slot.salt)))
    except InvalidTag:
        return None


def encode(slots: Sequence[Slot], root: RootKey) -> bytes:
    """The file that holds these slots, confirmed by the root key."""
    return _text(_File(format=FORMAT, slots=tuple(slots), mac=_mac(slots, root)))


def decode(raw: bytes) -> SlotFile:
    """Reads a file; raises NotASlotFile for whatever `encode` would not have written."""
    if len(raw) > LONGEST_FILE:
        raise NotASlotFile("too long")
    try:
        file = _File.model_validate_json(raw)
    except ValidationError as error:
        raise NotASlotFile("not in the format") from error
    if _text(file) != raw:  # a key written twice, a space more
        raise NotASlotFile("not written as this program writes it")
    kinds = [slot.lock.kind for slot in file.slots]
    if len(set(kinds)) != len(kinds):
        raise NotASlotFile("two slots of one kind")
    return SlotFile(file)


def _text(model: BaseModel) -> bytes:
    return (json.dumps(model.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode("ascii")


def _mac(slots: Sequence[Slot], root: RootKey) -> bytes:
    content = FORMAT.encode() + b"\n" + b"".join(map(_text, slots))
    return hmac.digest(root.derive(_MAC_PURPOSE), content, "sha256")


def _bound(lock: Lock, salt: bytes) -> bytes:
    """What the wrapping authenticates besides the key: the format's version, the lock with its parameters, the salt."""
    return FORMAT.encode() + b"\n" + _text(lock) + salt


def _key(lock: Lock, salt: bytes, secret: bytes) -> bytes:
    if isinstance(lock, PassphraseLock):
        return _slowed(lock, salt, secret)
    if isinstance(lock, PassphraseAndKeyFileLock):
        # The passphrase is slowed alone: it is what can be guessed by who has the file. Nothing is checked before both
        # are one key, so that a wrong guess does not tell which of the two was wrong.
        key_file, passphrase = secret[:KEY_FILE_BYTES], secret[KEY_FILE_BYTES:]
        secret = _slowed(lock, salt, passphrase) + key_file
    # Every other secret is random already: nothing to slow down.
    return HKDF(SHA256(), 32, salt=salt, info=f"lightproof/1/slot/{lock.kind}".encode()).derive(secret)


def _slowed(lock: _Slowed, salt: bytes, passphrase: bytes) -> bytes:
    return hash_secret_raw(
        passphrase,
        salt,
        time_cost=lock.passes,
        memory_cost=lock.memory_kib,
        parallelism=lock.lanes,
        hash_len=32,
        type=Type.ID,
    )
