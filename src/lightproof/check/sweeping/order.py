"""A repeatable random order of very many things, of which none is held.

Networks and devices bear a spread load better than a neighbour after neighbour, and two runs with one seed must meet
the same targets in the same order. The order is a permutation computed one position at a time: a Feistel network over
mixed radices (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002), whose round functions are tables of
keyed pseudo-random numbers. The tables have about as many rows as the square root of the number of things.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Final

LARGEST: Final = 1 << 40
"""The tables then take 16 MB; it is all of IPv4 on 256 ports."""

_ROUNDS: Final = 4


class Order:
    """The numbers 0 to `size` - 1 in an order that depends on `seed` alone."""

    def __init__(self, size: int, seed: int) -> None:
        if not 0 <= size <= LARGEST:
            raise ValueError(size)
        self.size = size
        self._rows = isqrt(max(size - 1, 0)) + 1
        self._columns = max(-(-size // self._rows), 1)
        self._tables = [
            _table(f"lightproof order {seed} {size} {number}", self._columns if number % 2 == 0 else self._rows)
            for number in range(_ROUNDS)
        ]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, position: int) -> int:
        """What stands at this position."""
        if not 0 <= position < self.size:
            raise IndexError(position)
        return next(self._images(range(position, position + 1)))

    def position(self, index: int) -> int:
        """Where this number stands."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        first, second, third, fourth = self._tables
        rows, columns = self._rows, self._columns
        position = self.size
        while position >= self.size:  # the same cycle, backwards
            left, right = divmod(index, columns)
            right = (right - fourth[left]) % columns
            left = (left - third[right]) % rows
            right = (right - second[left]) % columns
            left = (left - first[right]) % rows
            position = index = left * columns + right
        return position

    def walk(self, positions: range) -> Iterator[tuple[int, int]]:
        """Each of these positions with what stands there."""
        return zip(positions, self._images(positions), strict=True)

    def _images(self, positions: range) -> Iterator[int]:
        first, second, third, fourth = self._tables
        rows, columns, size = self._rows, self._columns, self.size
        for position in positions:
            image = size
            start = position
            # Walks the cycle past the few numbers that the rectangle has and the range has not.
            while image >= size:
                left, right = divmod(start, columns)
                left = (left + first[right]) % rows
                right = (right + second[left]) % columns
                left = (left + third[right]) % rows
                right = (right + fourth[left]) % columns
                start = image = left * columns + right
            yield image


def _table(key: str, length: int) -> Sequence[int]:
    numbers = array("I", hashlib.shake_256(key.encode()).digest(4 * length))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
