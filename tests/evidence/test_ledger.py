import json
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from evidence.ledgers import NOON, SIGNER, MovedClock, a_ledger, fill, note
from lightproof.errors import UsageRefused
from lightproof.evidence import merkle
from lightproof.evidence.checkpoint import opened
from lightproof.evidence.entries import parse_entry
from lightproof.evidence.ledger import Ledger, LedgerBroken

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: MovedClock) -> Iterator[Ledger]:
    with a_ledger(tmp_path, clock) as ledger:
        yield ledger


def rows(ledger: Ledger, sql: str) -> list[tuple[object, ...]]:
    with ledger.database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def alter(ledger: Ledger, *statements: str) -> None:
    with ledger.database.writing() as connection:
        for statement in statements:
            connection.execute(text(statement))


def texts(ledger: Ledger, **wanted: object) -> list[object]:
    return [entry.payload.get("text") for entry in ledger.entries(**wanted)]  # type: ignore[arg-type]


def test_an_empty_ledger_says_so_under_its_signature(ledger: Ledger) -> None:
    checkpoint = opened(ledger.checkpoint(), ledger.key)
    assert (checkpoint.size, checkpoint.root) == (0, merkle.EMPTY_ROOT)
    assert (ledger.size(), list(ledger.entries()), ledger.checkpoints(), ledger.stamps()) == (0, [], (), ())
    assert ledger.verify() == ()


def test_what_is_appended_reads_back_in_its_order_and_is_under_the_newest_checkpoint(ledger: Ledger) -> None:
    (first,) = note(ledger, "a")
    second, third = note(ledger, "b", "c")
    assert [entry.index for entry in (first, second, third)] == [0, 1, 2]
    assert list(ledger.entries()) == [first, second, third]
    assert [ledger.entry(index) for index in range(3)] == [first, second, third]
    checkpoint = opened(ledger.checkpoint(), ledger.key)
    assert checkpoint.root == merkle.root([entry.leaf() for entry in (first, second, third)])
    assert ledger.verify() == ()


def test_a_transaction_has_one_checkpoint_that_names_the_one_before(ledger: Ledger) -> None:
    note(ledger, "a")
    note(ledger, "b", "c", "d")
    note(ledger)
    signed = [opened(note, ledger.key) for note in ledger.checkpoints()]
    assert [(checkpoint.size, checkpoint.previous) for checkpoint in signed] == [(1, 0), (4, 1)]


def test_the_callers_rows_and_the_entries_are_kept_together_or_not_at_all(ledger: Ledger) -> None:
    insert = text("INSERT INTO attachment VALUES ('row', x'00')")
    with pytest.raises(ZeroDivisionError), ledger.writing() as writing:
        writing.connection.execute(insert)
        writing.append("test.noted", "check", {}, principal="tester")
        raise ZeroDivisionError
    assert (ledger.size(), rows(ledger, "SELECT count(*) FROM attachment")) == (0, [(0,)])
    with ledger.writing() as writing:
        writing.connection.execute(insert)
        writing.append("test.noted", "check", {}, principal="tester")
    assert (ledger.size(), rows(ledger, "SELECT count(*) FROM attachment")) == (1, [(1,)])


def test_several_writings_are_one_and_each_reads_what_those_before_it_wrote(ledger: Ledger) -> None:
    with ledger.as_one() as inside:
        for number in range(3):
            with inside.writing() as writing:
                assert len(list(inside.entries())) == number
                digest = writing.attach(b"file %d" % number, "text/plain")
                writing.append("test.noted", "check", {"n": number}, principal="tester")
            assert inside.attachment(digest) == b"file %d" % number
        assert ledger.size() == 0, "nobody else sees any of it before its end"
    assert [entry.index for entry in ledger.entries()] == [0, 1, 2]
    assert ledger.verify() == ()
    note = ledger.checkpoint()
    with pytest.raises(ZeroDivisionError), ledger.as_one() as inside:
        with inside.writing() as writing:
            writing.append("test.noted", "check", {}, principal="tester")
        raise ZeroDivisionError
    assert (ledger.size(), ledger.checkpoint()) == (3, note)
    with ledger.as_one() as inside:
        with pytest.raises(ZeroDivisionError), inside.writing() as writing:
            writing.attach(b"half done", "text/plain")
            raise ZeroDivisionError
        with inside.writing() as writing:
            writing.append("test.noted", "check", {}, principal="tester")
    assert (ledger.size(), ledger.verify()) == (4, ())


