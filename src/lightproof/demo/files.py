"""The practice's FTP server: anonymous, with a few images; `guarded`, it wants a name and a password."""

import logging
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lightproof.demo.images import file
from lightproof.demo.patients import Series, Study

_FILES: Final = 3
_GREETING: Final = "DEMO FTP server"


async def start(stack: AsyncExitStack, address: str, *, guarded: bool) -> int | None:
    """Starts the server and returns its port; None when aioftp (the extra `demo`) is not installed.

    Files and server are gone when `stack` closes.
    """
    try:
        import aioftp  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    logging.getLogger("aioftp").setLevel(logging.CRITICAL)  # visitors that leave early are the point, not news
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="lightproof-demo-")))
    images = folder / "DEMO-images"
    images.mkdir()
    for number in range(_FILES):
        (images / f"IM{number:04d}.dcm").write_bytes(file(Series(Study(number), 0)))
    user = aioftp.User(
        "demo" if guarded else None,
        secrets.token_urlsafe(16) if guarded else None,
        base_path=folder,
        permissions=[aioftp.Permission("/", readable=True, writable=False)],
    )
    server = aioftp.Server([user], maximum_connections=32, idle_timeout=30, welcome_message=_GREETING)
    await server.start(address, 0)
    stack.push_async_callback(server.close)
    return int(server.server_port)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
