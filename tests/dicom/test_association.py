"""Both roles talk to each other through bytes, cut anywhere; whoever leaves the table of states is found out."""

import tracemalloc
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.dicom.association import Association, Event, OutOfTurn
from lightproof.dicom.dimse import echo_request, encode_command, find_request, store_request
from lightproof.dicom.encoding import encode_pdu
from lightproof.dicom.limits import Limits
from lightproof.dicom.messages import DataSetFragment, Message
from lightproof.dicom.negotiation import Service, answer, propose
from lightproof.dicom.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    PduType,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
    UserInformation,
)
from lightproof.dicom.states import TRANSITIONS, Party, State, after
from lightproof.dicom.uids import CT_IMAGE_STORAGE, STUDY_ROOT_FIND, VERIFICATION
from lightproof.errors import ProtocolViolation

SYNTAXES = (VERIFICATION, STUDY_ROOT_FIND, CT_IMAGE_STORAGE)
SERVICES = dict.fromkeys(SYNTAXES, Service())


def a_request(*, maximum_length: int = 16_384) -> AssociateRequest:
    user = UserInformation(maximum_length=maximum_length)
    return AssociateRequest(called_ae="US", calling_ae="THEM", contexts=propose(SYNTAXES), user=user)


def heard(association: Association, data: bytes) -> list[Event]:
    return list(association.receive(data))


def drip(association: Association, data: bytes) -> list[Event]:
    return [event for byte in data for event in association.receive(bytes([byte]))]


def established(*, maximum_length: int = 16_384, collect: int = 0) -> tuple[Association, Association]:
    """A requestor and an acceptor that agree; `maximum_length` is what each announces."""
    client, server = Association.request(collect=collect), Association.accept(collect=collect)
    [asked] = heard(server, client.send(a_request(maximum_length=maximum_length)))
    assert isinstance(asked, AssociateRequest)
    accepted = answer(asked, SERVICES, user=UserInformation(maximum_length=maximum_length))
    heard(client, server.send(accepted))
    assert client.established
    assert server.established
    return client, server


def test_a_whole_conversation_one_byte_at_a_time() -> None:
    client, server = Association.request(collect=1_000), Association.accept()
    [asked] = drip(server, client.send(a_request()))
    assert isinstance(asked, AssociateRequest)
    [accepted] = drip(client, server.send(answer(asked, SERVICES)))
    assert isinstance(accepted, AssociateAccept)
    echo = echo_request(1, VERIFICATION)
    [message] = drip(server, client.send(Message(1, echo)))
    assert message == Message(1, echo)
    [response] = drip(client, server.send(Message(1, echo.answered(0))))
    assert isinstance(response, Message)
    assert (response.command.status, response.command.responded_to) == (0, 1)
    assert drip(server, client.send(ReleaseRequest())) == [ReleaseRequest()]
    assert drip(client, server.send(ReleaseReply())) == [ReleaseReply()]
    assert client.closed
    assert server.closed
    assert (client.bytes_in, client.bytes_out) == (server.bytes_out, server.bytes_in)


@given(st.binary(max_size=3_000), st.integers(128, 400), st.lists(st.integers(0, 5_000), max_size=20))
def test_data_arrives_whole_however_it_is_cut(data: bytes, maximum_length: int, cuts: list[int]) -> None:
    client, server = established(maximum_length=maximum_length)
    stream = client.send(Message(5, store_request(1, CT_IMAGE_STORAGE, "1.2"), data))
    stream += client.send(Message(1, echo_request(2, VERIFICATION)))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    events: list[Event] = []
    for start, stop in pairwise(edges):
        events += heard(server, stream[start:stop])
    first, *fragments, last = events
    assert isinstance(first, Message)
    assert isinstance(last, Message)
    assert last.command.message_id == 2
    assert all(isinstance(fragment, DataSetFragment) for fragment in fragments)
    assert b"".join(fragment.data for fragment in fragments if isinstance(fragment, DataSetFragment)) == data
    assert [f.is_last for f in fragments if isinstance(f, DataSetFragment)] == [False] * (len(fragments) - 1) + [True]


def test_no_pdu_is_longer_than_the_peer_takes() -> None:
    client, _ = established(maximum_length=1_000)
    stream = client.send(Message(5, store_request(1, CT_IMAGE_STORAGE, "1.2"), bytes(10_000)))
    lengths: list[int] = []
    while stream:
        length = int.from_bytes(stream[2:6], "big")
        lengths.append(length)
        stream = stream[6 + length :]
    assert max(lengths) == 1_000
    assert sum(lengths) > 10_000


def test_a_streamed_data_set_is_the_same_as_a_whole_one() -> None:
    client, server = established(collect=10_000)
    stream = client.send(Message(5, store_request(1, CT_IMAGE_STORAGE, "1.2")))
    stream += client.send(DataSetFragment(5, b"first", False))
    stream += client.send(DataSetFragment(5, b"last!", True))
    [message] = heard(server, stream)
    assert isinstance(message, Message)
    assert message.data_set == b"firstlast!"


