"""Mutated PDUs against every reader of `lightproof.dicom`: only ProtocolViolation may come out, and memory stay flat.

    python benchmarks/fuzz_pdus.py [--count 1000000] [--seed 20261123] [--json]

Each mutation starts from a valid PDU, command or data set and changes it in 1 to 4 ways (bits, lengths, cuts, copies,
splices); one reader judges it, associations of both roles in several states included. Writes results/fuzz_pdus.json and
prints it; exit code 1 when another exception was seen or memory grew by more than 8 MB after a tenth of the run: what
was resident at its end, or at the most that any tenth ended with.
"""

import argparse
import gc
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lightproof.dicom.association import Association, OutOfTurn
from lightproof.dicom.dataset import Element, encode_data_set, read_file_head, read_head
from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.dimse import (
    decode_command,
    echo_request,
    encode_command,
    find_request,
    move_request,
    store_request,
)
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.messages import Message
from lightproof.dicom.negotiation import Service, answer, propose
from lightproof.dicom.pdu import (
    Abort,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousOperations,
    CommonExtendedNegotiation,
    DataTransfer,
    ExtendedNegotiation,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from lightproof.dicom.recognise import recognise
from lightproof.dicom.uids import (
    CT_IMAGE_STORAGE,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    STUDY_ROOT_FIND,
    VERIFICATION,
)
from lightproof.errors import ProtocolViolation
from measuring import judged, table, write

GROWTH_MB = 8.0
SYNTAXES = (VERIFICATION, STUDY_ROOT_FIND, CT_IMAGE_STORAGE)
REQUEST = AssociateRequest(
    called_ae="ANY-SCP",
    calling_ae="LIGHTPROOF",
    contexts=propose(SYNTAXES, (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)),
    user=UserInformation(
        asynchronous=AsynchronousOperations(1, 1),
        roles=(RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True),),
        extended=(ExtendedNegotiation(STUDY_ROOT_FIND, b"\1\1\1"),),
        common_extended=(CommonExtendedNegotiation(CT_IMAGE_STORAGE, "1.2.840.10008.4.2", ("1.2.3", "1.2.4")),),
        identity=UserIdentity(2, b"alice", b"secret", response_requested=True),
    ),
)
ACCEPT = AssociateAccept(
    called_ae="ANY-SCP",
    calling_ae="LIGHTPROOF",
    contexts=(AnsweredContext(1, 0), AnsweredContext(3, 0), AnsweredContext(5, 3)),
    user=UserInformation(identity_response=b"ticket", roles=(RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=False),)),
)
NESTED = (Element(0x00400002, "DA", "18000101"), Element(0x00081199, "SQ", ((Element(0x00081150, "UI", "1.2"),),)))
QUERY = (
    Element(0x00080005, "CS", "ISO_IR 100"),
    Element(0x00080052, "CS", "STUDY"),
    Element(0x0020000D, "UI", "2.25.1"),
    Element(0x00400100, "SQ", (NESTED, NESTED)),
)
UNDEFINED = bytes.fromhex(
    "40000001ffffffff feff00e0ffffffff 0800521106000000535455445920"
    "40000001ffffffff feff00e004000000 41424344 feffdde000000000 feff0de000000000 feffdde000000000"
)


def data(*values: PresentationDataValue) -> bytes:
    return encode_pdu(DataTransfer(values))


def whole(context_id: int, command: bytes, data_set: bytes) -> bytes:
    return data(
        PresentationDataValue(context_id, True, True, command), PresentationDataValue(context_id, False, True, data_set)
    )


