"""Whether what was filed was filed in time, by the facts as they stand. Pure.

Rules of this file:
- a notice is judged anew whenever anybody looks: a correction of the awareness makes late what seemed to be in time;
- of the notices of one law the first counts; reasons (Art. 33(1)) count whenever they were recorded.
"""

from dataclasses import dataclass
from datetime import datetime

from lightproof.breach.clock import clock_under
from lightproof.breach.incident import Explained, Incident, Notified
from lightproof.law.regimes import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """The first notice of one law, filed after its deadline."""

    filed: Notified
    deadline: datetime
    reasons: tuple[Explained, ...]
    untold: bool
    """There are reasons, and no notice was filed with them or since."""

    @property
    def law(self) -> str:
        """Id of the regime."""
        return self.filed.regime


def deadline_under(told: Incident, law: str) -> datetime | None:
    """The deadline of a breach under this law, by its facts as they stand; None before awareness, or without period."""
    known = shipped(law)
    return None if known is None else clock_under(told.facts, known).deadline


def late_filings(told: Incident) -> tuple[Late, ...]:
    """The late ones, in the order in which they were filed."""
    firsts: dict[str, Notified] = {}
    lasts: dict[str, Notified] = {}
    for filed in told.notifications:
        firsts.setdefault(filed.regime, filed)
        lasts[filed.regime] = filed
    found: list[Late] = []
    for law, filed in firsts.items():
        deadline = deadline_under(told, law)
        if deadline is not None and filed.filed_at > deadline:
            reasons = tuple(one for one in told.explained if one.regime == law)
            untold = bool(reasons) and all(one.entry > lasts[law].entry for one in reasons)
            found.append(Late(filed=filed, deadline=deadline, reasons=reasons, untold=untold))
    return tuple(found)