def test_entries_are_found_by_subject_kind_and_place(ledger: Ledger) -> None:
    note(ledger, "a", subject="breach/B-2026-0001")
    note(ledger, "b", "c", subject="breach/B-2026-0002")
    note(ledger, "d", subject="breaches")
    with ledger.writing() as writing:
        writing.append("check.finished", "check", {"text": "e"}, principal="tester")
    assert texts(ledger, subject="breach/B-2026-0002") == ["b", "c"]
    assert texts(ledger, under="breach/") == ["a", "b", "c"]
    assert texts(ledger, kind="check.finished") == ["e"]
    assert texts(ledger, subject="check", kind="test.noted") == []
    assert texts(ledger, after=2) == ["d", "e"]


def test_a_long_ledger_is_read_page_by_page_without_a_gap(ledger: Ledger) -> None:
    written = note(ledger, *map(str, range(2_500)))
    assert [entry.index for entry in ledger.entries()] == [entry.index for entry in written]
    assert len(list(ledger.entries(after=499))) == 2_000


def test_what_is_not_there_is_refused(ledger: Ledger) -> None:
    note(ledger, "a")
    for ask in (
        lambda: ledger.entry(1),
        lambda: ledger.inclusion(1),
        lambda: ledger.inclusion(-1),
        lambda: ledger.consistency(2),
        lambda: ledger.erase([1], "", principal="tester"),
    ):
        with pytest.raises(UsageRefused) as refused:
            ask()
        assert refused.value.error_id == "entry-unknown"
    with pytest.raises(UsageRefused) as refused:
        ledger.attachment("00" * 32)
    assert refused.value.error_id == "attachment-unknown"


def test_what_no_entry_can_hold_is_refused_by_its_field_and_nothing_is_kept(ledger: Ledger) -> None:
    for payload, field in (
        ({"a": {"b": 0.5}}, "payload.a.b"),
        ({"a": "x" * 300_000}, "entry"),
        ({"a": "\ud800"}, ".a"),
    ):
        with pytest.raises(UsageRefused) as refused, ledger.writing() as writing:
            writing.append("test.noted", "check", payload, principal="tester")
        assert refused.value.error_id == "entry-refused"
        assert field in refused.value.cause
    assert ledger.size() == 0


def test_an_attached_file_is_kept_and_named_by_the_entry_that_follows(ledger: Ledger) -> None:
    with ledger.writing() as writing:
        digest = writing.attach(b"report", "application/json")
        named = writing.append("check.finished", "check", {"report_sha256": digest}, principal="tester")
        other = writing.append("test.noted", "check", {}, principal="tester")
    assert digest == sha256(b"report").hexdigest()
    assert ledger.attachment(digest) == b"report"
    assert (named.attachments, other.attachments) == ({digest: "application/json"}, {})
    assert ledger.entry(0) == named


def test_a_file_without_an_entry_or_a_type_is_our_mistake(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="belongs to an entry"), ledger.writing() as writing:
        writing.attach(b"report", "text/plain")
    with pytest.raises(ValueError, match="type/subtype"), ledger.writing() as writing:
        writing.attach(b"report", "text")
    assert rows(ledger, "SELECT count(*) FROM attachment") == [(0,)]


def test_proofs_convince_somebody_who_has_the_checkpoint_and_the_key_alone(ledger: Ledger) -> None:
    early = opened(ledger.checkpoint(), ledger.key), *(opened(_noted(ledger, n), ledger.key) for n in range(11))
    for index, inclusion in enumerate(ledger.inclusions(range(11))):
        checkpoint = opened(inclusion.note, SIGNER.key)
        leaf = ledger.entry(index).leaf()
        assert inclusion == ledger.inclusion(index)
        assert inclusion.leaf == leaf
        assert merkle.includes(inclusion.proof, leaf, index, checkpoint.size, checkpoint.root)
    for before in early:
        consistency = ledger.consistency(before.size)
        now = opened(consistency.note, SIGNER.key)
        assert merkle.extends(consistency.proof, before.size, before.root, now.size, now.root)


def _noted(ledger: Ledger, number: int) -> str:
    note(ledger, str(number))
    return ledger.checkpoint()


