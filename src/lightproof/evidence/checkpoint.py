"""Checkpoints: the size and root of the ledger, signed (C2SP tlog-checkpoint, inside a C2SP signed-note), pure.

    lightproof/ledger/61ab5f39c1d2e3f4      the origin: which ledger, and the name of its key
    1207                                    how many entries
    9YKqAzcm...=                            the root over them, base64
    previous 1203                           how many there were in the checkpoint before: none can be left out

    — lightproof/ledger/61ab5f39c1d2e3f4 base64(key hash, signature)

Witnesses add lines of their own below: signatures that are not of the key in hand are kept and not judged. Texts come
from files that anyone may have written: they are read strictly and under limits.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lightproof.evidence.merkle import HASH_BYTES

NOTE_BYTES: Final = 65_536
SIGNATURES: Final = 100
PREVIOUS: Final = "previous "
"""Begins the extension line that names the size of the checkpoint before."""
_ED25519: Final = b"\x01"
_DASH: Final = "\N{EM DASH} "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_NAME: Final = re.compile(r"[^\s+]{1,200}")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteRefused(ValueError):
    """What claims to be a signed checkpoint is not one of this ledger. `reason` is a word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a ledger."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or "\n" in line or _CONTROL.search(line) for line in lines):
            raise NoteRefused("line")
        if not 0 <= self.size < 10**16:
            raise NoteRefused("size")
        if len(self.root) != HASH_BYTES:
            raise NoteRefused("root")

    @property
    def previous(self) -> int | None:
        """The size of the checkpoint before, where the text names one."""
        for line in self.extensions:
            if line.startswith(PREVIOUS) and _SIZE.fullmatch(line.removeprefix(PREVIOUS)):
                return int(line.removeprefix(PREVIOUS))
        return None

    def text(self) -> str:
        """What is signed: the lines of the checkpoint."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Signature:
    """One line under a note."""

    name: str
    key_hash: bytes
    """Four bytes that tell which key of this name signed."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and the signatures under it, none of them judged yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> str:
        """The note as it is written down."""
        lines = (f"{_DASH}{s.name} {b64encode(s.key_hash + s.signature).decode()}\n" for s in self.signatures)
        return f"{self.text}\n{''.join(lines)}"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may sign for a ledger: a name and an Ed25519 public key of 32 bytes."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or _CONTROL.search(self.name):
            raise NoteRefused("key-name")
        if len(self.public) != 32:
            raise NoteRefused("key-length")

    @property
    def key_hash(self) -> bytes:
        """Four bytes that stand for the key in a signature line (C2SP signed-note)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """The key as one word, to give to whoever verifies (C2SP signed-note): name+hash+base64."""
        return f"{self.name}+{self.key_hash.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key that this word tells. Raises NoteRefused."""
        if len(text) > 400 or text.count("+") < 2:
            raise NoteRefused("key-unreadable")
        name, key_hash, encoded = text.split("+", 2)  # base64 has a + of its own
        content = _from_base64(encoded, "key-unreadable")
        if content[:1] != _ED25519:
            raise NoteRefused("key-algorithm")
        key = cls(name, content[1:])
        if key_hash != key.key_hash.hex():
            raise NoteRefused("key-hash")
        return key

    def signed(self, note: SignedNote) -> bool:
        """Whether this key signed the note: at least once, and nothing is passed off as its signature."""
        ours = [s.signature for s in note.signatures if (s.name, s.key_hash) == (self.name, self.key_hash)]
        public = Ed25519PublicKey.from_public_bytes(self.public)
        try:
            for signature in ours:
                public.verify(signature, note.text.encode())
        except InvalidSignature:
            return False
        return bool(ours)


class Signer:
    """Signs for one ledger. Its key does not leave it."""

    def __init__(self, seed: bytes, name: str | None = None) -> None:
        """From 32 secret bytes. The name is by default made from the key, so that no two ledgers share one."""
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key = VerifierKey(name or f"lightproof/ledger/{sha256(public).hexdigest()[:16]}", public)

    def checkpoint(self, size: int, root: bytes, *, previous: int | None = None) -> str:
        """The signed note of this state of the ledger, naming the size of the checkpoint before."""
        extensions = () if previous is None else (f"{PREVIOUS}{previous}",)
        return self.sign(Checkpoint(self.key.name, size, root, extensions).text()).encode()

    def sign(self, text: str) -> SignedNote:
        """This text with our signature under it."""
        return SignedNote(text, (Signature(self.key.name, self.key.key_hash, self._private.sign(text.encode())),))


def opened(note: str | bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note that this key signed. Raises NoteRefused: malformed, another ledger's, or not signed."""
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != key.name:
        raise NoteRefused("other-origin")
    if not key.signed(parsed):
        raise NoteRefused("not-signed")
    return checkpoint


def parse_note(note: str | bytes) -> SignedNote:
    """A signed note, its signatures not judged (C2SP signed-note). Raises NoteRefused."""
    try:
        whole = note.decode() if isinstance(note, bytes) else note
        length = len(whole.encode())
    except UnicodeError as error:
        raise NoteRefused("not-utf-8") from error
    if length > NOTE_BYTES:
        raise NoteRefused("too-long")
    if _CONTROL.search(whole):
        raise NoteRefused("control-character")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise NoteRefused("no-signature")
    signatures = lines.removesuffix("\n").split("\n")
    if len(signatures) > SIGNATURES:
        raise NoteRefused("too-many-signatures")
    return SignedNote(f"{text}\n", tuple(_signature(line) for line in signatures))


def parse_checkpoint(text: str) -> Checkpoint:
    """The lines of a checkpoint (C2SP tlog-checkpoint). Raises NoteRefused."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop():
        raise NoteRefused("lines")
    origin, size, root, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise NoteRefused("size")
    return Checkpoint(origin, int(size), _from_base64(root, "root"), tuple(extensions))


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _NAME.fullmatch(name):
        raise NoteRefused("signature-line")
    content = _from_base64(encoded, "signature-line")
    if len(content) < 5:
        raise NoteRefused("signature-line")
    return Signature(name, content[:4], content[4:])


def _from_base64(text: str, reason: str) -> bytes:
    """Standard base64 in the one spelling that encoding gives: another would be a second text with the same meaning."""
    try:
        content = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise NoteRefused(reason) from error
    if b64encode(content).decode() != text:
        raise NoteRefused(reason)
    return content