def test_a_collected_data_set_has_a_cap() -> None:
    client, server = established(collect=100)
    stream = client.send(Message(5, store_request(1, CT_IMAGE_STORAGE, "1.2"), bytes(101)))
    with pytest.raises(ProtocolViolation, match="data-set-too-long"):
        heard(server, stream)


def test_events_before_a_violation_are_heard_whatever_the_segments() -> None:
    client, server = established()
    stream = client.send(Message(1, echo_request(1, VERIFICATION))) + b"GET / HTTP/1.1"
    events: list[Event] = []
    with pytest.raises(ProtocolViolation, match="unknown-pdu-type"):
        events.extend(server.receive(stream))
    assert len(events) == 1
    assert server.closed
    assert server.send(Abort(2)) == bytes.fromhex("07000000000400000200")
    with pytest.raises(OutOfTurn):
        server.send(Message(1, echo_request(2, VERIFICATION)))


def test_what_comes_after_the_end_is_dropped() -> None:
    client, server = established()
    assert heard(client, server.send(Abort()) + b"junk") == [Abort()]
    assert heard(client, b"more junk") == []
    assert heard(client, b"") == []


def test_a_peer_that_closes_early_is_found_out() -> None:
    client = Association.request()
    client.send(a_request())
    with pytest.raises(ProtocolViolation, match="closed-early"):
        heard(client, b"")


def test_the_data_of_a_stopped_iteration_is_not_lost() -> None:
    client, server = established()
    stream = b"".join(client.send(Message(1, echo_request(number, VERIFICATION))) for number in (1, 2, 3))
    first = next(server.receive(stream[:100]))
    rest = heard(server, stream[100:])
    numbers = [event.command.message_id for event in (first, *rest) if isinstance(event, Message)]
    assert numbers == [1, 2, 3]


def test_a_rejection_ends_it() -> None:
    client, server = Association.request(), Association.accept()
    heard(server, client.send(a_request()))
    assert heard(client, server.send(AssociateReject(1, 1, 7))) == [AssociateReject(1, 1, 7)]
    assert client.closed
    assert server.closed
    assert client.answer == AssociateReject(1, 1, 7)


def test_releases_that_cross_on_the_wire_both_end() -> None:
    client, server = established()
    from_client, from_server = client.send(ReleaseRequest()), server.send(ReleaseRequest())
    heard(client, from_server)
    heard(server, from_client)
    assert client.state is server.state is State.RELEASES_CROSSED
    with pytest.raises(OutOfTurn):
        server.send(ReleaseReply())
    heard(server, client.send(ReleaseReply()))
    heard(client, server.send(ReleaseReply()))
    assert client.closed
    assert server.closed


def test_an_acceptor_may_finish_what_it_was_sending_after_a_release_request() -> None:
    client, server = established()
    request = client.send(Message(3, find_request(1, STUDY_ROOT_FIND), b"")) + client.send(ReleaseRequest())
    heard(server, request)
    [answered] = heard(client, server.send(Message(3, find_request(1, STUDY_ROOT_FIND).answered(0))))
    assert isinstance(answered, Message)
    with pytest.raises(OutOfTurn):
        client.send(Message(1, echo_request(2, VERIFICATION)))


def test_only_the_table_allows_a_pdu() -> None:
    for state in State:
        for party in Party:
            for kind in PduType:
                assert after(state, party, kind) == TRANSITIONS.get((state, party, kind))
            assert after(state, party, PduType.ABORT) is State.CLOSED
    assert {state for (state, _, _) in TRANSITIONS} == set(State)
    assert set(TRANSITIONS.values()) == set(State) - {State.IDLE}


def test_a_pdu_out_of_turn_is_refused_before_its_body_is_buffered() -> None:
    server = Association.accept()
    with pytest.raises(ProtocolViolation, match="unexpected-pdu"):
        heard(server, bytes.fromhex("040000010000"))
    client = Association.request()
    client.send(a_request())
    with pytest.raises(ProtocolViolation, match="unexpected-pdu"):
        heard(client, bytes.fromhex("010000000100"))


def violation(association: Association, *pdus: bytes) -> str:
    with pytest.raises(ProtocolViolation) as caught:
        heard(association, b"".join(pdus))
    return caught.value.reason


def data(*values: PresentationDataValue) -> bytes:
    return encode_pdu(DataTransfer(values))


ECHO = encode_command(echo_request(1, VERIFICATION))
FIND = encode_command(find_request(1, STUDY_ROOT_FIND))