@pytest.mark.parametrize("moved", [HOUR, -HOUR, timedelta(days=3652), timedelta(days=-3652)])
def test_a_clock_that_is_moved_is_told_and_reorders_nothing(
    ledger: Ledger, clock: MovedClock, moved: timedelta
) -> None:
    note(ledger, "a")
    clock.passes(HOUR)
    clock.is_set(moved)
    note(ledger, "b", "c")
    before, told, *after = ledger.entries()
    assert [entry.index for entry in (before, told, *after)] == [0, 1, 2, 3]
    assert (told.kind, told.subject, told.principal) == ("clock.jumped", "clock", "lightproof")
    assert told.payload["moved_by_us"] == moved // timedelta(microseconds=1)
    assert told.payload["since_entry"] == 0
    assert told.payload["restarted"] is False
    assert told.payload["expected"] == (told.at - moved).isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert [entry.payload["text"] for entry in after] == ["b", "c"]
    assert ledger.verify() == ()


def test_a_clock_that_went_back_while_the_machine_was_off_is_told(ledger: Ledger, clock: MovedClock) -> None:
    note(ledger, "a")
    clock.now = type(clock.now)(NOON - HOUR, "b" * 16, 10**9)
    note(ledger, "b")
    assert [entry.kind for entry in ledger.entries()] == ["test.noted", "clock.jumped", "test.noted"]
    assert ledger.entry(1).payload["restarted"] is True
    assert ledger.entry(1).payload["expected"] is None


def test_time_that_passes_and_clocks_that_are_kept_in_time_are_not(ledger: Ledger, clock: MovedClock) -> None:
    for pause in (timedelta(0), HOUR, timedelta(days=400)):
        note(ledger, "a")
        clock.passes(pause)
        clock.is_set(timedelta(seconds=1.5))
    assert {entry.kind for entry in ledger.entries()} == {"test.noted"}


def test_the_clock_is_watched_from_one_program_to_the_next(tmp_path: Path, clock: MovedClock) -> None:
    with a_ledger(tmp_path, clock) as ledger:
        note(ledger, "a")
    clock.is_set(HOUR)
    with a_ledger(tmp_path, clock) as ledger:
        note(ledger, "b")
        assert ledger.entry(1).kind == "clock.jumped"


def test_an_erased_entry_is_gone_and_its_place_and_proof_stay(ledger: Ledger) -> None:
    _a, b, _c = note(ledger, "a", "CANARY", "c")
    before = opened(ledger.checkpoint(), ledger.key)
    (said,) = ledger.erase([1], "kept for a year", principal="dpo")
    assert texts(ledger, kind="test.noted") == ["a", "c"]
    assert said.payload == {
        "reason": "kept for a year",
        "entries": [[1, json.loads(b.encode())["at"], "test.noted"]],
    }
    assert said.principal == "dpo"
    with pytest.raises(UsageRefused) as refused:
        ledger.entry(1)
    assert refused.value.error_id == "entry-erased"
    assert rows(ledger, "SELECT subject, principal, bytes FROM entry WHERE idx = 1") == [(None, None, None)]
    assert ledger.inclusion(1).leaf == b.leaf()
    now = ledger.consistency(before.size)
    after = opened(now.note, ledger.key)
    assert merkle.extends(now.proof, before.size, before.root, after.size, after.root)
    assert ledger.verify() == ()


def test_the_end_of_the_ledger_may_be_erased_and_the_ledger_goes_on(tmp_path: Path, clock: MovedClock) -> None:
    with a_ledger(tmp_path, clock) as ledger:
        note(ledger, *"abc")
        ledger.erase([0, 1, 2], "all of it", principal="dpo")
    with a_ledger(tmp_path, clock) as ledger:
        note(ledger, "d")
        assert texts(ledger, kind="test.noted") == ["d"]
        assert ledger.verify() == ()


def test_files_are_erased_with_the_last_entry_that_mentions_them(ledger: Ledger) -> None:
    with ledger.writing() as writing:
        shared = writing.attach(b"shared", "text/plain")
        alone = writing.attach(b"alone", "text/plain")
        writing.append("check.finished", "check", {}, principal="tester")
        writing.append("breach.opened", "breach/B-2026-0001", {"source": {"report": shared}}, principal="tester")
    ledger.erase([0], "kept for a year", principal="dpo")
    assert ledger.attachment(shared) == b"shared"
    with pytest.raises(UsageRefused):
        ledger.attachment(alone)
    assert ledger.verify() == ()
    ledger.erase([1], "kept for five years", principal="dpo")
    assert rows(ledger, "SELECT count(*) FROM attachment") == [(0,)]
    assert ledger.verify() == ()


def test_a_refused_erasure_erases_nothing(ledger: Ledger) -> None:
    note(ledger, "a", "b")
    ledger.erase([1], "", principal="dpo")
    for index, error_id in ((1, "entry-erased"), (2, "entry-kept"), (9, "entry-unknown")):
        with pytest.raises(UsageRefused) as refused:
            ledger.erase([0, index], "", principal="dpo")
        assert refused.value.error_id == error_id
    assert texts(ledger, kind="test.noted") == ["a"]
    assert ledger.size() == 3


