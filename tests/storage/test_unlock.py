"""Opening a home: each way, in its order, and what is told when none opens."""

import os
from pathlib import Path

import pytest

from lightproof.errors import LightproofError, UsageRefused
from lightproof.storage.making import (
    Credential,
    KeyFile,
    Passphrase,
    PassphraseAndKeyFile,
    RecoveryCode,
    make_home,
    remove_unlock,
    set_unlock,
)
from lightproof.storage.root_key import RootKey
from lightproof.storage.secret_sources import read_secret
from lightproof.storage.unlock import ROOT_KEY_FILE, Means, home_is_made, unlock

NOTHING = Means()
PHRASE = "quatre cerfs dansent, l’été"


def why(folder: Path, means: Means = NOTHING) -> str:
    """The id of the error that unlocking ends with."""
    with pytest.raises(LightproofError) as refused:
        unlock(folder, means)
    assert refused.value.cause
    assert refused.value.fix
    return refused.value.error_id


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "lightproof").write_bytes(os.urandom(32))
    return folder


def test_a_key_file_opens_without_a_question(home: Path, made: RootKey) -> None:
    assert unlock(home, Means()) == made


def test_a_passphrase_opens_when_it_is_given(home: Path) -> None:
    root = make_home(home, Passphrase(PHRASE))
    assert unlock(home, Means(passphrase=lambda: PHRASE)) == root
    assert why(home, Means(passphrase=lambda: PHRASE + " ")) == "passphrase-wrong"
    assert why(home) == "sealed"


def test_accents_open_however_the_keyboard_composes_them(home: Path) -> None:
    root = make_home(home, Passphrase("de\u0301ja\u0300 vu, deux fois"))
    assert unlock(home, Means(passphrase=lambda: "d\u00e9j\u00e0 vu, deux fois")) == root


def test_a_credential_opens_and_is_tried_first(home: Path, credentials: Path) -> None:
    root = make_home(home, Credential("lightproof", credentials))
    set_unlock(home, root, KeyFile(home / "unlock.key"))
    (home / "unlock.key").unlink()
    assert unlock(home, Means(credentials=credentials)) == root


def test_a_way_that_fails_gives_way_to_the_next(home: Path, credentials: Path) -> None:
    root = make_home(home, Credential("lightproof", credentials))
    set_unlock(home, root, KeyFile(home / "unlock.key"))
    set_unlock(home, root, Passphrase(PHRASE))
    (credentials / "lightproof").write_bytes(os.urandom(32))
    assert unlock(home, Means(credentials=credentials)) == root
    (home / "unlock.key").unlink()
    assert unlock(home, Means(credentials=credentials, passphrase=lambda: PHRASE)) == root
    assert why(home, Means(credentials=credentials)) == "key-changed"
    assert why(home) == "key-file-missing"


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """The key file of a second factor, on something that can be taken away."""
    (tmp_path / "stick").mkdir()
    return tmp_path / "stick" / "lightproof.key"


def nobody() -> str:
    raise AssertionError("the passphrase was asked for")


def test_two_factors_open_together_alone(home: Path, stick: Path) -> None:
    root = make_home(home, PassphraseAndKeyFile(PHRASE, stick))
    assert unlock(home, Means(passphrase=lambda: PHRASE)) == root
    assert why(home, Means(passphrase=lambda: PHRASE + " ")) == "passphrase-or-key-file-wrong"
    assert why(home) == "sealed"
    stick.write_bytes(os.urandom(32))
    assert why(home, Means(passphrase=lambda: PHRASE)) == "passphrase-or-key-file-wrong"


def test_the_key_file_of_a_pair_is_looked_for_before_anybody_is_asked(home: Path, stick: Path) -> None:
    make_home(home, PassphraseAndKeyFile(PHRASE, stick))
    stick.chmod(0o644)
    assert why(home, Means(passphrase=nobody)) == "key-readable-by-others"
    stick.chmod(0o600)
    stick.write_bytes(b"short")
    assert why(home, Means(passphrase=nobody)) == "key-file-unusable"
    stick.unlink()
    assert why(home, Means(passphrase=nobody)) == "key-file-missing"


def test_the_files_of_two_homes_do_not_open_each_other(home: Path, stick: Path, tmp_path: Path) -> None:
    other = stick.with_name("other.key")
    roots = (
        make_home(home, PassphraseAndKeyFile(PHRASE, stick)),
        make_home(tmp_path / "second", PassphraseAndKeyFile(PHRASE, other)),
    )
    assert why(home, Means(key_file=other, passphrase=lambda: PHRASE)) == "passphrase-or-key-file-wrong"
    assert unlock(home, Means(key_file=stick, passphrase=lambda: PHRASE)) == roots[0] != roots[1]


def test_the_key_file_of_a_pair_is_not_taken_out_of_the_home(home: Path, stick: Path) -> None:
    make_home(home, PassphraseAndKeyFile(PHRASE, stick))
    (home / "unlock.key").write_bytes(stick.read_bytes())
    (home / "unlock.key").chmod(0o600)
    assert why(home, Means(key_file=home / "unlock.key", passphrase=nobody)) == "key-file-in-home"
    stick.unlink()
    stick.symlink_to(home / "unlock.key")
    assert why(home, Means(passphrase=nobody)) == "key-file-in-home"


