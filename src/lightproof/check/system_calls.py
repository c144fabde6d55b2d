"""Pure: the system calls that whatever meets the network never needs, and the filter that refuses them (Linux).

Rules of this file:
- a call that is not named stays free: an interpreter's own calls change with every version of it and of the C library;
- what is named is refused as for want of a right (EPERM), so that a program which tries goes on or ends in words;
- numbers are those of the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h
  (Linux 6.17), the same from version to version: that is the kernel's promise.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple


class Machine(NamedTuple):
    """One architecture, as filters know it."""

    audit: int
    """AUDIT_ARCH_* of linux/audit.h."""
    column: int
    """Where its numbers stand in the tables below."""
    seccomp: int
    """The call that takes a filter."""
    foreign_from: int | None
    """Numbers from here on are another architecture's in disguise (x32)."""


MACHINES: Final = {
    "x86_64": Machine(0xC000_003E, 0, 317, 0x4000_0000),
    "aarch64": Machine(0xC000_00B7, 1, 277, None),
}
"""By what uname calls them."""

_Numbers = tuple[int | None, int | None]
"""On x86_64 and on aarch64; None: not there."""

REFUSED: Final[dict[str, _Numbers]] = {
    # Other programs, other processes. Threads are `clone`, below.
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # Memory and messages that other programs of the same user share by number: no path of theirs is ever opened.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181),
    # Being called: it only ever calls.
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242),
    # What Landlock leaves free: owners, modes, attributes, times of files; before its third version their length too.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "truncate": (76, 45), "file_setattr": (469, 469),
    # And the names in folders that nobody granted, as files come and go there.
    "inotify_init": (253, None), "inotify_init1": (294, 26),
    # Another view of the file system.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467), "open_by_handle_at": (304, 265),
    "unshare": (272, 97), "setns": (308, 268), "fanotify_init": (300, 262),
    # The system itself.
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "personality": (135, 92),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162),
    # Keys that others left with the kernel.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # Large parts of the kernel that hold many flaws; io_uring makes calls that no filter sees.
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip

_CLONE, _CLONE3 = (56, 220), (435, 435)
_CLONE_THREAD: Final = 0x0001_0000
_KILL, _TGKILL = (62, 129), (234, 131)
_SOCKET, _IOCTL = (41, 198), (16, 29)
_PRLIMIT, _FCNTL = (302, 261), (72, 25)
_ITSELF: Final = 0
"""Limits are another process's end as well: one second of processor time, and memory that is then written to a file."""
_OWNERS: Final = (8, 15, 10)
"""F_SETOWN, F_SETOWN_EX, F_SETSIG: which process is signalled when a descriptor has news, and with which signal."""
_FAMILIES: Final = (int(socket.AF_INET), int(socket.AF_INET6), 16)
"""The network, and netlink (16), by which the C library's resolver learns which of the two there is. Through sockets
of this machine (AF_UNIX) Docker, D-Bus and key agents would act for whoever calls."""
_TYPES_INTO_A_TERMINAL: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: what is typed so is read by the shell once we have ended."""
_OWNERS_OF_SOCKETS: Final = (0x8901, 0x8902)
"""FIOSETOWN and SIOCSPGRP: F_SETOWN by another name."""

# linux/bpf_common.h, linux/seccomp.h
_LOAD, _EQUAL, _FROM, _HAS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW: Final = 0x7FFF_0000
_REFUSE: Final = 0x0005_0000 | errno.EPERM
_UNKNOWN: Final = 0x0005_0000 | errno.ENOSYS

INSTRUCTION_BYTES: Final = 8
_Instruction = tuple[int, int, int, int]
"""Code, jump when true, jump when false, operand: struct sock_filter."""


def filter_program(machine: Machine, own_pid: int) -> bytes:
    """A seccomp filter for the process `own_pid`: an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(machine, own_pid))


def _instructions(machine: Machine, own_pid: int) -> Iterator[_Instruction]:
    def number(of: _Numbers) -> int:
        found = of[machine.column]
        assert found is not None
        return found

    yield (_LOAD, 0, 0, _MACHINE_AT)
    yield (_EQUAL, 1, 0, machine.audit)
    yield (_RETURN, 0, 0, _REFUSE)
    yield (_LOAD, 0, 0, _NUMBER_AT)
    if machine.foreign_from is not None:
        yield from _answer(_FROM, machine.foreign_from, _REFUSE)
    for numbers in REFUSED.values():
        if (refused := numbers[machine.column]) is not None:
            yield from _answer(_EQUAL, refused, _REFUSE)
    # Its flags are behind a pointer, which no filter follows. The C library falls back to `clone`.
    yield from _answer(_EQUAL, number(_CLONE3), _UNKNOWN)
    yield from _by_argument(number(_CLONE), 0, _HAS, (_CLONE_THREAD,), then=_ALLOW, otherwise=_REFUSE)
    yield from _by_argument(number(_KILL), 0, _EQUAL, (own_pid,), then=_ALLOW, otherwise=_REFUSE)
    yield from _by_argument(number(_TGKILL), 0, _EQUAL, (own_pid,), then=_ALLOW, otherwise=_REFUSE)
    yield from _by_argument(number(_SOCKET), 0, _EQUAL, _FAMILIES, then=_ALLOW, otherwise=_REFUSE)
    yield from _by_argument(number(_PRLIMIT), 0, _EQUAL, (_ITSELF, own_pid), then=_ALLOW, otherwise=_REFUSE)
    yield from _by_argument(number(_FCNTL), 1, _EQUAL, _OWNERS, then=_REFUSE, otherwise=_ALLOW)
    refused_ioctls = (*_TYPES_INTO_A_TERMINAL, *_OWNERS_OF_SOCKETS)
    yield from _by_argument(number(_IOCTL), 1, _EQUAL, refused_ioctls, then=_REFUSE, otherwise=_ALLOW)
    yield (_RETURN, 0, 0, _ALLOW)


def _answer(test: int, value: int, answer: int) -> tuple[_Instruction, _Instruction]:
    return (test, 0, 1, value), (_RETURN, 0, 0, answer)


def _by_argument(
    number: int, argument: int, test: int, values: Iterable[int], *, then: int, otherwise: int
) -> tuple[_Instruction, ...]:
    """One call, answered by the lower half of one argument: the kernel reads no more of these."""
    tests = [instruction for value in values for instruction in _answer(test, value, then)]
    block = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument), *tests, (_RETURN, 0, 0, otherwise)]
    return (_EQUAL, 0, len(block), number), *block
