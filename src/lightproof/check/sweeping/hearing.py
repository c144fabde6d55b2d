"""Who was heard during a sweep. Silence is never read as a closed door: only a refusal says that nobody listens.

Very large ranges cost nothing here: whether anybody was heard at all is one bit, and only the machines that a person
named are kept by their address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from lightproof.check.sweeping.questions import Outcome

Silence = Literal["no-answer", "unreachable"]
"""How nothing was heard, as a reason of Unchecked."""
SILENCES: Final[Mapping[Outcome, Silence]] = {Outcome.SILENT: "no-answer", Outcome.UNREACHABLE: "unreachable"}


@dataclass(slots=True)
class Hearing:
    """What a sweep heard so far. Two are added to one another in any order, and as often as one likes."""

    anybody: bool = False
    """Some target picked up, or refused."""
    silence: Silence | None = None
    """How the targets that were not heard stayed silent; None while there are none."""
    machines: set[str] = field(default_factory=set[str])
    """Watched addresses that were heard on some port."""
    unheard: dict[str, tuple[Silence, int]] = field(default_factory=dict[str, tuple[Silence, int]])
    """Watched addresses of which some port stayed silent, and the lowest such port."""

    def heard(self, address: str, *, watched: bool) -> None:
        """Somebody picked up there, or refused."""
        self.anybody = True
        if watched:
            self.machines.add(address)

    def missed(self, address: str, port: int, how: Silence, *, watched: bool) -> None:
        """Nothing came back from there."""
        self._miss(how)
        if watched:
            self._miss_machine(address, how, port)

    def add(self, other: "Hearing") -> None:
        """Takes in what another part of the sweep heard."""
        self.anybody = self.anybody or other.anybody
        if other.silence is not None:
            self._miss(other.silence)
        self.machines |= other.machines
        for address, (how, port) in other.unheard.items():
            self._miss_machine(address, how, port)

    def _miss(self, how: Silence) -> None:
        """Where both were met, that nobody answered is told: such a call went further than one without a way."""
        if self.silence != "no-answer":
            self.silence = how

    def _miss_machine(self, address: str, how: Silence, port: int) -> None:
        known = self.unheard.get(address, (how, port))
        self.unheard[address] = min(known, (how, port))  # the alphabet puts "no-answer" first, as above

    @property
    def nobody(self) -> bool:
        """Whether calls were placed and not one was answered, not even by a refusal."""
        return self.silence is not None and not self.anybody
