"""What the ledger tells of one address is what was sent there, call by call."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.addresses import range_of
from lightproof.check.contacts import contacts
from lightproof.check.sweeping.order import Order
from lightproof.check.targets import Ports, TargetSpace
from lightproof.evidence import runs, sending
from lightproof.evidence.entries import ENTRY_BYTES, Entry, parse_entry
from lightproof.evidence.records import Probe, ScopeRecord, Target

AT = datetime(2026, 11, 28, 1, tzinfo=UTC)
SPACE = TargetSpace([range_of("10.0.0.0/29")], Ports.parse("104,4242,11112"), explicit=[("10.0.9.9", 80)])
SEED = 7


def entry(index: int, kind: str, payload: dict[str, object]) -> Entry:
    written = Entry(index, AT + timedelta(seconds=index), kind, runs.SUBJECT, "tester", payload, bytes(16))
    return parse_entry(written.encode())


def beginning(index: int = 0, *, survey: bool = False) -> Entry:
    said = sending.started(
        at=AT, plan="p", targets=len(SPACE), described=SPACE.description, seed=SEED, survey=survey,
        targets_sha256=sha256(SPACE.spelled()).hexdigest(), machine=(), scope=ScopeRecord(basis="own"), counts=False,
    )  # fmt: skip
    return entry(index, sending.STARTED, said)


def kept(digest: str) -> bytes:
    assert digest == sha256(SPACE.spelled()).hexdigest()
    return SPACE.spelled()


def probe(address: str, port: int) -> Probe:
    return Probe(
        at=AT,
        target=Target(address, port),
        detector="dicom",
        ports=(port,),
        connections=1,
        bytes_out=9,
        sha256="ab" * 32,
    )


@given(st.lists(st.integers(0, len(SPACE)), max_size=8), st.integers(1, 5))
def test_each_call_of_the_sweep_is_found_where_it_was_made(cuts: list[int], entries: int) -> None:
    bounds = sorted({0, *cuts})
    ranges = [(a, b) for a, b in zip(bounds, bounds[1:], strict=False)][::2]  # noqa: RUF007
    order = Order(len(SPACE), SEED)
    called = {SPACE.locate(order[p]) for a, b in ranges for p in range(a, b)}
    parts: list[Sequence[tuple[int, int]]] = [ranges[n::entries] for n in range(entries)]
    told = [beginning()]
    for part in parts:
        told += [entry(len(told), sending.PROBED, said) for said in sending.probed(0, part, ())]
    for address in ("10.0.0.0", "10.0.0.7", "10.0.9.9", "10.0.0.3"):
        found = [call.port for run in contacts(address, told, kept) for call in run.calls]
        assert found == sorted(port for place, port in called if place == address)


def test_a_call_lies_between_the_entries_around_it_and_a_probe_is_told_whole() -> None:
    order = Order(len(SPACE), SEED)
    (_port, index) = next(SPACE.at("10.0.9.9"))
    place = order.position(index)
    sent = probe("10.0.9.9", 80)
    told = [
        beginning(),
        *(entry(3, sending.PROBED, said) for said in sending.probed(0, [(0, place)], [probe("10.0.0.1", 104)])),
        *(entry(5, sending.PROBED, said) for said in sending.probed(0, [(place, place + 1)], [sent])),
    ]
    (run,) = contacts("10.0.9.9", told, kept)
    assert [(call.port, call.after, call.before) for call in run.calls] == [(80, told[1].at, told[2].at)]
    assert run.probes == (sent,)
    assert run.beginning.scope.basis == "own"


def test_a_run_that_sent_nothing_there_and_one_of_an_earlier_version_are_left_out() -> None:
    old = entry(0, sending.STARTED, {"at": "2026-11-27T00:00:00.000000Z", "plan": "p"})
    told = [
        old,
        beginning(1),
        *(entry(2, sending.PROBED, said) for said in sending.probed(1, [], [probe("10.0.0.1", 104)])),
    ]
    assert [run.beginning.entry for run in contacts("10.0.0.1", told, kept)] == [1]
    assert list(contacts("10.0.0.2", told, kept)) == []


def test_what_is_too_much_for_one_entry_becomes_several() -> None:
    ranges = [(2 * n, 2 * n + 1) for n in range(sending.MOST_POSITIONS + 1)]
    probes = [probe("10.0.0.1", 104)] * (2 * sending.MOST_PROBES + 1)
    said = list(sending.probed(0, ranges, probes))
    assert len(said) == 3
    heard = [sending.sent_of(entry(n + 1, sending.PROBED, one)) for n, one in enumerate(said)]
    assert [found for one in heard for found in one.tried] == ranges
    assert [sent for one in heard for sent in one.probes] == probes
    assert list(sending.probed(0, [], [])) == []


def test_the_largest_entry_fits_the_ledger() -> None:
    largest = 2**40 - 1
    sent = Probe(
        at=AT, target=Target("2001:db8:1111:2222:3333:4444:5555:6666", 65_535), detector="d" * 30,
        ports=tuple(range(60_000, 60_000 + sending.MOST_PORTS)),
        connections=99_999, bytes_out=9_999_999, sha256="ab" * 32,
    )  # fmt: skip
    (said,) = sending.probed(largest, [(largest, largest)] * sending.MOST_POSITIONS, [sent] * sending.MOST_PROBES)
    written = Entry(largest, AT, sending.PROBED, runs.SUBJECT, "\u00e9" * 200, said, bytes(16))
    assert len(written.encode()) <= ENTRY_BYTES
