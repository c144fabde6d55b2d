"""Watchers of runs, for tests that hear some of what is told."""

from collections.abc import Sequence

from lightproof.evidence.records import Observation, Probe, Unchecked


class Unwatched:
    """Heeds nothing: whoever inherits says what it heeds."""

    def swept(self, done: int, total: int, answering: int) -> None: ...

    def tried(self, positions: Sequence[tuple[int, int]]) -> None: ...

    def visited(self, done: int, total: int) -> None: ...

    def probed(self, probe: Probe) -> None: ...

    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None: ...
