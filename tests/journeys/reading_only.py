"""Whether what a visitor said could change anything: each protocol read against a list of what may be said.

Written from the standards and not from the code that it judges. What is not on a list, or cannot be read, is told.
"""

import re
import struct
from collections.abc import Iterator

HTTP_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SOAP_ACTIONS = frozenset(
    {"GetStatusInfo", "GetExternalIPAddress", "GetGenericPortMappingEntry", "GetListOfPortMappings"}
)
DIMSE_COMMANDS = {0x0020: "C-FIND-RQ", 0x0010: "C-GET-RQ", 0x0030: "C-ECHO-RQ", 0x0FFF: "C-CANCEL-RQ"}
PDU_TYPES = {1: "A-ASSOCIATE-RQ", 4: "P-DATA-TF", 5: "A-RELEASE-RQ", 6: "A-RELEASE-RP", 7: "A-ABORT"}
FTP_VERBS = frozenset(
    {
        "USER", "PASS", "TYPE", "PASV", "EPSV", "LIST", "NLST", "MLSD", "MLST", "REST", "RETR", "QUIT", "FEAT", "SYST",
        "ABOR", "CWD", "PWD", "AUTH", "PBSZ", "PROT",
    }
)  # fmt: skip
FTP_NAMES = frozenset({"USER anonymous", "PASS lightproof@"})
SMB1_COMMANDS = {0x72: "NEGOTIATE", 0x73: "SESSION_SETUP", 0x75: "TREE_CONNECT", 0x25: "TRANSACTION", 0xA2: "NT_CREATE"}
SMB2_COMMANDS = {
    0: "NEGOTIATE", 1: "SESSION_SETUP", 2: "LOGOFF", 3: "TREE_CONNECT", 4: "TREE_DISCONNECT", 5: "CREATE", 6: "CLOSE",
    8: "READ", 11: "IOCTL", 12: "CANCEL", 13: "ECHO", 14: "QUERY_DIRECTORY", 16: "QUERY_INFO",
}  # fmt: skip
RPC_CALLS = {(100_000, 0), (100_000, 3), (100_000, 4), (100_003, 0), (100_005, 0), (100_005, 5)}
"""Portmapper NULL, GETPORT, DUMP; mount NULL and EXPORT. Not MNT: it leaves a line in the server's rmtab."""

_SMB2_MAY_WRITE = 0x0002 | 0x0004 | 0x0010 | 0x0040 | 0x0100 | 0x0001_0000 | 0x000C_0000 | 0x5200_0000
"""Data, append, attributes, delete a child, delete, owner and rights, and all that GENERIC_ and MAXIMUM_ stand for."""
_DELETE_ON_CLOSE = 0x1000
_OPEN_EXISTING = 1
_PIPE_TRANSCEIVE = 0x0011_C017
_SHARE_ENUMERATION = 15


def forbidden(said: bytes, native: str) -> list[str]:
    """What of one conversation could change something. `native`: what the service speaks.

    A port may also be asked whether it speaks DICOM, HTTP or TLS.
    """
    if not said:
        return []
    if said[:2] == b"\x16\x03":
        return []  # a ClientHello; what is said inside TLS is recorded behind it
    if said[0] in PDU_TYPES and said[1] == 0:
        return list(_of_dicom(said))
    if re.match(rb"[A-Z]{3,20} [^\r\n]* HTTP/1\.[01]\r\n", said):
        return list(_of_http(said))
    match native:
        case "ftp":
            return list(_of_ftp(said))
        case "smb":
            return list(_of_smb(said))
        case "rsync":
            return list(_of_rsync(said))
        case "nfs":
            return list(_of_rpc(said))
        case _:
            return [f"{native} was told {said[:40]!r}"]


def forbidden_datagram(said: bytes) -> list[str]:
    """The same of a datagram to an internet box."""
    if said in (b"\0\0", b"\x02\0" + bytes(22)):  # NAT-PMP: external address; PCP: ANNOUNCE
        return []
    if said.startswith(b"M-SEARCH * HTTP/1.1\r\n") and said.endswith(b"\r\n\r\n"):
        return []
    return [f"a box was told {said[:40]!r}"]


def forbidden_action(heard: str) -> list[str]:
    """The same of what a box heard: `GET /path`, or the name of a SOAP action."""
    return [] if heard.startswith("GET /") or heard in SOAP_ACTIONS else [f"SOAP {heard}"]


