"""How we introduce ourselves to DICOM services: always by our own name."""

from typing import Final

CALLING_AE: Final = "LIGHTPROOF"
CALLED_AE: Final = "ANYBODY"
"""A title that no archive bears: whoever accepts it does not check how it is called."""
