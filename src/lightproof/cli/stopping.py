"""Who is asked to end (SIGTERM: by systemd, by `timeout`; SIGHUP: its terminal went) ends as after Ctrl-C.

What must be finished is finished, then.
"""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopped_as_by_ctrl_c() -> Generator[None]:
    """These signals raise KeyboardInterrupt inside the block. One that is ignored already (nohup) stays ignored."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    heard = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for one in heard:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)