@pytest.mark.parametrize(
    ("reason", "pdus"),
    [
        ("context-not-agreed", [data(PresentationDataValue(7, True, True, ECHO))]),
        ("data-set-without-command", [data(PresentationDataValue(1, False, True, b""))]),
        (
            "command-within-data-set",
            [data(PresentationDataValue(3, True, True, FIND), PresentationDataValue(3, True, True, ECHO))],
        ),
        (
            "message-interleaved",
            [data(PresentationDataValue(3, True, True, FIND), PresentationDataValue(5, False, True, b""))],
        ),
        ("command-too-long", [data(PresentationDataValue(1, True, False, bytes(9_000)))] * 2),
        ("pdu-too-long", [bytes.fromhex("040000004001")]),
        ("pdu-too-long", [bytes.fromhex("0500ffffffff")]),
        ("pdv-length", [bytes.fromhex("04000000000a 00000007 0103 00000000")]),
        ("pdv-missing", [bytes.fromhex("040000000000")]),
    ],
)
def test_a_peer_that_breaks_the_message_rules_is_found_out(reason: str, pdus: Iterable[bytes]) -> None:
    _, server = established()
    assert violation(server, *pdus) == reason


def test_a_peer_that_takes_next_to_nothing_is_refused() -> None:
    client, server = Association.request(), Association.accept()
    [asked] = heard(server, client.send(a_request(maximum_length=7)))
    assert isinstance(asked, AssociateRequest)
    with pytest.raises(ProtocolViolation, match="maximum-length"):
        server.send(answer(asked, SERVICES))


def test_a_control_pdu_has_a_cap_of_its_own() -> None:
    server = Association.accept(limits=Limits(control_bytes=300))
    assert violation(server, bytes.fromhex("01000000012d")) == "pdu-too-long"


def test_a_declared_length_allocates_nothing() -> None:
    _, server = established(maximum_length=0x0001_0000)
    tracemalloc.start()
    heard(server, bytes.fromhex("040000010000") + bytes(100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


def test_we_cannot_send_what_was_not_agreed() -> None:
    client, _ = established()
    with pytest.raises(OutOfTurn):
        client.send(Message(9, echo_request(1, VERIFICATION)))
    with pytest.raises(OutOfTurn):
        client.send(DataSetFragment(1, b"", True))
    with pytest.raises(OutOfTurn):
        client.send(Message(1, echo_request(1, VERIFICATION), b"data"))
    client.send(Message(3, find_request(1, STUDY_ROOT_FIND)))
    with pytest.raises(OutOfTurn):
        client.send(Message(1, echo_request(1, VERIFICATION)))
    with pytest.raises(OutOfTurn):
        client.send(AssociateReject(1, 1, 1))


class Wire:
    """Two ends and what is on its way between them."""

    def __init__(self) -> None:
        self.ends = {Party.REQUESTOR: Association.request(), Party.ACCEPTOR: Association.accept()}
        self.under_way = {Party.REQUESTOR: b"", Party.ACCEPTOR: b""}
        """Keyed by who sent it."""

    def say(self, party: Party, event: Event) -> None:
        """Sends it when our own table allows it."""
        with suppress(OutOfTurn):
            self.under_way[party] += self.ends[party].send(event)

    def deliver(self, sender: Party, count: int) -> None:
        """The next bytes that `sender` sent arrive; the receiver must find no fault with them."""
        arriving, self.under_way[sender] = self.under_way[sender][:count], self.under_way[sender][count:]
        if arriving:
            list(self.ends[sender.peer].receive(arriving))


ACCEPTED = answer(a_request(), SERVICES)
SAYINGS: tuple[Event, ...] = (
    Message(1, echo_request(1, VERIFICATION)),
    Message(3, find_request(2, STUDY_ROOT_FIND), b"query"),
    ReleaseRequest(),
    ReleaseReply(),
    Abort(),
    a_request(),
    ACCEPTED,
    AssociateReject(2, 3, 2),
)
steps = st.one_of(
    st.tuples(st.sampled_from(Party), st.sampled_from(SAYINGS)), st.tuples(st.sampled_from(Party), st.integers(1, 300))
)


@given(st.booleans(), st.lists(steps, max_size=40))
def test_what_one_end_may_say_the_other_may_hear_however_they_cross(
    open_first: bool, script: list[tuple[Party, Event | int]]
) -> None:
    wire = Wire()
    if open_first:
        wire.say(Party.REQUESTOR, a_request())
        wire.deliver(Party.REQUESTOR, 10_000)
        wire.say(Party.ACCEPTOR, ACCEPTED)
        wire.deliver(Party.ACCEPTOR, 10_000)
    for party, step in script:
        if isinstance(step, int):
            wire.deliver(party, step)
        else:
            wire.say(party, step)
    for party in Party:
        wire.deliver(party, 100_000)
    states = {end.state for end in wire.ends.values()}
    assert len(states) == 1 or State.CLOSED in states
