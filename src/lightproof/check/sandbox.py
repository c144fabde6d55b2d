"""What a process gives up before it meets the network, on Linux: files by Landlock, system calls by seccomp.

Rules of this file:
- nothing is granted for writing: what a confined process must write to, it has open before;
- nothing is granted for reading but what Python loads modules from, the system's libraries, and how names are resolved.
  No folder in which a person keeps files is among it;
- both hold for the process to its end, and for every thread begun later: call it while there is only one;
- a kernel that cannot do one of them is no reason not to check. What holds is told.

Landlock's numbers are those of the kernel's include/uapi/linux/landlock.h, and of its
Documentation/userspace-api/landlock.rst for what each version of it knows.
"""

import os
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lightproof.check.system_calls import INSTRUCTION_BYTES, MACHINES, Machine, filter_program
from lightproof.storage.home import home

_NETWORK_OF_THE_KERNEL: Final = ("/proc/net", "/proc/sys/net/ipv4")
_SYSTEM: Final = (
    *("/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"),
    # /etc is not granted whole: a key file may lie there, as those of other programs do.
    *("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/ld.so.cache", "/etc/localtime"),
    *("/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/pki/tls/openssl.cnf", "/etc/pki/tls/certs"),
    *("/etc/pki/ca-trust/extracted/pem", "/etc/crypto-policies"),
    *("/dev/null", "/dev/urandom"),
)

_SET_NO_NEW_PRIVS: Final = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights over files a version knows: the first ones; from 5 on, 16 that matter here."""
_SCOPES: Final = 0b11
"""Abstract sockets and signals do not leave the process. From version 6 on."""
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


@dataclass(frozen=True, slots=True)
class Confinement:
    """Which of the two hold."""

    filesystem: bool
    system_calls: bool


def confine() -> Confinement:
    """Gives up all that a check never needs, as far as this system can take it. There is no way back."""
    kernel = _Kernel.here()
    if kernel is None or not kernel.gains_nothing_more():
        return Confinement(filesystem=False, system_calls=False)
    # Modules that are loaded from now on are not kept compiled: Python would try, and be refused.
    sys.dont_write_bytecode = True
    # A 32-bit program on such a machine makes the calls of another.
    machine = MACHINES.get(os.uname().machine) if sys.maxsize > 1 << 32 else None
    return Confinement(
        filesystem=kernel.reads_only(tuple(readable())),
        system_calls=machine is not None and kernel.filters(machine),
    )


def readable() -> Iterator[str]:
    """What a confined process may read: files, and folders with all that is in them."""
    yield str(Path(__file__).parents[1])
    yield str(Path(sys.base_prefix, "lib"))
    yield from _SYSTEM
    yield from _NETWORK_OF_THE_KERNEL
    # `python -m` puts the folder that a person happens to be in on the path; it holds whatever that person keeps there.
    private = [os.path.realpath(place) for place in ("/proc/self/cwd", os.path.expanduser("~"), home())]  # noqa: PTH111
    for entry in filter(None, sys.path):
        if not any(Path(folder).is_relative_to(os.path.realpath(entry)) for folder in private):
            yield entry


class _Kernel:
    """The few calls that Python has no function for. Each says whether the kernel did it."""

    def __init__(self) -> None:
        import ctypes  # noqa: PLC0415 - by nothing else

        self._c = ctypes
        library = ctypes.CDLL(None)
        self._syscall, self._prctl = library.syscall, library.prctl
        self._syscall.restype = ctypes.c_long
        self._prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

    @classmethod
    def here(cls) -> "_Kernel | None":
        """None where this is not Linux, or where the interpreter may not call foreign functions."""
        if sys.platform != "linux":
            return None
        try:
            return cls()
        except (ImportError, OSError, AttributeError, MemoryError):
            return None

    def gains_nothing_more(self) -> bool:
        """No program that is executed has more rights than we: the kernel asks for this before it lets us confine."""
        return self._prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0

    def reads_only(self, paths: tuple[str, ...]) -> bool:
        """Of all files, those under `paths` can be opened for reading, and nothing else can be done to any by name."""
        version = self._call(_CREATE_RULESET, None, 0, _VERSION)
        if version < 1:
            return False
        handled = (1 << _RIGHTS.get(version, 16)) - 1
        about = struct.pack("=QQQ", handled, 0, _SCOPES if version >= 6 else 0)
        rules = self._call(_CREATE_RULESET, about, len(about), 0)
        if rules < 0:
            return False
        try:
            granted = all(self._grant(rules, path) for path in paths)
            return granted and self._call(_RESTRICT_SELF, rules, 0) == 0
        finally:
            os.close(rules)

    def _grant(self, rules: int, path: str) -> bool:
        try:
            at = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return True  # what is not there need not be granted
        rights = _READ_FILE | (_READ_DIR if stat.S_ISDIR(os.fstat(at).st_mode) else 0)
        try:
            return self._call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, at), 0) == 0
        finally:
            # A rule is about an inode. Those of /proc are made anew once nobody holds their name.
            if path not in _NETWORK_OF_THE_KERNEL:
                os.close(at)

    def filters(self, machine: Machine) -> bool:
        """Every call of every thread passes through the filter from now on."""
        program = filter_program(machine, os.getpid())
        kept = self._c.create_string_buffer(program, len(program))
        about = struct.pack("@HP", len(program) // INSTRUCTION_BYTES, self._c.addressof(kept))
        return self._call(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, about) == 0

    def _call(self, number: int, *arguments: int | bytes | None) -> int:
        c = self._c
        passed = [c.c_long(value) if isinstance(value, int) else c.c_char_p(value) for value in arguments]
        return int(self._syscall(c.c_long(number), *passed))
