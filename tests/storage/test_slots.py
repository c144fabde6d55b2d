"""`root-key.json`: what was written is read, and nothing else is."""

import base64
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from lightproof.storage.root_key import RootKey
from lightproof.storage.slots import (
    CredentialLock,
    KeyFileLock,
    Lock,
    NotASlotFile,
    PassphraseAndKeyFileLock,
    PassphraseLock,
    RecoveryLock,
    decode,
    encode,
    together,
    unwrap,
    wrap,
)

ROOT = RootKey(bytes(range(32)))
PHRASE, KEY = b"correct horse battery staple", bytes(range(200, 232))
BOTH = PassphraseAndKeyFileLock(memory_kib=8 * 1024, passes=1, lanes=1, path="/media/stick/lightproof.key")
SECRETS: dict[str, tuple[Lock, bytes]] = {
    # As little work as is accepted: these tests open locks thousands of times.
    "passphrase": (PassphraseLock(memory_kib=8 * 1024, passes=1, lanes=1), b"correct horse battery staple"),
    "key-file": (KeyFileLock(path="unlock.key"), bytes(32)),
    "systemd-credential": (CredentialLock(name="lightproof"), b"c" * 40),
    "recovery": (RecoveryLock(), b"r" * 20),
    "passphrase-and-key-file": (BOTH, together(PHRASE, KEY)),
}


def random_bytes(length: int) -> bytes:
    return bytes(range(100, 100 + length))


SLOTS = [wrap(ROOT, lock, secret, random_bytes) for lock, secret in SECRETS.values()]
RAW = encode(SLOTS, ROOT)


@pytest.mark.parametrize("kind", SECRETS)
def test_each_slot_gives_the_root_key_to_its_secret_alone(kind: str) -> None:
    file = decode(RAW)
    slot = next(slot for slot in file.slots if slot.lock.kind == kind)
    assert unwrap(slot, SECRETS[kind][1]) == ROOT
    assert unwrap(slot, SECRETS[kind][1] + b"x") is None
    assert unwrap(slot, b"") is None
    assert file.confirmed_by(ROOT)


@pytest.mark.parametrize("lock", [PassphraseLock(), PassphraseAndKeyFileLock(path="/k")])
def test_a_new_passphrase_costs_what_rfc_9106_recommends(lock: PassphraseLock | PassphraseAndKeyFileLock) -> None:
    assert (lock.memory_kib, lock.passes, lock.lanes) == (65536, 3, 4)


def test_a_file_written_before_there_were_two_factors_still_opens() -> None:
    file = decode((Path(__file__).parent / "root-key-of-four-slots.json").read_bytes())
    assert file.confirmed_by(ROOT)
    assert len(file.slots) == 4
    assert all(unwrap(slot, SECRETS[slot.lock.kind][1]) == ROOT for slot in file.slots)


@given(passphrase=st.binary(max_size=60), key=st.binary(min_size=32, max_size=32), data=st.data())
@settings(max_examples=40)
def test_two_factors_open_together_and_with_anything_else_in_the_place_of_one_they_do_not(
    passphrase: bytes, key: bytes, data: st.DataObject
) -> None:
    slot = wrap(ROOT, BOTH, together(passphrase, key), random_bytes)
    assert unwrap(slot, together(passphrase, key)) == ROOT
    other_passphrase = data.draw(st.binary(max_size=60).filter(lambda other: other != passphrase))
    other_key = data.draw(st.binary(min_size=32, max_size=32).filter(lambda other: other != key))
    assert unwrap(slot, together(other_passphrase, key)) is None
    assert unwrap(slot, together(passphrase, other_key)) is None


def test_one_factor_opens_nothing_in_whatever_place_it_is_put() -> None:
    slot = wrap(ROOT, BOTH, together(PHRASE, KEY), random_bytes)
    alone = (PHRASE, KEY, PHRASE + KEY, PHRASE + PHRASE, KEY + KEY, bytes(32) + PHRASE, KEY + bytes(len(PHRASE)))
    assert not any(unwrap(slot, secret) for secret in alone)
    # Nor does either open the pair's slot when that is passed off as a slot of its own kind, at the same price.
    for lock in (PassphraseLock(memory_kib=8 * 1024, passes=1, lanes=1), KeyFileLock(path=BOTH.path), RecoveryLock()):
        passed_off = slot.model_copy(update={"lock": lock})
        assert not any(unwrap(passed_off, secret) for secret in (*alone, together(PHRASE, KEY)))


