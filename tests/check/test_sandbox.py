"""A confined process reads no keys, writes and starts nothing, and can still do all that a check does."""

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from lightproof.check.apart import apart
from lightproof.check.sandbox import Confinement, confine, readable
from lightproof.check.system_calls import MACHINES
from lightproof.check.watching import Look, Span, Watcher
from lightproof.errors import LightproofError
from lightproof.evidence.records import Observation, Unchecked

pytestmark = pytest.mark.skipif(sys.platform != "linux" and not os.environ.get("CI"), reason="Linux only")

HAS_LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1
HAS_FILTERS = Path("/proc/sys/kernel/seccomp").exists() and os.uname().machine in MACHINES
HOLDS = Confinement(filesystem=HAS_LANDLOCK, system_calls=HAS_FILTERS)


def confined(act: Callable[[], object]) -> object:
    """What `act` gives in a confined process, or the name of what it raises there."""
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        try:
            confine()
            said: object = act()
        except BaseException as error:  # noqa: BLE001 - told, whatever it is
            said = type(error).__name__
        os.write(mouth, json.dumps(said, default=str).encode())
        os._exit(0)
    os.close(mouth)
    with os.fdopen(ear, "rb") as words:
        told = words.read()
    os.waitpid(child, 0)
    return json.loads(told)


def refused(act: Callable[[], object], *, by_either: bool) -> bool:
    """Whether a confined process may not, where the kernel has what refuses it; elsewhere there is nothing to say."""
    return confined(act) == "PermissionError" or not by_either


def test_what_holds_is_told() -> None:
    assert confined(lambda: str(confine())) == str(HOLDS)


# What is given up


def test_the_keys_of_the_home_cannot_be_read(tmp_path: Path) -> None:
    for name in ("root-key.json", "unlock.key", "lightproof.db"):
        (tmp_path / name).write_text("secret")
        assert refused((tmp_path / name).read_text, by_either=HAS_LANDLOCK)
    assert refused(lambda: list(tmp_path.iterdir()), by_either=HAS_LANDLOCK)


def test_no_file_can_be_written_made_or_taken_away(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    for act in (
        lambda: kept.write_text(""),
        (tmp_path / "made").touch,
        (tmp_path / "made").mkdir,
        lambda: (tmp_path / "made").symlink_to(kept),
        lambda: kept.rename(tmp_path / "made"),
        kept.unlink,
    ):
        assert refused(act, by_either=HAS_LANDLOCK)
    for act in (lambda: os.truncate(kept, 0), lambda: kept.chmod(0o777), lambda: os.utime(kept, (0, 0))):
        assert refused(act, by_either=HAS_FILTERS)


def test_what_was_open_before_can_be_written(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        assert confined(lambda: (os.write(journal.fileno(), b"kept"), os.ftruncate(journal.fileno(), 2))) == [4, None]
    assert (tmp_path / "journal").read_text() == "ke"


REFUSED: dict[str, Callable[[], object]] = {
    "execv": lambda: os.execv(sys.executable, ["python", "-c", ""]),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "fork": os.fork,
    "kill": lambda: os.kill(os.getppid(), 0),
    "pidfd": lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0),
    "local socket": lambda: socket.socket(socket.AF_UNIX),
    "being called": lambda: socket.create_server(("127.0.0.1", 0)),
    "ptrace": lambda: call("ptrace", 0, 0, 0, 0),
    "memory": lambda: call("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
    "mount": lambda: call("mount", b"none", b"/", b"nothing", 0, 0),
    "unshare": lambda: call("unshare", 0x1000_0000),
    "io_uring": lambda: call("syscall", 425, 1, 0),
    "typing": lambda: call("ioctl", 0, 0x5412, b"x"),
    "limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1 << 20, resource.RLIM_INFINITY)),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, os.getppid())),
    "news as a signal": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()),
    "shared memory": lambda: call("shmget", 0, 4_096, 0o1600),
    "names in a folder": lambda: call("inotify_init1", 0),
}


@pytest.mark.parametrize("act", REFUSED.values(), ids=REFUSED)
def test_nothing_else_is_reached(act: Callable[[], object]) -> None:
    assert refused(act, by_either=HAS_FILTERS)


def call(name: str, *arguments: int | bytes) -> int:
    """A function of the C library. Raises OSError as Python's own do."""
    result = int(getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def test_the_memory_of_the_process_that_holds_keys_cannot_be_read() -> None:
    memory = Path(f"/proc/{os.getpid()}/mem")
    assert refused(memory.open, by_either=HAS_LANDLOCK)


@contextmanager
def at(folder: Path) -> Generator[None]:
    here = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)


def test_no_folder_of_a_person_is_granted_because_modules_could_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, here, modules = tmp_path / "mine", tmp_path / "here", tmp_path / "modules"
    for folder in (mine / "home", here, modules):
        folder.mkdir(parents=True)
    monkeypatch.setenv("LIGHTPROOF_HOME", str(mine / "home"))
    monkeypatch.setattr(sys, "path", ["", "/", str(mine), str(here), str(modules), str(Path.home())])
    with at(here):
        assert {entry for entry in readable() if entry in sys.path} == {str(modules)}


# What a check needs


def test_threads_names_modules_and_tables_of_the_kernel_are_still_there() -> None:
    def act() -> list[object]:
        ran: list[object] = []
        thread = threading.Thread(target=ran.append, args=("ran",))
        thread.start()
        thread.join()
        ran.append(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4][1])
        assert "wsgiref.handlers" not in sys.modules
        ran.append(import_module("wsgiref.handlers").__name__)
        ran.append(Path("/proc/net/route").read_text().split()[0])
        ran.append(len(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()))
        return ran

    assert confined(act) == ["ran", 80, "wsgiref.handlers", "Iface", 2]


def test_anybody_can_still_be_called() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()

        def act() -> str:
            with socket.create_connection(address) as sock:
                return sock.recv(5).decode()

        def answer() -> None:
            with server.accept()[0] as peer:
                peer.sendall(b"hello")

        answering = threading.Thread(target=answer)
        answering.start()
        assert confined(act) == "hello"
        answering.join()


# In the process apart


class Deaf:
    """A watcher that keeps nothing."""

    def swept(self, done: int, total: int, answering: int) -> None: ...
    def visited(self, done: int, total: int) -> None: ...
    def learnt(self, observations: Sequence[Observation], unchecked: Sequence[Unchecked]) -> None: ...


def test_a_process_apart_that_goes_for_the_key_ends_as_a_fault(tmp_path: Path) -> None:
    key = tmp_path / "unlock.key"
    key.write_text("secret")

    def look(watcher: Watcher) -> Span:
        key.read_text()
        raise AssertionError  # it was read

    def opening() -> nullcontext[Look]:
        key.read_text()  # before it meets anybody it may
        return nullcontext(look)

    with apart(lambda: opening) as looked, pytest.raises(LightproofError) as told:
        looked(Deaf())
    assert told.value.error_id == "check-cut-short"
    (note,) = told.value.__notes__
    assert ("PermissionError" in note) is HAS_LANDLOCK
    assert str(HOLDS) in note
    assert "secret" not in note


def test_a_process_apart_can_do_what_needs_neither_files_nor_programs() -> None:
    at_noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    with apart(lambda: lambda: nullcontext(lambda _watcher: Span(at_noon, at_noon))) as look:
        assert look(Deaf()) == Span(at_noon, at_noon)
