"""What DICOM files are called and where they lie: for listings whose names are looked at, counted and forgotten.

File names are often patients' names. They never leave the detector that reads them.
"""

import re
from collections.abc import Iterable
from typing import Final

_DICOM_NAME: Final = re.compile(
    r".+\.(dcm|dicom|dic|dicm)|DICOMDIR|IM[-_]?\d{2,12}|I\d{5,10}|[012](\.\d{1,39}){5,30}", re.IGNORECASE
)
"""Extensions in use; PS3.10 names of exported media (`IM000001`); files named by their SOP Instance UID."""
_PROMISING: Final = re.compile(r"dicom|dcm|pacs|imag|radio|scan|stud|patient|pat\d|^st\d|^se\d|^\d+$", re.IGNORECASE)
_LONGEST_NAME: Final = 255


def is_dicom_name(name: str) -> bool:
    """Whether a file is called as DICOM files are."""
    return len(name) <= _LONGEST_NAME and _DICOM_NAME.fullmatch(name) is not None


def promising_first(directories: Iterable[str]) -> list[str]:
    """Names of directories, those first that sound like images; otherwise in their order."""
    return sorted(directories, key=lambda name: _PROMISING.search(name[:_LONGEST_NAME]) is None)
