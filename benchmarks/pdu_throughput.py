"""How fast 16 KB P-DATA-TF PDUs are written and read, beside pynetdicom in the same run, and what a verdict costs.

    python benchmarks/pdu_throughput.py

CPU time of one thread, best of five. Writes results/pdu_throughput.json and prints it.
"""

import time
from collections.abc import Callable

from pynetdicom import pdu as theirs
from pynetdicom.pdu_primitives import P_DATA

from lightproof.dicom.association import Association
from lightproof.dicom.decoding import decode_pdu
from lightproof.dicom.dimse import store_request
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.messages import DataSetFragment, Message
from lightproof.dicom.negotiation import Service, answer, propose
from lightproof.dicom.pdu import AnsweredContext, AssociateAccept, AssociateReject, AssociateRequest
from lightproof.dicom.recognise import association_request, recognise
from lightproof.dicom.uids import CT_IMAGE_STORAGE
from measuring import table, write

LENGTH = 16_384
DATA = bytes(LENGTH - 6)


def microseconds(act: Callable[[], object], repeat: int = 4_000) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(repeat):
            act()
        best = min(best, time.process_time() - started)
    return best / repeat * 1e6


def associated() -> tuple[Association, Association]:
    sender, receiver = Association.request(), Association.accept()
    request = AssociateRequest(called_ae="A", calling_ae="B", contexts=propose([CT_IMAGE_STORAGE]))
    list(receiver.receive(sender.send(request)))
    list(sender.receive(receiver.send(answer(request, {CT_IMAGE_STORAGE: Service()}))))
    list(receiver.receive(sender.send(Message(1, store_request(1, CT_IMAGE_STORAGE, "1.2")))))
    return sender, receiver


def theirs_written() -> bytes:
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((1, b"\x00" + DATA))
    transfer = theirs.P_DATA_TF()
    transfer.from_primitive(primitive)
    return transfer.encode()


def theirs_read(raw: bytes) -> object:
    transfer = theirs.P_DATA_TF()
    transfer.decode(raw)
    return transfer.to_primitive()


def main() -> None:
    sender, receiver = associated()
    fragment = DataSetFragment(1, DATA, False)
    raw = sender.send(fragment)
    assert raw == theirs_written()
    stream = raw * 64
    segments = [stream[start : start + 65_536] for start in range(0, len(stream), 65_536)]

    def read_segments() -> None:
        for segment in segments:
            for _ in receiver.receive(segment):
                pass

    accept = encode_pdu(
        AssociateAccept(called_ae="ANY-SCP", calling_ae="LIGHTPROOF", contexts=(AnsweredContext(1, 0),))
    )
    hello = association_request("LIGHTPROOF", "ANY-SCP")
    refusal = encode_pdu(AssociateReject(1, 1, 7))
    timings = {
        "write_16k_us": microseconds(lambda: sender.send(fragment)),
        "write_16k_in_pieces_us": microseconds(lambda: list(sender.pieces(fragment))),
        "write_16k_pynetdicom_us": microseconds(theirs_written),
        "read_16k_us": microseconds(lambda: list(receiver.receive(raw))),
        "read_16k_from_64k_segments_us": microseconds(read_segments, 100) / 64,
        "read_16k_pynetdicom_us": microseconds(lambda: theirs_read(raw)),
        "recognise_http_us": microseconds(lambda: recognise(b"HTTP/1.1 400 Bad Request")),
        "recognise_reject_us": microseconds(lambda: recognise(refusal)),
        "recognise_accept_us": microseconds(lambda: recognise(accept)),
        "decode_request_us": microseconds(lambda: decode_pdu(hello)),
    }
    rates = {
        name.replace("_us", "_mb_s"): round(LENGTH / value)
        for name, value in timings.items()
        if name.startswith(("write", "read"))
    }
    figures = {name: round(value, 2) for name, value in timings.items()} | rates
    table([("figure", "value"), *figures.items()])
    write("pdu_throughput", figures)


if __name__ == "__main__":
    main()
