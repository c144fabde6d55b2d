"""A fleet of the bombs of 10 GB: endpoint n answers every request with bomb n modulo their number."""

from check.bombs import BOMBS, bomb, made
from check.fleets import Endpoint, main

SIZE = 10_000_000_000


def _endpoint(number: int) -> Endpoint:
    name = tuple(BOMBS)[number % len(BOMBS)]
    made(name, SIZE)  # before anybody calls: packing takes longer than a visit
    return Endpoint(bomb(name, SIZE))


if __name__ == "__main__":
    main(_endpoint)
