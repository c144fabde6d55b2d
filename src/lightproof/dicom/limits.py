"""What a peer may ask of us: every cap of the wire in one place. A declared length is only a claim."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps of one association. A peer beyond any of them has broken the protocol, whatever its software."""

    control_bytes: int = 131_072
    """Length field of any PDU but P-DATA-TF. P-DATA-TF is held to the maximum length we announced."""
    contexts: int = 128
    """Presentation contexts in one A-ASSOCIATE: all that odd identifiers allow (PS3.8 9.3.2.2)."""
    transfer_syntaxes: int = 128
    """Transfer syntaxes in one presentation context."""
    user_items: int = 512
    """Sub-items of the user information: 128 role selections and 128 extended negotiations fit."""
    command_bytes: int = 16_384
    """One reassembled command set; the largest honest ones stay under 1 KB."""
    smallest_maximum_length: int = 128
    """A peer that announces less would make us send one PDU for a few bytes."""


DEFAULT_LIMITS = Limits()
