"""A process that has loaded all of the program in one language, and lets copies of itself run commands.

    python -m cli.warm LANGUAGE SOCKET    # SOCKET: number of a listening Unix socket; ends with its stdin

Loading takes four fifths of a short command, and tests run a thousand. Each copy is a process of its own, with the
environment, folder and streams of whoever asked; the command begins in it where it begins for a person, at `main`.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress

import lightproof
from lightproof.cli import main
from lightproof.locale import as_language, speaking, the_library_speaking


def _load(language: str) -> None:
    known = as_language(language)
    assert known is not None
    # Help texts are translated while commands are declared.
    with speaking(known), the_library_speaking():
        for module in pkgutil.walk_packages(lightproof.__path__, "lightproof."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def _serve(listener: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        asking, _ = listener.accept()
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(asking)
        asking.close()


def _become(asking: socket.socket) -> None:
    """Runs the command that is asked for, says how it ended, and ends."""
    message, streams, _flags, _address = socket.recv_fds(asking, 1 << 20, 3)
    wanted = json.loads(message)
    asking.sendall(b"%d\n" % os.getpid())
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    sys.argv = ["lightproof", *wanted["arguments"]]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter ends: with the trace, and 1
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType]
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        asking.sendall(b"%d\n" % code)
        os._exit(code)


if __name__ == "__main__":
    _load(sys.argv[1])
    _serve(socket.socket(fileno=int(sys.argv[2])))
