"""The whole exposed practice, on loopback only, for as long as a block lasts.

It runs in a thread with an event loop of its own, so that the check that visits it may do as it likes. When the block
ends, however it ends, no socket, file or thread is left.
"""

import asyncio
import ipaddress
import threading
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from lightproof.demo import archive, box, files, http_server, web
from lightproof.errors import LightproofError
from lightproof.evidence.records import Target
from lightproof.locale import gettext as _

ADDRESS: Final = "127.0.0.1"
DICOM_PORT: Final = 11112
"""The port of SAN-2020-014, where it is free."""
_START_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """Where everything is."""

    archive: Target
    web: Target
    files: Target | None
    """None when aioftp (the extra `demo`) is not installed."""
    box: Target

    @property
    def services(self) -> tuple[Target, ...]:
        """What strangers could reach."""
        return tuple(target for target in (self.archive, self.web, self.files) if target is not None)


@contextmanager
def running(*, fixed: bool = False, address: str = ADDRESS) -> Generator[Practice]:
    """The practice; `fixed`, as it is after the remedies. Raises LightproofError for an address beyond loopback."""
    if not ipaddress.ip_address(address).is_loopback:
        raise LightproofError(
            "demo-loopback-only",
            _("The demo does not listen on {address}: others could reach it.").format(address=address),
            _("Leave the address out: the demo is for this machine only."),
        )
    loop = asyncio.new_event_loop()
    # Visitors that leave early are the point here: what their servers think of it is not for the screen.
    loop.set_exception_handler(lambda _loop, _context: None)
    thread = threading.Thread(target=loop.run_forever, name="lightproof-demo", daemon=True)
    thread.start()
    stack = AsyncExitStack()
    try:
        opening = _open(stack, address, fixed=fixed)
        yield asyncio.run_coroutine_threadsafe(opening, loop).result(timeout=_START_S)
    finally:
        asyncio.run_coroutine_threadsafe(_close(stack), loop).result(timeout=_START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _open(stack: AsyncExitStack, address: str, *, fixed: bool) -> Practice:
    try:
        dicom = await archive.serve(address, DICOM_PORT, guarded=fixed)
    except OSError:
        dicom = await archive.serve(address, 0, guarded=fixed)
    stack.callback(dicom.close)
    answer = web.answer_guardedly if fixed else web.answer_openly
    site = await http_server.serve(address, 0, answer, server_name=web.SERVER_NAME)
    stack.callback(site.close)
    ftp_port = await files.start(stack, address, guarded=fixed)
    at_archive = _target(address, dicom)
    forwards = (
        () if fixed else (_forward(at_archive, "DEMO: to make the VPN work"), _forward(_target(address, site), "DEMO"))
    )
    gateway = await box.start(address, forwards)
    stack.callback(gateway.close)
    return Practice(
        archive=at_archive,
        web=_target(address, site),
        files=Target(address, ftp_port) if ftp_port is not None else None,
        box=Target(address, gateway.search_port, "udp"),
    )


async def _close(stack: AsyncExitStack) -> None:
    await stack.aclose()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _forward(target: Target, description: str) -> box.Mapping:
    return box.Mapping(
        external_port=target.port,
        internal_address=target.address,
        internal_port=target.port,
        description=description,
    )


def _target(address: str, server: asyncio.Server) -> Target:
    return Target(address, server.sockets[0].getsockname()[1])
