"""RFC 3161 time stamps, from an authority that openssl runs here: what is taken, what is refused, what is kept."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.ledgers import a_ledger, note
from lightproof.errors import LightproofError, UsageRefused
from lightproof.evidence.timestamps import (
    Authority,
    StampRefused,
    read_certificates,
    request_stamp,
    verify_stamp,
)
from peers.timestamp_authority import Authority as Peer
from peers.timestamp_authority import running_timestamp_authority

NOTE = b"lightproof/ledger/0123\n3\nroot\n\n\xe2\x80\x94 signature\n"


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    folder = tmp_path / "authority"
    folder.mkdir()
    with running_timestamp_authority(folder) as running:
        yield running


def known(peer: Peer) -> Authority:
    return Authority(peer.url, read_certificates(peer.root.read_bytes()))


async def test_a_stamp_is_asked_for_verified_and_kept_with_the_ledger(peer: Peer, tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        note(ledger, "a", "b")
        signed = ledger.checkpoint()
        stamp = await request_stamp(known(peer), signed.encode())
        ledger.stamp(2, stamp.token, stamp.at)
        kept = ledger.stamps()[0]
        assert verify_stamp(kept.token, kept.note.encode(), known(peer).certificates).at == stamp.at
        assert ledger.verify() == ()


async def test_a_stamp_of_something_else_is_refused(peer: Peer) -> None:
    stamp = await request_stamp(known(peer), NOTE)
    with pytest.raises(StampRefused, match="of-something-else"):
        verify_stamp(stamp.token, NOTE + b"x", known(peer).certificates)


async def test_an_answer_to_another_request_is_refused(peer: Peer) -> None:
    replayed = peer.stamp(NOTE)
    peer.answering = lambda _request: replayed
    with pytest.raises(LightproofError) as told:
        await request_stamp(known(peer), NOTE)
    assert told.value.error_id == "stamp-refused"


async def test_a_signer_that_the_settings_do_not_know_is_refused(peer: Peer, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with running_timestamp_authority(folder) as other:
        strange = replace(known(peer), certificates=known(other).certificates)
        with pytest.raises(LightproofError) as told:
            await request_stamp(strange, NOTE)
    assert "signature-not-trusted" in told.value.cause


@pytest.mark.parametrize("body", [b"", b"no stamp", b"\x30\x84\xff\xff\xff\xff", bytes(100_000)], ids=len)
async def test_garbage_is_refused(peer: Peer, body: bytes) -> None:
    peer.answering = lambda _request: body
    with pytest.raises(LightproofError) as told:
        await request_stamp(known(peer), NOTE)
    assert told.value.error_id == "stamp-refused"


async def test_an_authority_that_does_not_answer_is_left_at_the_deadline(peer: Peer) -> None:
    def slow(_request: bytes) -> bytes:
        time.sleep(1.5)
        return b""

    peer.answering = slow
    began = time.monotonic()
    with pytest.raises(LightproofError) as told:
        await request_stamp(known(peer), NOTE, deadline_s=0.3)
    assert told.value.error_id == "stamp-unanswered"
    assert time.monotonic() - began < 1.4


def test_a_file_without_certificate_is_refused() -> None:
    with pytest.raises(UsageRefused) as told:
        read_certificates(b"not a certificate")
    assert told.value.error_id == "stamp-certificate-unreadable"
