"""A check changes nothing: of all that it said to every kind of service, nothing could have."""

import asyncio
import hashlib
import os
import socket
import struct
import sys
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from journeys.exposed_practice import Practice, address_of_ours
from journeys.reading_only import forbidden, forbidden_action, forbidden_datagram
from lightproof.dicom.dimse import encode_command, move_request, store_request
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.pdu import DataTransfer, PresentationDataValue
from lightproof.dicom.uids import CT_IMAGE_STORAGE, STUDY_ROOT_FIND
from peers.nfs import NfsServer

ETH_P_IP = 0x0800


def contents(folders: list[Path]) -> dict[str, str]:
    """Every file and folder, with what is in it; but for Orthanc's index, which it writes to disk every ten seconds."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for folder in folders
        for path in folder.rglob("*")
        if not path.name.startswith("index")
    }


async def check(home: Path, *arguments: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lightproof", "check", "--json", *arguments),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "LIGHTPROOF_HOME": str(home)},
    )
    return await process.wait()


class Datagrams(asyncio.DatagramProtocol):
    """Keeps what is said, and answers nothing."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)


@pytest.mark.parametrize("options", [(), ("--count", "--called-ae", "ARCHIVE")], ids=["by default", "counting"])
async def test_nothing_is_said_that_could_change_anything(
    options: tuple[str, ...], practice: Practice, tmp_path: Path
) -> None:
    before = contents(practice.served)
    loop, silent, box = asyncio.get_running_loop(), Datagrams(), address_of_ours(7)
    for port in (1900, 5351):
        await loop.create_datagram_endpoint(lambda: silent, local_addr=(box, port))
    boxes = ("--box", practice.box, "--box", box)
    assert await check(tmp_path / "home", *practice.targets, *boxes, *options) == 3
    told = {
        name: wrong
        for name, record in practice.recordings.items()
        for said in record.conversations
        if (wrong := forbidden(bytes(said), name.partition("/")[0]))
    }
    assert told == {}
    assert [wrong for heard in practice.box_heard.requests for wrong in forbidden_action(heard)] == []
    assert [wrong for heard in silent.heard for wrong in forbidden_datagram(heard)] == []
    assert contents(practice.served) == before
    # All of them were spoken to, but for what only greets.
    mute = {name for name, record in practice.recordings.items() if not any(record.conversations)}
    assert mute <= {"greeting/hl7", "greeting/ssh"}
    assert len(practice.box_heard.requests) > 2
    assert {heard[:1] for heard in silent.heard} == {b"M", b"\0", b"\2"}


def captured(capture: socket.socket, ports: Container[int]) -> Iterator[bytes]:
    """What was said over TCP to these ports, by connection, from packets of IPv4 (loopback shows each twice)."""
    said: dict[tuple[bytes, bytes], dict[int, bytes]] = {}
    with suppress(BlockingIOError):
        while packet := capture.recv(65_536):
            segment = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big")]
            payload = segment[(segment[12] >> 4) * 4 :] if packet[9] == socket.IPPROTO_TCP else b""
            if payload and int.from_bytes(segment[2:4], "big") in ports:
                said.setdefault((packet[12:20], segment[:4]), {})[int.from_bytes(segment[4:8], "big")] = payload
    for pieces in said.values():
        yield b"".join(pieces[at] for at in sorted(pieces))


def test_an_nfs_server_is_asked_for_its_list_alone(nfs_server: Callable[..., NfsServer], tmp_path: Path) -> None:
    server = nfs_server({"/srv/images": ["*"]})

    async def checked() -> list[bytes]:
        # The portmapper holds its port on every address: there is no room for a recorder before it.
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as capture:
            capture.bind(("lo", ETH_P_IP))
            capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            assert await check(tmp_path / "home", f"{server.address}:111") == 3
            capture.setblocking(False)
            return list(captured(capture, {111, 20_048}))

    conversations = server.inside(checked)
    assert len(conversations) >= 2
    assert [wrong for said in conversations for wrong in forbidden(said, "nfs")] == []


def data(command: bytes) -> bytes:
    return encode_pdu(DataTransfer((PresentationDataValue(1, True, True, command),)))


def smb2(command: int, body: bytes) -> bytes:
    message = b"\xfeSMB" + struct.pack("<HHIHHII", 64, 0, 0, command, 1, 0, 0) + bytes(40) + body
    return len(message).to_bytes(4, "big") + message


def create(access: int, disposition: int, options: int) -> bytes:
    return smb2(5, bytes(24) + struct.pack("<IIIIIHH", access, 0, 7, disposition, options, 120, 2) + b"x\0")


def rpc(program: int, procedure: int) -> bytes:
    body = struct.pack(">IIIIII", 1, 0, 2, program, 3, procedure)
    return (0x8000_0000 | len(body)).to_bytes(4, "big") + body


CHANGES = {
    "http": [
        b"PUT /a.dcm HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        b"DELETE /studies/1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\nPOST /instances HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
        b"PROPFIND / HTTP/1.1\r\nDepth: infinity\r\n\r\n",
        b'POST /ctl HTTP/1.1\r\nSOAPAction: "urn:x#AddPortMapping"\r\nContent-Length: 19\r\n\r\n<u:AddPortMapping />',
        b'POST /ctl HTTP/1.1\r\nSOAPAction: "urn:x#GetStatusInfo"\r\nContent-Length: 19\r\n\r\n<u:AddPortMapping />',
        b"MKCOL /x HTTP/1.1\r\n\r\n",
    ],
    "dicom": [
        data(encode_command(store_request(1, CT_IMAGE_STORAGE, "1.2.3"))),
        data(encode_command(move_request(1, STUDY_ROOT_FIND, destination="X"))),
    ],
    "ftp": [b"USER anonymous\r\nSTOR x\r\n", b"DELE x\r\n", b"MKD x\r\n", b"USER root\r\n", b"SITE CHMOD 777 x\r\n"],
    "smb": [
        smb2(9, bytes(48)),
        smb2(17, bytes(32)),
        create(0x2, 1, 0),
        create(0x1, 3, 0),
        create(0x0010_0081, 1, 0x1000),
        smb2(11, bytes(4) + struct.pack("<I", 0x0014_4064) + bytes(48)),
        b"\0\0\0\x20\xffSMB\x06" + bytes(27),
    ],
    "rsync": [b"@RSYNCD: 29\nimages\n--server\n-r\n.\nimages/\n\n", b"@RSYNCD: 29\nx\n--server\n--sender\n--delete\n"],
    "nfs": [rpc(100_005, 1), rpc(100_003, 7)],
    "greeting": [b"\x0bMSH|^~\\&|"],
}


@pytest.mark.parametrize(("native", "said"), [(native, said) for native, all_of in CHANGES.items() for said in all_of])
def test_what_changes_something_is_told(native: str, said: bytes) -> None:
    assert forbidden(said, native)


def test_what_changes_a_box_is_told() -> None:
    assert forbidden_action("AddPortMapping")
    assert forbidden_datagram(b"\0\2" + bytes(10))
    assert forbidden_datagram(b"\2\1" + bytes(58))
