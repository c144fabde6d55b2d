"""What the owner of the machines agreed to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the owner agreed to beyond zero-match proofs."""

    count: bool = False
    """Studies may be counted: identifiers become keyed hashes as they are parsed."""
    key: bytes = b""
    """Of those hashes (HMAC-SHA-256); made for one report and forgotten with it."""
    called_aes: tuple[str, ...] = ()
    """AE titles to try where a DICOM service only answers to its own: a guess against an access rule."""

    @property
    def beyond_proofs(self) -> bool:
        """Whether anything of it asks for more than zero-match proofs."""
        return self.count or bool(self.called_aes)
