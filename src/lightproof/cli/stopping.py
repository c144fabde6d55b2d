"""Who is asked to end (SIGTERM: by systemd, by `timeout`) ends as after Ctrl-C, and finishes what must be finished."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_by_sigterm() -> Generator[None]:
    """SIGTERM raises KeyboardInterrupt inside the block."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
