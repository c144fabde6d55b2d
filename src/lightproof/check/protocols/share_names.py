"""Names of shares, modules and exports: people call them after patients and doctors, so most never leave us.

A name that is a common word helps whoever must find the share; of the others only their number is told.
"""

import re
from collections.abc import Iterable
from typing import Final

from lightproof.evidence.records import Scalar

_COMMON: Final = re.compile(
    r"archives?|backups?|commun|data|dicom|documents|downloads?|echange|echo|examens|export|homes?|images?|imagerie|import|"
    r"irm|mammo|media|nas|pacs|partage|photos?|public|radio|radiologie|rx|sauvegardes?|scan|scanner|scans|shared?|"
    r"studies|temp|tmp|transfer|transfert|usb|users|volume\d|web|xray",
    re.IGNORECASE,
)
_MOST: Final = 16


def common_names(names: Iterable[str]) -> dict[str, Scalar]:
    """Details of an observation: `shares`, the common words among `names`; `other_shares`, how many others."""
    listed = list(names)
    common = [name for name in listed if _COMMON.fullmatch(name)]
    return {"shares": ", ".join(common[:_MOST]), "other_shares": len(listed) - len(common[:_MOST])}
