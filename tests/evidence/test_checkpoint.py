from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.evidence.checkpoint import (
    Checkpoint,
    NoteRefused,
    Signature,
    SignedNote,
    Signer,
    VerifierKey,
    opened,
    parse_checkpoint,
    parse_note,
)
from lightproof.evidence.merkle import leaf_hash

SIGNER = Signer(b"\x01" * 32)
ROOT = leaf_hash(b"root")

# The example of the Go library `golang.org/x/mod/sumdb/note`.
PETER = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETERS_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_NOTE = (
    PETERS_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_note_of_another_implementation_verifies() -> None:
    note = parse_note(PETERS_NOTE)
    assert note.text == PETERS_TEXT
    assert PETER.signed(note)
    assert str(PETER) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert not PETER.signed(SignedNote(note.text + "\n", note.signatures))


def test_a_checkpoint_is_the_text_of_the_specification() -> None:
    checkpoint = Checkpoint("example.com/log", 20852163, ROOT, ("ours",))
    assert checkpoint.text() == f"example.com/log\n20852163\n{b64encode(ROOT).decode()}\nours\n"
    assert parse_checkpoint(checkpoint.text()) == checkpoint


def test_a_signed_checkpoint_opens_with_its_key_as_text_or_bytes() -> None:
    note = SIGNER.checkpoint(7, ROOT)
    key = VerifierKey.parse(str(SIGNER.key))
    assert opened(note, key) == opened(note.encode(), key) == Checkpoint(key.name, 7, ROOT)
    assert note == parse_note(note).encode()


def test_two_ledgers_have_two_names() -> None:
    assert Signer(b"\x02" * 32).key.name != SIGNER.key.name


def test_a_witness_may_add_its_line_and_ours_still_counts() -> None:
    note = parse_note(SIGNER.checkpoint(7, ROOT))
    witness = Signature("witness.example/w1", b"\x00\x01\x02\x03", b"\x04" * 72)
    for lines in ((*note.signatures, witness), (witness, *note.signatures)):
        assert opened(SignedNote(note.text, lines).encode(), SIGNER.key).size == 7
    with pytest.raises(NoteRefused, match="not-signed"):
        opened(SignedNote(note.text, (witness,)).encode(), SIGNER.key)


def test_a_forged_second_signature_of_our_key_spoils_the_note() -> None:
    note = parse_note(SIGNER.checkpoint(7, ROOT))
    forged = Signature(SIGNER.key.name, SIGNER.key.key_hash, b"\x05" * 64)
    with pytest.raises(NoteRefused, match="not-signed"):
        opened(SignedNote(note.text, (*note.signatures, forged)).encode(), SIGNER.key)


def test_the_checkpoint_of_another_ledger_is_refused_even_when_we_signed_it() -> None:
    other = SIGNER.sign(Checkpoint("elsewhere", 7, ROOT).text()).encode()
    with pytest.raises(NoteRefused, match="other-origin"):
        opened(other, SIGNER.key)


@given(st.data())
def test_no_changed_byte_goes_unseen(data: st.DataObject) -> None:
    note = SIGNER.checkpoint(1207, ROOT).encode()
    place = data.draw(st.integers(0, len(note) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != note[place]))
    with pytest.raises(NoteRefused):
        opened(note[:place] + bytes([byte]) + note[place + 1 :], SIGNER.key)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ("", "no-signature"),
        ("text\n", "no-signature"),
        ("text\n\n", "no-signature"),
        ("text\n\n— name AAAAAAA=", "no-signature"),
        ("text\n\n- name AAAAAAA=\n", "signature-line"),
        ("text\n\n— name\n", "signature-line"),
        ("text\n\n— a+b AAAAAAA=\n", "signature-line"),
        ("text\n\n— name AAAA\n", "signature-line"),
        ("text\n\n— name AAAAAAB=\n", "signature-line"),
        ("text\n\n— name AAAAAAA=\r\n", "control-character"),
        ("te\x00xt\n\n— name AAAAAAA=\n", "control-character"),
        ("text\n\n" + "— name AAAAAAA=\n" * 101, "too-many-signatures"),
        ("x" * 65_536 + "\n\n— name AAAAAAA=\n", "too-long"),
        (b"\xff\n\n", "not-utf-8"),
        ("\ud800\n\n", "not-utf-8"),
    ],
)
def test_what_is_no_note_is_refused(note: str | bytes, reason: str) -> None:
    with pytest.raises(NoteRefused) as refused:
        parse_note(note)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lines"),
        ("origin\n7\n", "lines"),
        (f"origin\n7\n{b64encode(ROOT).decode()}", "lines"),
        (f"\n7\n{b64encode(ROOT).decode()}\n", "line"),
        (f"origin\n07\n{b64encode(ROOT).decode()}\n", "size"),
        (f"origin\n+7\n{b64encode(ROOT).decode()}\n", "size"),
        (f"origin\n{10**16}\n{b64encode(ROOT).decode()}\n", "size"),
        (f"origin\n٧\n{b64encode(ROOT).decode()}\n", "size"),
        ("origin\n7\nAAAA\n", "root"),
        ("origin\n7\nAA*A\n", "root"),
        (f"origin\n7\n{b64encode(ROOT).decode()}\n\n", "line"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NoteRefused) as refused:
        parse_checkpoint(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc",
        "x" * 401,
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused, match="key-"):
        VerifierKey.parse(text)
