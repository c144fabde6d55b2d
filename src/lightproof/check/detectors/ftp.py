"""FTP servers that let anyone in: whether images lie there, whether they can be read, whether files may be put there.

`anonymous` is the one name tried, as RFC 1635 describes it. That a file is given is shown without a byte of it (see
`FtpSession.reads_end_of`); that it is an image would only be shown by bytes of it, and FTP sends what is behind them as
well: that images are downloadable stays unknown, unless the server refuses. That a file may be written is believed when
the server says so (RFC 3659 section 7.5.5), never tried.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import Detector, Speech
from lightproof.check.protocols.dicom_files import promising_first
from lightproof.check.protocols.discretion import may_name_a_patient
from lightproof.check.protocols.ftp import Entry, FtpSession, Reply
from lightproof.check.protocols.web_answers import REFUSED, printable
from lightproof.check.wire import Wire
from lightproof.errors import ProtocolViolation
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "ftp"
_DIRECTORIES: Final = 8
_DEEPEST: Final = 5
_BRANCHES: Final = 3
"""Subdirectories visited of one: studies lie deep (patient, study, series), the first leads there as well."""
_PRODUCT: Final = re.compile(
    r"(vsFTPd|ProFTPD|Pure-FTPd|FileZilla Server|Microsoft FTP Service|Serv-U|QNAP|Synology|wu-ftpd|CrushFTP|GuildFTPd|"
    r"Xlight FTP|Titan FTP|pyftpdlib|bftpd)(?:[^\d\n]{1,16}(\d[\w.]{0,15}))?",
    re.IGNORECASE,
)
_REFUSALS: Final = frozenset({332, 430, 530, 532, 534, 550, 553})
_HOME: Final = re.compile(r'^257 "(/[^"\n]{0,255})"')
_ENCRYPTION_DEMANDED: Final = re.compile(r"\b(tls|ssl|encrypt\w*)\b", re.IGNORECASE)
_MAY_CREATE: Final = re.compile(r"(?:^|;)perm=[a-z]*[ca]", re.IGNORECASE | re.MULTILINE)


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """Signs in as `anonymous`; where that is let in, looks into a few directories for DICOM files."""
    async with wire.connect() as control:
        ftp = FtpSession(wire, control)
        greeting = await _greeting(ftp)
        features = await ftp.ask("FEAT")
        admitted = await _sign_in(ftp)
        if wire.tls or admitted.completed or not _ENCRYPTION_DEMANDED.search(admitted.text):
            async for observation in _told(wire, ftp, greeting, features, admitted, encrypted=wire.tls):
                yield observation
            return
    # A demand for encryption does not say who may enter: inside TLS anonymous visitors may be welcome. vsftpd hangs up
    # on whoever asked in clear, so that is another connection.
    async with wire.connect() as control:
        ftp = FtpSession(wire, control)
        greeting = await _greeting(ftp)
        if not (await ftp.ask("AUTH TLS")).completed:
            raise ProtocolViolation("service-unavailable")
        await control.secure()
        admitted = await _sign_in(ftp)
        async for observation in _told(wire, ftp, greeting, features, admitted, encrypted=True):
            yield observation


async def _told(
    wire: Wire, ftp: FtpSession, greeting: Reply, features: Reply, admitted: Reply, *, encrypted: bool
) -> AsyncIterator[Observation]:
    """Who may enter, and what is inside."""
    product, version = _product(greeting)
    seen = ("tls",) if encrypted else ()
    yield wire.observed(
        _SERVICE,
        "ftp-anonymous" if admitted.completed else "ftp-authentication-required",
        facts=Facts(reachable=True, open=True) if admitted.completed else REFUSED,
        product=product,
        version=version,
        protections=seen if admitted.completed else ("authentication", *seen),
        proof=admitted.proof("USER anonymous"),
    )
    if admitted.completed:
        if not features.completed:
            features = await ftp.ask("FEAT")
        async for observation in _inside(wire, ftp, features, encrypted=encrypted):
            yield observation
    if not encrypted:
        for observation in await _clear_text(wire, ftp, features):
            yield observation


async def _greeting(ftp: FtpSession) -> Reply:
    """What the server says first. Raises ProtocolViolation when it serves nobody now."""
    greeting = await ftp.reply()
    if not greeting.completed:
        raise ProtocolViolation("service-unavailable")
    return greeting


async def _sign_in(ftp: FtpSession) -> Reply:
    """The answer to `anonymous`. Raises ProtocolViolation when it neither lets us in nor refuses (421, 500)."""
    reply = await ftp.ask("USER anonymous")
    if reply.code == 331:
        reply = await ftp.ask("PASS lightproof@")
    if not reply.completed and reply.code not in _REFUSALS:
        raise ProtocolViolation("service-unavailable")
    return reply


async def _inside(wire: Wire, ftp: FtpSession, features: Reply, *, encrypted: bool) -> AsyncIterator[Observation]:
    facts = _offers(features, "MLS[TD]")
    if facts and _MAY_CREATE.search((told := await ftp.ask("MLST")).text) and told.completed:
        writable = Facts(reachable=True, open=True, writable=True)
        yield wire.observed(_SERVICE, "ftp-writable", facts=writable, proof=told.proof("MLST"))
    if encrypted:
        # Listings would come in clear, and may name patients: that is for someone with a full client to look at.
        return
    await ftp.ask("TYPE I")
    home = _HOME.match((await ftp.ask("PWD")).text)
    waiting = [(home[1].rstrip("/") if home else "", 0)]
    files = looked_into = 0
    complete = True
    readable: Observation | None = None
    while waiting and looked_into < _DIRECTORIES:
        directory, depth = waiting.pop()
        if looked_into and not (await ftp.ask(f"CWD {directory}")).completed:
            continue
        found = await ftp.listing(facts=facts)
        looked_into += 1
        if found is None:
            continue
        if looked_into == 1:
            listable = Facts(reachable=True, open=True, listable=True)
            # Names can be listed: that holds whether or not any of them is an image's.
            yield wire.observed(_SERVICE, "ftp-anonymous", facts=listable, proof=found.started.proof("LIST"))
        files += found.dicom_files
        if found.sample is not None and readable is None:
            readable = await _readable(wire, ftp, found.sample)
        below = promising_first(found.directories)[: _BRANCHES if depth < _DEEPEST else 0]
        waiting += ((f"{directory}/{name}", depth + 1) for name in reversed(below))
        complete = complete and found.complete and len(below) == len(found.directories)
    if files:
        yield wire.observed(
            _SERVICE,
            "ftp-dicom-files",
            facts=Facts(reachable=True, open=True, listable=True),
            details={} if complete and not waiting else {"more_than_counted": True},
            counts={"files": files},
        )
    if readable is not None:
        yield readable


async def _readable(wire: Wire, ftp: FtpSession, file: Entry) -> Observation | None:
    answer = await ftp.reads_end_of(file)
    if answer is None:
        return None
    request, reply = answer
    if not reply.completed:
        facts = Facts(reachable=True, downloadable=False)
        return wire.observed(_SERVICE, "ftp-anonymous", facts=facts, proof=reply.proof(request))
    facts = Facts(reachable=True, open=True)
    return wire.observed(_SERVICE, "ftp-file-readable", facts=facts, proof=reply.proof(request))


async def _clear_text(wire: Wire, ftp: FtpSession, features: Reply) -> tuple[Observation, ...]:
    """That the server has no encryption to offer (RFC 4217); asked last, as after a yes it speaks TLS or nothing."""
    if features.completed:
        offered, proof = _offers(features, "AUTH"), features.proof("FEAT")
    else:
        answer = await ftp.ask("AUTH TLS")
        offered, proof = answer.code < 500, answer.proof("AUTH TLS")
    return () if offered else (wire.observed(_SERVICE, "ftp-clear-text", proof=proof),)


def _offers(features: Reply, name: str) -> bool:
    """Whether FEAT lists it (RFC 2389 section 3.2)."""
    return features.completed and re.search(rf"^ +{name}\b", features.text, re.IGNORECASE | re.MULTILINE) is not None


def _product(greeting: Reply) -> tuple[str | None, str | None]:
    found = _PRODUCT.search(greeting.text)
    if found is None:
        return None, None
    # What stands between a product and a number is the greeting's to choose: the number may be a date of birth.
    return printable(found[1]), None if may_name_a_patient(found[0]) else printable(found[2])


DETECTOR: Final = Detector(
    name="ftp",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({21, 990, 2121}),
    speech=frozenset({Speech.FTP}),
)