@pytest.mark.parametrize("key", [b"", KEY[:31], KEY + b"x"])
def test_a_key_file_of_another_length_is_not_combined(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        together(PHRASE, key)


def test_the_key_of_two_factors_is_made_as_it_is_documented_and_is_in_no_file() -> None:
    slot = wrap(ROOT, BOTH, together(PHRASE, KEY), random_bytes)
    slowed = hash_secret_raw(PHRASE, slot.salt, 1, 8 * 1024, 1, 32, Type.ID)
    # HKDF-SHA-256 (RFC 5869) of one block, written out.
    extracted = hmac.digest(slot.salt, slowed + KEY, "sha256")
    key = hmac.digest(extracted, b"lightproof/1/slot/passphrase-and-key-file\x01", "sha256")
    bound = json.dumps(BOTH.model_dump(mode="json"), indent=1, sort_keys=True).encode() + b"\n" + slot.salt
    assert AESGCM(key).decrypt(slot.nonce, slot.wrapped, b"lightproof-root-key/1\n" + bound) == ROOT.exposed()
    for secret in (key, extracted, slowed, KEY, PHRASE, ROOT.exposed()):
        for shape in (secret, secret.hex().encode(), base64.b64encode(secret)[:-4]):
            assert shape not in RAW


@pytest.mark.parametrize("part", ["salt", "nonce", "wrapped"])
def test_an_altered_slot_of_two_factors_does_not_open(part: str) -> None:
    slot = wrap(ROOT, BOTH, together(PHRASE, KEY), random_bytes)
    value: bytes = getattr(slot, part)
    for at in range(len(value)):
        changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
        assert unwrap(slot.model_copy(update={part: changed}), together(PHRASE, KEY)) is None
    for changes in ({"path": "/media/stick/other.key"}, {"memory_kib": 8 * 1024 + 8}, {"passes": 2}):
        lock = BOTH.model_copy(update=changes)
        assert unwrap(slot.model_copy(update={"lock": lock}), together(PHRASE, KEY)) is None


def accepted(raw: bytes) -> bool:
    """Whether the key-file slot still opens, to the same key, in a file that this key confirms."""
    try:
        file = decode(raw)
    except NotASlotFile:
        return False
    slot = file.slot("key-file")
    root = unwrap(slot, SECRETS["key-file"][1]) if slot else None
    return root is not None and file.confirmed_by(root)


def test_any_flipped_bit_is_refused() -> None:
    assert accepted(RAW)
    for at in range(len(RAW)):
        for bit in range(8):
            changed = bytearray(RAW)
            changed[at] ^= 1 << bit
            assert not accepted(bytes(changed)), (at, bit)


@given(st.data())
def test_any_cut_insertion_or_exchange_is_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(RAW)))
    end = data.draw(st.integers(start, len(RAW)))
    changed = RAW[:start] + data.draw(st.binary(max_size=20)) + RAW[end:]
    assert changed == RAW or not accepted(changed)


@given(st.binary(max_size=400))
def test_noise_is_refused_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(NotASlotFile):
        decode(raw)


def altered(change: Callable[[dict], object]) -> bytes:
    content = json.loads(RAW)
    change(content)
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format="lightproof-root-key/2"),
        lambda c: c.update(comment="mine"),
        lambda c: c["slots"][0].update(comment="mine"),
        lambda c: c["slots"][0]["lock"].update(comment="mine"),
        lambda c: c["slots"][0]["lock"].update(memory_kib=2**31),
        lambda c: c["slots"][0]["lock"].update(memory_kib=1),
        lambda c: c["slots"][0]["lock"].update(memory_kib="65536"),
        lambda c: c["slots"][0]["lock"].update(passes=10**9),
        lambda c: c["slots"][0]["lock"].update(passes=0),
        lambda c: c["slots"][0]["lock"].update(lanes=2**24),
        lambda c: c["slots"][0]["lock"].update(kind="password"),
        lambda c: c["slots"][1]["lock"].update(path=""),
        lambda c: c["slots"][1]["lock"].update(path="a\0b"),
        lambda c: c["slots"][2]["lock"].update(name="../../etc/shadow"),
        lambda c: c["slots"][2]["lock"].update(name=".."),
        lambda c: c["slots"][2]["lock"].update(name="a\n"),
        lambda c: c["slots"][4]["lock"].update(path="unlock.key"),
        lambda c: c["slots"][4]["lock"].update(memory_kib=2**31),
        lambda c: c["slots"][4]["lock"].update(kind="passphrase"),
        lambda c: c["slots"][4]["lock"].update(kind="passphrase-and-key-file/2"),
        lambda c: c["slots"][4]["lock"].pop("path"),
        lambda c: c["slots"][0].update(salt=""),
        lambda c: c["slots"][0].update(nonce="AAAA"),
        lambda c: c["slots"].append(c["slots"][0]),
        lambda c: c["slots"].extend(c["slots"] * 1000),
        lambda c: c["slots"].clear(),
        lambda c: c.pop("mac"),
        lambda c: c.update(slots={}),
    ],
)
def test_a_hostile_file_is_refused_before_any_work(change: Callable[[dict], object]) -> None:
    with pytest.raises(NotASlotFile):
        decode(altered(change))


@pytest.mark.parametrize("raw", [b"[" * 60_000, b"x" * 70_000, RAW.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + RAW])
def test_what_is_not_written_as_we_write_is_refused(raw: bytes) -> None:
    with pytest.raises(NotASlotFile):
        decode(raw)


def test_a_slot_taken_away_or_brought_from_another_home_is_noticed() -> None:
    assert not decode(altered(lambda c: c["slots"].pop(0))).confirmed_by(ROOT)
    other = RootKey(bytes(32))
    foreign = encode([*SLOTS[:1], wrap(other, *SECRETS["key-file"], random_bytes)], other)
    assert not decode(foreign).confirmed_by(ROOT)


def test_the_file_does_not_hold_the_key_in_clear() -> None:
    assert ROOT.exposed() not in RAW
    assert ROOT.exposed().hex().encode() not in RAW
