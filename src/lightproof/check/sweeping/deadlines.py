"""Many deadlines of the same length, cheaply: numbers in baskets of a twentieth of a second.

What was put in first falls due first, so a queue of baskets is enough. Nothing is ever taken out early: whoever ended
in time is simply no longer known by its number when the basket is emptied.
"""

from array import array
from collections import deque
from collections.abc import Iterable
from typing import Final

_BASKET_S: Final = 0.05


class Deadlines:
    """Numbers that fall due `after_s` seconds after they were added, at most a basket late."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._baskets: deque[tuple[float, array[int]]] = deque()
        self._filling: array[int] = array("Q")
        self._until = 0.0

    def add(self, number: int, now: float) -> None:
        """Lets `number` fall due. `now` never goes back."""
        if now >= self._until:
            self._filling = array("Q")
            self._until = now + _BASKET_S
            self._baskets.append((self._until + self._after_s, self._filling))
        self._filling.append(number)

    def due(self, now: float) -> Iterable[int]:
        """The numbers that fell due by `now`, each once."""
        while self._baskets and self._baskets[0][0] <= now:
            yield from self._baskets.popleft()[1]

    @property
    def next_due(self) -> float | None:
        """When the next basket is to be emptied."""
        return self._baskets[0][0] if self._baskets else None