def test_beside_a_pair_one_question_serves_both_ways_and_what_needs_none_goes_first(home: Path, stick: Path) -> None:
    root = make_home(home, PassphraseAndKeyFile(PHRASE, stick))
    set_unlock(home, root, Passphrase("another passphrase"))
    answers = iter(["another passphrase", "wrong", "wrong", PHRASE])
    assert unlock(home, Means(passphrase=lambda: next(answers))) == root
    assert why(home, Means(passphrase=lambda: next(answers))) == "passphrase-or-key-file-wrong"
    stick.rename(stick.with_name("away"))
    assert why(home, Means(passphrase=lambda: next(answers))) == "passphrase-wrong"
    stick.with_name("away").rename(stick)
    assert unlock(home, Means(passphrase=lambda: next(answers))) == root
    set_unlock(home, root, KeyFile(home / "unlock.key"))
    assert unlock(home, Means(passphrase=nobody)) == root
    remove_unlock(home, root, "key-file")
    remove_unlock(home, root, "passphrase")
    assert why(home, Means(passphrase=lambda: "another passphrase")) == "passphrase-or-key-file-wrong"


def test_no_home_is_told_and_opens_nothing(home: Path) -> None:
    assert why(home) == "home-not-made"
    assert not home.exists()


def test_a_folder_where_nobody_can_see_whether_a_home_is_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused, match="home-unusable"):
        home_is_made(tmp_path / ("n" * 300))


def test_a_missing_key_file_is_told(home: Path, made: RootKey) -> None:
    (home / "unlock.key").unlink()
    assert why(home) == "key-file-missing"


def test_a_changed_key_file_is_told(home: Path, made: RootKey) -> None:
    (home / "unlock.key").write_bytes(os.urandom(32))
    assert why(home) == "key-changed"


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33, b"x" * 100_000])
def test_a_key_file_of_another_size_is_told(home: Path, made: RootKey, content: bytes) -> None:
    (home / "unlock.key").write_bytes(content)
    assert why(home) == "key-file-unusable"


def test_a_pipe_or_folder_or_device_in_its_place_does_not_hang(home: Path, made: RootKey) -> None:
    key = home / "unlock.key"
    key.unlink()
    os.mkfifo(key)
    assert why(home) == "key-file-unusable"
    key.unlink()
    key.mkdir()
    assert why(home) == "key-file-unusable"
    assert why(home, Means(key_file=Path("/dev/zero"))) == "key-file-unusable"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
@pytest.mark.parametrize("name", ["unlock.key", ROOT_KEY_FILE])
def test_a_key_that_others_can_read_or_change_is_refused(home: Path, made: RootKey, name: str, mode: int) -> None:
    (home / name).chmod(mode)
    assert why(home, Means(passphrase=lambda: PHRASE)) == "key-readable-by-others"


def test_a_moved_home_opens_with_the_key_file_inside(home: Path, made: RootKey, tmp_path: Path) -> None:
    home.rename(tmp_path / "elsewhere")
    assert unlock(tmp_path / "elsewhere", Means()) == made


def test_a_moved_key_file_opens_where_the_settings_say(home: Path, tmp_path: Path) -> None:
    root = make_home(home, KeyFile(tmp_path / "stick.key"))
    (tmp_path / "stick.key").rename(tmp_path / "other.key")
    assert why(home) == "key-file-missing"
    assert unlock(home, Means(key_file=tmp_path / "other.key")) == root


def test_a_file_that_others_wrote_is_broken_and_not_believed(home: Path, made: RootKey) -> None:
    path = home / ROOT_KEY_FILE
    path.write_bytes(path.read_bytes().replace(b"key-file", b"key-fils"))
    assert why(home) == "root-key-broken"
    path.write_bytes(b"")
    assert why(home) == "root-key-broken"
    path.unlink()
    path.mkdir()
    assert why(home) == "root-key-broken"


def test_slots_of_another_home_are_not_believed(home: Path, made: RootKey, tmp_path: Path) -> None:
    make_home(tmp_path / "other", KeyFile(home / "unlock.key"), recovery=RecoveryCode(bytes(20)))
    mine, theirs = (folder / ROOT_KEY_FILE for folder in (home, tmp_path / "other"))
    mine.write_text(mine.read_text().split('"slots"')[0] + '"slots"' + theirs.read_text().split('"slots"')[1])
    assert why(home) == "root-key-broken"


def test_no_error_shows_a_secret(home: Path, made: RootKey, tmp_path: Path) -> None:
    (home / "unlock.key").write_bytes(b"\xffsecret-canary-of-32-bytes-long!")
    with pytest.raises(LightproofError) as refused:
        unlock(home, Means(passphrase=lambda: "secret-canary"))
    assert "canary" not in f"{refused.value!r} {refused.value.cause} {refused.value.fix}"
    assert "canary" not in repr(Passphrase("secret-canary"))
    assert "canary" not in repr(PassphraseAndKeyFile("secret-canary", tmp_path))
    assert "canary" not in repr(RecoveryCode(b"secret-canary"))


@pytest.mark.parametrize(
    "raw", [b"mot de passe\n", b"mot de passe\r\nsecond line\n", b"\xef\xbb\xbfmot de passe", b"mot de passe"]
)
def test_a_secret_is_the_first_line_of_its_file(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "secret").write_bytes(raw)
    assert read_secret(tmp_path / "secret") == "mot de passe"


@pytest.mark.parametrize("raw", [b"", b"\n", b"\xff\xfe", b"x" * 5000, None])
def test_a_secret_that_cannot_be_read_is_told(tmp_path: Path, raw: bytes | None) -> None:
    if raw is not None:
        (tmp_path / "secret").write_bytes(raw)
    with pytest.raises(LightproofError) as refused:
        read_secret(tmp_path / "secret")
    assert refused.value.error_id == "secret-unreadable"
