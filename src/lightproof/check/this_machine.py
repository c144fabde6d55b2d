"""What a check without TARGET looks at: this machine's listening sockets, its addresses, and its way out.

Everything here asks the system and sends nothing, apart from `resolve`. Where the system refuses, less is known and
nothing fails: a socket without its program's name, or only the sockets of the programs we may look at. Where it tells
of no socket because it tells nothing, that is said: silence would look like safety.
"""

import ipaddress
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

import psutil

from lightproof.check.routes import ROUTE_TABLES, RouteTable, gateways_in
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

NAMES_WITHIN_S: Final = 20.0
"""For all names of a check together."""
_ROUTES_WITHIN_S: Final = 5.0
_LONGEST_TABLE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Listening:
    """A TCP port as the system lists it: the address it is bound to, and the process that holds it, if it tells."""

    address: str
    port: int
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningSocket:
    """A TCP port that some program of this machine keeps open."""

    address: str
    """What it is bound to: an address, or all of them (`0.0.0.0`, `::`)."""
    port: int
    process: str | None
    """The program's name, where the system tells."""
    reached_at: tuple[str, ...]
    """This machine's addresses where it is reached: for one that is bound to all, those that others can reach."""


def listening_sockets() -> tuple[ListeningSocket, ...]:
    """The TCP ports that listen now, by address and port. Raises UsageRefused `sockets-not-listed`."""
    listed = _listed()
    names = {pid: _process_name(pid) for pid in {entry.pid for entry in listed} if pid is not None}
    return expanded(listed, names, own_addresses())


def own_addresses() -> frozenset[str]:
    """The addresses of this machine's interfaces that are up, loopback included.

    Without IPv6's link-local ones: they are no address without their interface.
    """
    try:
        interfaces, states = psutil.net_if_addrs(), psutil.net_if_stats()
    except (psutil.Error, OSError):
        return frozenset({"127.0.0.1"})
    named = (
        bound.address
        for name, addresses in interfaces.items()
        if name not in states or states[name].isup
        for bound in addresses
        if bound.family in (socket.AF_INET, socket.AF_INET6)
    )
    return frozenset(address for text in named if (address := _usable(text)) is not None)


def default_gateways() -> tuple[str, ...]:
    """Where the default routes lead, in the system's order; none where it does not tell."""
    table = next((t for platform, t in ROUTE_TABLES.items() if sys.platform.startswith(platform)), None)
    return gateways_in(_text_of(table), table) if table is not None else ()


def own_names() -> frozenset[str]:
    """What this machine calls itself, in lower case."""
    return frozenset({socket.gethostname().lower()})


def resolve(name: str) -> Sequence[str]:
    """The addresses of a name, as this machine's resolver tells, each once. Raises OSError; may take minutes.

    Without IPv6's link-local ones: a name with an address that no target can have is no reason to leave its others.
    """
    answers = (str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    return tuple(dict.fromkeys(address for text in answers if (address := _usable(text)) is not None))


def within(total_s: float, resolve: Callable[[str], Sequence[str]]) -> Callable[[str], Sequence[str]]:
    """A resolver that takes `total_s` seconds at most for all names together, and raises TimeoutError after that.

    The system's resolver cannot be interrupted: what it still does then is left behind in a thread that ends with us.
    """
    left_s = total_s

    def resolved(name: str) -> Sequence[str]:
        nonlocal left_s
        if left_s <= 0:
            raise TimeoutError(name)
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(resolve(name))
            except Exception as error:  # noqa: BLE001 - raised again where it belongs
                answers.put(error)

        began = time.monotonic()
        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            answer = answers.get(timeout=left_s)
        except Empty as error:
            raise TimeoutError(name) from error
        finally:
            left_s -= time.monotonic() - began
        if isinstance(answer, Exception):
            raise answer
        return answer

    return resolved


def expanded(
    listed: Iterable[Listening], names: dict[int, str | None], own: Iterable[str]
) -> tuple[ListeningSocket, ...]:
    """Pure: what the system lists, with the addresses where each port is reached.

    A port bound to all of IPv6 is most often bound to all of IPv4 as well, and the system does not tell: both are
    named, and where nothing answers nothing is lost.
    """
    by_place: dict[tuple[str, int], Listening] = {}
    for entry in sorted(listed, key=lambda entry: (entry.address, entry.port, entry.pid is None)):
        by_place.setdefault((entry.address, entry.port), entry)
    ours = tuple(sorted(own))
    sockets = (
        ListeningSocket(
            address=entry.address,
            port=entry.port,
            process=names.get(entry.pid) if entry.pid is not None else None,
            reached_at=_reached_at(entry.address, ours),
        )
        for entry in by_place.values()
    )
    return tuple(found for found in sockets if found.reached_at)


def _reached_at(bound_to: str, own: Sequence[str]) -> tuple[str, ...]:
    bound = ipaddress.ip_address(bound_to.partition("%")[0])
    if not bound.is_unspecified:
        usable = _usable(bound_to)
        return () if usable is None else (usable,)
    same_family = [address for address in own if bound.version == 6 or ipaddress.ip_address(address).version == 4]
    outside = [address for address in same_family if not ipaddress.ip_address(address).is_loopback]
    return tuple(outside or same_family)


def _usable(text: str) -> str | None:
    """An address in its one spelling; None when it is none, or none without an interface."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_link_local:
            return None
        address = address.ipv4_mapped or address
    return str(address)


def _listed() -> tuple[Listening, ...]:
    try:
        return tuple(
            Listening(address=found.laddr.ip, port=found.laddr.port, pid=found.pid)
            for found in psutil.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN and found.laddr
        )
    except (psutil.Error, OSError):  # macOS tells all of them to root alone
        return tuple(_listed_by_process())


def _listed_by_process() -> Iterator[Listening]:
    try:
        processes = list(psutil.process_iter())
    except (IndexError, psutil.Error, OSError) as error:  # no process at all, not even this one: /proc is not mounted
        raise UsageRefused(
            "sockets-not-listed",
            _("The system does not tell which ports of this machine are open: nothing can be said of them."),
            _("Mount /proc and run this again, or name what to check: lightproof check 127.0.0.1"),
        ) from error
    for process in processes:
        try:
            for found in process.net_connections("tcp"):
                if found.status == psutil.CONN_LISTEN and found.laddr:
                    yield Listening(address=found.laddr.ip, port=found.laddr.port, pid=process.pid)
        except (psutil.Error, OSError):
            continue


def _process_name(pid: int) -> str | None:
    try:
        return psutil.Process(pid).name() or None
    except (psutil.Error, OSError):
        return None


def _text_of(table: RouteTable) -> str:
    source, *arguments = table.source
    try:
        if not arguments:
            with Path(source).open(encoding="ascii", errors="replace") as file:
                return file.read(_LONGEST_TABLE)
        program = shutil.which(source)
        if program is None:
            return ""
        done = subprocess.run(  # noqa: S603 - the system's own program, arguments of ours
            [program, *arguments], capture_output=True, timeout=_ROUTES_WITHIN_S, check=False
        )
        return done.stdout[:_LONGEST_TABLE].decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return ""
