"""Small answers that grow without measure in whoever unpacks them: in every content coding of HTTP, and in a ZIP file.

The large ones, of 10 GB, are made anew when asked for: no file that could go off lies in this repository.
"""

import asyncio
import base64
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from check.services import Behaviour

_MB = 1_000_000
_ZEROS = bytes(4 * _MB)

BROTLI_268_MB = base64.b64decode(
    "z///f/gnAOKxQCD3/p/////wTwDEYQGA7v0/////4Z8AiMMiAN37f/7//8M/ARCHBQC69//8//+HfwIgDgsAdO//+f//D/8EQBwWAOje//P//x/+"
    "CYA4LADQvf/n//8//BMAcVgAoHv/z///f/gnAOKwAED3/p/////wTwDEYQGA7v0/////4Z8AiMMCAN37f/7//8M/ARCHBQC69//8//+HfwIgDgsA"
    "dO//+f//D/8EQBwWAOje//P//x/+CYA4LADQvf/P//9//BMAcVgAoHv/Dw=="
)
"""2^28 zeros, as zlib.brotliCompressSync of Node.js packs them (quality 11, a window of 24 bits): 211 bytes."""


def deflated(size: int, *, wbits: int) -> bytes:
    """So many zeros; `wbits` as zlib has it: 31 gzip, 15 zlib, -15 raw."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    packed = bytearray()
    for _ in range(size // len(_ZEROS)):
        packed += packer.compress(_ZEROS)
    return bytes(packed + packer.flush())


def zstandard(size: int) -> bytes:
    """So many zeros in blocks of one repeated byte (RFC 8878, 3.1.1.2): four bytes for each 128 KiB."""
    block = 128 * 1024
    count = -(-size // block)
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x58"  # no content size; a window of 2 MiB
    one = ((block << 3) | 0b010).to_bytes(3, "little") + b"\0"
    last = ((block << 3) | 0b011).to_bytes(3, "little") + b"\0"
    return header + one * (count - 1) + last


def zipped(size: int) -> bytes:
    """A ZIP file of one member."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as folder,
        folder.open("study.dcm", "w", force_zip64=True) as one,
    ):
        for _ in range(size // len(_ZEROS)):
            one.write(_ZEROS)
    return packed.getvalue()


def _answer(body: bytes, **headers: str) -> bytes:
    named = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return b"HTTP/1.1 200 OK\r\n" + "".join(f"{n}: {v}\r\n" for n, v in named.items()).encode() + b"\r\n" + body


def _json(body: bytes, coding: str) -> bytes:
    return _answer(body, Content_Encoding=coding, Content_Type="application/json")


BOMBS: Mapping[str, Callable[[int], bytes]] = {
    "gzip": lambda size: _json(deflated(size, wbits=31), "gzip"),
    "gzip-in-gzip": lambda size: _json(gzip.compress(deflated(size, wbits=31)), "gzip, gzip"),
    "deflate": lambda size: _json(deflated(size, wbits=15), "deflate"),
    "raw-deflate": lambda size: _json(deflated(size, wbits=-15), "deflate"),
    "brotli": lambda _size: _json(BROTLI_268_MB, "br"),
    "zstd": lambda size: _json(zstandard(size), "zstd"),
    "zip": lambda size: _answer(zipped(size), Content_Type="application/zip"),
    "svgz-icon": lambda size: _answer(deflated(size, wbits=31), Content_Encoding="gzip", Content_Type="image/svg+xml"),
}
"""Answers of HTTP, each of which unpacks to about so many bytes."""


_SIZE = 40 * _MB


@cache
def made(name: str, size: int = _SIZE) -> bytes:
    """One of them; packing takes a moment, once."""
    return BOMBS[name](size)


def bomb(name: str, size: int = _SIZE) -> Behaviour:
    """Answers every request with this one; it is made when first asked for."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(made(name, size))
            await writer.drain()

    return behave


def endless_gzip() -> Behaviour:
    """One compressed stream that has no end, in chunks."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4_096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in _endless():
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)

    return behave


def _endless() -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    while True:
        if piece := packer.compress(_ZEROS) + packer.flush(zlib.Z_SYNC_FLUSH):
            yield piece