def test_many_entries_are_erased_at_once(ledger: Ledger) -> None:
    note(ledger, *map(str, range(2_100)))
    assert len(ledger.erase(range(2_050), "", principal="dpo")) == 3
    assert len(texts(ledger, kind="test.noted")) == 50
    assert ledger.verify() == ()


def test_a_time_stamp_is_kept_with_the_checkpoint_it_is_of(ledger: Ledger) -> None:
    note(ledger, "a")
    stamped = ledger.checkpoint()
    said = ledger.stamp(1, b"token", NOON)
    (stamp,) = ledger.stamps()
    assert (stamp.size, stamp.note, stamp.token) == (1, stamped, b"token")
    assert said.payload == {
        "size": 1,
        "sha256": sha256(b"token").hexdigest(),
        "stamped_at": "2026-11-23T12:00:00.000000Z",
    }
    assert ledger.verify() == ()


def test_exported_bytes_are_those_that_were_hashed(ledger: Ledger) -> None:
    (entry,) = note(ledger, "é\n\u2028")
    assert rows(ledger, "SELECT bytes, leaf FROM entry") == [(entry.encode(), merkle.leaf_hash(entry.encode()))]
    assert parse_entry(entry.encode()) == entry


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entry WHERE idx = 22",
        "DELETE FROM checkpoint WHERE size = 23",
        "DELETE FROM checkpoint WHERE size > 16",
        "UPDATE checkpoint SET note = replace(note, 'lightproof', 'other')",
        "INSERT INTO entry SELECT idx + 100, at, kind, subject, principal, bytes, leaf FROM entry WHERE idx = 0",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 4",
        "UPDATE node SET hash = zeroblob(31) WHERE level = 4",
        "DELETE FROM node WHERE level = 4",
        "UPDATE entry SET bytes = CAST('{}' AS BLOB) WHERE idx = (SELECT max(idx) FROM entry)",
    ],
)
def test_a_ledger_whose_end_was_altered_gives_nothing_and_takes_nothing_but_is_verified(
    tmp_path: Path, clock: MovedClock, change: str
) -> None:
    with a_ledger(tmp_path, clock) as ledger:
        fill(ledger, clock)
        alter(ledger, change)
    with a_ledger(tmp_path, clock) as ledger:
        for ask in (
            lambda: note(ledger, "a"),
            lambda: list(ledger.entries()),
            lambda: ledger.entry(0),
            ledger.checkpoint,
            ledger.checkpoints,
            ledger.stamps,
            lambda: ledger.inclusion(0),
            lambda: ledger.consistency(1),
        ):
            with pytest.raises(LedgerBroken) as refused:
                ask()
            assert (refused.value.error_id, refused.value.exit_code) == ("ledger-broken", 3)
        assert ledger.verify()
        assert ledger.size()


def test_entries_that_somebody_else_added_meanwhile_are_built_upon(tmp_path: Path, clock: MovedClock) -> None:
    with a_ledger(tmp_path, clock) as first, a_ledger(tmp_path, clock) as second:
        for number in range(10):
            note(first, f"{number}a")
            note(second, f"{number}b")
        assert texts(first) == texts(second) == [f"{number}{who}" for number in range(10) for who in "ab"]
        assert first.verify() == ()


def test_damage_done_while_it_is_open_is_not_signed_over(ledger: Ledger) -> None:
    note(ledger, *"abc")
    alter(ledger, "DELETE FROM entry WHERE idx = 2")
    with pytest.raises(LedgerBroken), ledger.writing():
        pass
    with pytest.raises(LedgerBroken):
        ledger.checkpoint()


def test_an_altered_entry_or_file_is_not_given_out(ledger: Ledger) -> None:
    note(ledger, "a")
    with ledger.writing() as writing:
        digest = writing.attach(b"report", "text/plain")
        writing.append("test.noted", "check", {}, principal="tester")
    alter(
        ledger,
        "UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'tester', 'nobody') AS BLOB) WHERE idx = 0",
        "UPDATE attachment SET content = x'00'",
    )
    for ask in (lambda: ledger.entry(0), lambda: list(ledger.entries()), lambda: ledger.attachment(digest)):
        with pytest.raises(LedgerBroken):
            ask()
    assert {fault.what for fault in ledger.verify()} == {"entry-altered", "entry-field-differs", "attachment-altered"}