def _of_http(said: bytes) -> Iterator[str]:
    while said:
        head, end, rest = said.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        if not end:
            yield f"HTTP {line!r} without end"
            return
        named = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
        method = line.partition(" ")[0]
        length = int(named.get("content-length", "0"))
        body, said = rest[:length], rest[length:]
        action = named.get("soapaction", "").strip('"').partition("#")[2]
        if method == "PROPFIND":
            if named.get("depth") != "0":
                yield f"HTTP PROPFIND of depth {named.get('depth')}"
        elif method == "POST":
            if action not in SOAP_ACTIONS or f":{action} ".encode() not in body:
                yield f"HTTP POST {action or line}"
        elif method not in HTTP_METHODS or body or "transfer-encoding" in named:
            yield f"HTTP {line}"


def _of_dicom(said: bytes) -> Iterator[str]:
    command = b""
    while said:
        if len(said) < 6:
            yield "DICOM, half a PDU"
            return
        kind, length = said[0], int.from_bytes(said[2:6], "big")
        body, said = said[6 : 6 + length], said[6 + length :]
        if kind not in PDU_TYPES or len(body) < length:
            yield f"DICOM PDU {kind}"
            return
        while kind == 4 and body:
            size = int.from_bytes(body[:4], "big")
            flags, value, body = body[5], body[6 : 4 + size], body[4 + size :]
            if flags & 1:
                command += value
            if flags & 3 == 3:
                field = _command_field(command)
                if field not in DIMSE_COMMANDS:
                    yield f"DIMSE {field:#06x}" if field is not None else "DIMSE without command"
                command = b""


def _command_field(command: bytes) -> int | None:
    at = 0
    while at + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHI", command, at)
        if (group, element) == (0x0000, 0x0100):
            return int.from_bytes(command[at + 8 : at + 10], "little")
        at += 8 + length
    return None


def _of_ftp(said: bytes) -> Iterator[str]:
    if b"AUTH TLS\r\n" in said:
        said = said[: said.index(b"AUTH TLS\r\n") + 10]  # what follows is encrypted, when the server agreed
    for line in said.decode("latin-1").split("\r\n")[:-1]:
        verb = line.partition(" ")[0].upper()
        if verb not in FTP_VERBS or (verb in ("USER", "PASS") and line not in FTP_NAMES):
            yield f"FTP {line}"


def _of_smb(said: bytes) -> Iterator[str]:
    while said:
        length = int.from_bytes(said[1:4], "big")
        message, said = said[4 : 4 + length], said[4 + length :]
        if message[:4] == b"\xffSMB":
            if message[4] not in SMB1_COMMANDS:
                yield f"SMB 1 command {message[4]:#04x}"
            continue
        if message[:4] != b"\xfeSMB":
            yield f"SMB {message[:8]!r}"
            return
        while message:
            after = int.from_bytes(message[20:24], "little")
            yield from _of_smb2(message[: after or None])
            message = message[after:] if after else b""


def _of_smb2(message: bytes) -> Iterator[str]:
    command = int.from_bytes(message[12:14], "little")
    body = message[64:]
    name = SMB2_COMMANDS.get(command)
    if name is None:
        yield f"SMB 2 command {command}"
    elif name == "CREATE":
        access, _, _, disposition, options, at, length = struct.unpack_from("<IIIIIHH", body, 24)
        opened = message[at : at + length].decode("utf-16-le")
        writes = access & _SMB2_MAY_WRITE and opened != "srvsvc"  # the pipe of the list of shares is spoken to
        if writes or disposition != _OPEN_EXISTING or options & _DELETE_ON_CLOSE:
            yield f"SMB 2 CREATE, access {access:#x}, disposition {disposition}, options {options:#x}"
    elif name == "IOCTL":
        code, at, length = struct.unpack_from("<I16xII", body, 4)
        asked = message[at : at + length]
        operation = int.from_bytes(asked[22:24], "little") if asked[2:3] == b"\0" else None
        if code != _PIPE_TRANSCEIVE or operation not in (None, _SHARE_ENUMERATION):
            yield f"SMB 2 IOCTL {code:#x}, operation {operation}"


def _of_rsync(said: bytes) -> Iterator[str]:
    lines = said.split(b"\n")
    if not lines[0].startswith(b"@RSYNCD: "):
        yield f"rsync {lines[0]!r}"
    words = [line for line in lines[1:] if line.startswith(b"-")]
    if words and (b"--sender" not in words or not {*words} <= {b"--server", b"--sender", b"-r"}):
        yield f"rsync {words}"


def _of_rpc(said: bytes) -> Iterator[str]:
    while said:
        length = int.from_bytes(said[:4], "big") & 0x7FFF_FFFF
        record, said = said[4 : 4 + length], said[4 + length :]
        program, _, procedure = struct.unpack_from(">III", record, 12)
        if (program, procedure) not in RPC_CALLS:
            yield f"RPC program {program}, procedure {procedure}"