FIND = encode_command(find_request(2, STUDY_ROOT_FIND))
PDUS: tuple[bytes, ...] = (
    encode_pdu(REQUEST),
    encode_pdu(ACCEPT),
    encode_pdu(AssociateReject(1, 1, 7)),
    encode_pdu(ReleaseRequest()),
    encode_pdu(ReleaseReply()),
    encode_pdu(Abort(2, 1)),
    data(PresentationDataValue(1, True, True, encode_command(echo_request(1, VERIFICATION)))),
    whole(3, FIND, encode_data_set(QUERY)),
    whole(3, FIND, encode_data_set(QUERY) + UNDEFINED),
    data(PresentationDataValue(3, True, False, FIND[:40]), PresentationDataValue(3, True, True, FIND[40:])),
    data(PresentationDataValue(3, True, True, encode_command(find_request(2, STUDY_ROOT_FIND).answered(0xFF00)))),
    data(PresentationDataValue(3, True, True, encode_command(move_request(5, STUDY_ROOT_FIND, destination="X")))),
    data(PresentationDataValue(5, True, True, encode_command(store_request(9, CT_IMAGE_STORAGE, "1.2.3")))),
)
META = encode_data_set((Element(0x00020010, "UI", EXPLICIT_VR_LITTLE_ENDIAN),), explicit=True)
HEADS: tuple[bytes, ...] = (
    encode_data_set(QUERY),
    encode_data_set(QUERY, explicit=True),
    encode_data_set(QUERY) + UNDEFINED,
    bytes(128) + b"DICM" + META + encode_data_set(QUERY, explicit=True),
)
COMMANDS: tuple[bytes, ...] = (FIND, encode_command(store_request(9, CT_IMAGE_STORAGE, "1.2.3", originator_ae="X")))
LENGTHS = (0, 1, 2, 4, 67, 68, 127, 128, 255, 0x7FFF, 0xFFFF, 0x20000, 0x20001, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def mutated(seed: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    """`seed` changed in 1 to 4 ways."""
    result = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(result) + 1)
        match chance.randrange(8):
            case 0 | 1 if place < len(result):
                result[place] ^= 1 << chance.randrange(8)
            case 2 if place < len(result):
                result[place] = chance.randrange(256)
            case 3:
                size = chance.choice((2, 4))
                number = chance.choice(LENGTHS) & (0xFFFF if size == 2 else 0xFFFFFFFF)
                result[place : place + size] = number.to_bytes(size, chance.choice(("big", "little")))
            case 4:
                del result[place:]
            case 5:
                result[place:place] = chance.randbytes(chance.randint(1, 16))
            case 6:
                end = chance.randrange(place, len(result) + 1)
                result[place:place] = result[place:end]
            case _:
                other = chance.choice(others)
                result[place:] = other[chance.randrange(len(other) + 1) :]
    return bytes(result)


def with_true_length(pdu: bytes) -> bytes:
    """The same with the length field made right: so that mutations reach the readers behind it."""
    return pdu[:2] + (len(pdu) - 6).to_bytes(4, "big") + pdu[6:] if len(pdu) >= 6 else pdu


def requested() -> Association:
    association = Association.request()
    association.send(REQUEST)
    return association


def established(*, acceptor: bool, collect: int = 0) -> Association:
    requestor, other = Association.request(collect=collect), Association.accept(collect=collect)
    list(other.receive(requestor.send(REQUEST)))
    accepted = answer(REQUEST, dict.fromkeys(SYNTAXES, Service()))
    list(requestor.receive(other.send(accepted)))
    return other if acceptor else requestor


def releasing() -> Association:
    association = established(acceptor=False)
    association.send(ReleaseRequest())
    return association


def heard(association: Association, pdu: bytes, chance: random.Random) -> None:
    """Receives it whole or cut in two, reads every data set it brings, and answers a violation with an abort."""
    cut = chance.randrange(len(pdu) + 1)
    try:
        for part in (pdu[:cut], pdu[cut:]) if chance.random() < 0.5 else (pdu,):
            if part:
                for event in association.receive(part):
                    if isinstance(event, Message) and event.data_set is not None:
                        list(read_head(event.data_set))
    finally:
        try:
            association.send(Abort(2))
        except OutOfTurn as error:
            raise AssertionError("an abort must always be allowed") from error


Judge = Callable[[bytes, random.Random], object]
OPENING, TALKING = PDUS[:6], PDUS[6:]
PDU_JUDGES: tuple[tuple[str, Judge, tuple[bytes, ...]], ...] = (
    ("decode", lambda pdu, _: decode_pdu(pdu), PDUS),
    ("recognise", lambda pdu, _: recognise(pdu), OPENING),
    ("acceptor, idle", lambda pdu, chance: heard(Association.accept(), pdu, chance), OPENING),
    ("requestor, requested", lambda pdu, chance: heard(requested(), pdu, chance), OPENING),
    ("acceptor, established", lambda pdu, chance: heard(established(acceptor=True), pdu, chance), TALKING),
    (
        "requestor, collecting",
        lambda pdu, chance: heard(established(acceptor=False, collect=512), pdu, chance),
        TALKING,
    ),
    ("requestor, releasing", lambda pdu, chance: heard(releasing(), pdu, chance), TALKING),
)
# Associations cost tens of microseconds to open; the two plain readers get most of the mutations.
WEIGHTS = (40, 20, 10, 10, 10, 10, 5)


def as_data_set(raw: bytes, chance: random.Random) -> None:
    list(read_head(raw, explicit=chance.random() < 0.5, partial=chance.random() < 0.5))
    read_file_head(raw)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


class Hunt:
    """What the judges said so far."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.unexpected: dict[str, str] = {}
        self.failed = 0

    def judge(self, name: str, judge: Judge, sample: bytes, chance: random.Random) -> None:
        try:
            judge(sample, chance)
            self.outcomes["accepted"] += 1
        except ProtocolViolation as violation:
            self.outcomes[violation.reason] += 1
        except Exception as error:  # noqa: BLE001  (what this program is looking for)
            self.failed += 1
            self.unexpected.setdefault(f"{name}: {type(error).__name__}", f"{sample.hex()}\n{traceback.format_exc()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=1_000_000, help="mutated PDUs; a tenth as many commands and data sets"
    )
    parser.add_argument("--seed", type=int, default=20_261_123)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, and keep no result")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    hunt = Hunt()
    started = time.perf_counter()
    resident: list[float] = []
    tenth = max(options.count // 10, 1)
    for number in range(options.count):
        if number % tenth == 0:
            gc.collect()
            resident.append(resident_mb())
        name, judge, seeds = chance.choices(PDU_JUDGES, WEIGHTS)[0]
        sample = mutated(chance.choice(seeds), PDUS, chance)
        if chance.random() < 0.7:
            sample = with_true_length(sample)
        hunt.judge(name, judge, sample, chance)
        if number % 10 == 0:
            hunt.judge(
                "command",
                lambda raw, _: decode_command(raw),
                mutated(chance.choice(COMMANDS), COMMANDS, chance),
                chance,
            )
            hunt.judge("data set", as_data_set, mutated(chance.choice(HEADS), HEADS, chance), chance)
    gc.collect()
    resident.append(resident_mb())
    growth = max(resident[1:]) - resident[1]
    report = {
        "mutations": options.count,
        "mutations_of_commands_and_data_sets": sum(hunt.outcomes.values()) + hunt.failed - options.count,
        "seed": options.seed,
        "unexpected_exceptions": sorted(hunt.unexpected),
        "growth_mb": round(growth, 2),
        "resident_mb": [round(one, 1) for one in resident],
        "seconds": round(time.perf_counter() - started, 1),
        "accepted": hunt.outcomes["accepted"],
        "violations": {reason: n for reason, n in hunt.outcomes.most_common() if reason != "accepted"},
    }
    if options.json:
        print(json.dumps(report))
        return int(bool(hunt.failed))
    table([("figure", "value"), *((name, value) for name, value in report.items() if not isinstance(value, dict))])
    write("fuzz_pdus", report)
    for name, detail in hunt.unexpected.items():
        print(f"{name}\n{detail}", file=sys.stderr)
    return judged({"no exception but the protocol's": not hunt.failed, "8 MB": growth <= GROWTH_MB})


if __name__ == "__main__":
    sys.exit(main())
