"""Making a home: whole or not at all, never over another; and changing the ways of opening it."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightproof.errors import LightproofError
from lightproof.locale import speaking
from lightproof.storage.configuration import load
from lightproof.storage.making import (
    Credential,
    KeyFile,
    Passphrase,
    PassphraseAndKeyFile,
    RecoveryCode,
    Unlock,
    make_home,
    opening_alone,
    recovered,
    remove_unlock,
    set_unlock,
)
from lightproof.storage.root_key import RootKey
from lightproof.storage.unlock import ROOT_KEY_FILE, Means, home_is_made, read_slots, unlock

CODE = RecoveryCode(bytes(range(20)))


def why(folder: Path, way: Unlock) -> str:
    with pytest.raises(LightproofError) as refused:
        make_home(folder, way)
    assert refused.value.fix
    return refused.value.error_id


def test_a_home_has_private_files_and_no_leftovers(home: Path, made: RootKey) -> None:
    assert {path.name for path in home.iterdir()} == {ROOT_KEY_FILE, "settings.toml", "unlock.key"}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.iterdir())


def test_private_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        make_home(home / "deeper", KeyFile(home / "deeper" / "unlock.key"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "deeper").stat().st_mode) == 0o700
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (home / "deeper").iterdir())


def test_the_root_key_is_in_no_file(home: Path, made: RootKey) -> None:
    key = made.exposed()
    for path in home.iterdir():
        assert key not in path.read_bytes()
        assert key.hex().encode() not in path.read_bytes().lower()


def test_each_home_has_its_own_key(tmp_path: Path) -> None:
    homes = [make_home(tmp_path / str(n), KeyFile(tmp_path / "shared.key")) for n in range(3)]
    assert len({root.exposed() for root in homes}) == 3


def test_a_home_is_never_made_over_another(home: Path, made: RootKey) -> None:
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    assert why(home, KeyFile(home / "unlock.key")) == "home-exists"
    assert why(home, Passphrase("another passphrase")) == "home-exists"
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


def test_a_database_whose_key_is_lost_is_not_buried(home: Path, made: RootKey) -> None:
    (home / "lightproof.db").touch()
    (home / ROOT_KEY_FILE).unlink()
    assert why(home, KeyFile(home / "unlock.key")) == "home-key-lost"


def test_settings_that_are_there_are_kept(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text('[breach]\nlanguage = "en"\n')
    make_home(home, KeyFile(home / "unlock.key"))
    assert load(home, {}).settings.breach.language == "en"


@pytest.mark.parametrize(("wished", "word"), [("fr", "Réglages"), ("en", "Settings")])
def test_settings_are_written_in_the_language_of_the_reader(home: Path, wished: str, word: str) -> None:
    with speaking("fr" if wished == "fr" else "en"):
        make_home(home, KeyFile(home / "unlock.key"))
    assert word in (home / "settings.toml").read_text().splitlines()[0]


def test_a_folder_that_others_can_change_is_refused(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    assert why(home, KeyFile(home / "unlock.key")) == "home-open-to-others"
    assert list(home.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_told(home: Path) -> None:
    home.write_text("x")
    assert why(home, KeyFile(home / "unlock.key")) == "home-unusable"
    assert why(home / "below", KeyFile(home / "unlock.key")) == "home-unusable"


def test_a_key_file_that_is_there_is_used_as_it_is(home: Path, tmp_path: Path) -> None:
    key = tmp_path / "mine.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    root = make_home(home, KeyFile(key))
    assert key.read_bytes() == bytes(range(32))
    assert unlock(home, Means()) == root


def test_a_key_file_that_cannot_serve_leaves_no_home(home: Path, tmp_path: Path) -> None:
    key = tmp_path / "mine.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    assert why(home, KeyFile(key)) == "key-readable-by-others"
    key.chmod(0o600)
    key.write_bytes(b"short")
    assert why(home, KeyFile(key)) == "key-file-unusable"
    # A stick that is not plugged in: its folder is not made on the disk below.
    assert why(home, KeyFile(tmp_path / "stick" / "unlock.key")) == "key-file-unusable"
    assert not (tmp_path / "stick").exists()
    assert not home_is_made(home)
    key.write_bytes(bytes(32))
    make_home(home, KeyFile(key))


def test_the_key_file_of_a_pair_lies_elsewhere_than_the_home(home: Path, tmp_path: Path) -> None:
    for path in (home / "unlock.key", home / "deeper" / "k", tmp_path / "x" / ".." / "home" / "k"):
        assert why(home, PassphraseAndKeyFile("a passphrase that is long", path)) == "key-file-in-home"
        assert not path.exists()
    assert not home_is_made(home)


def test_a_key_copied_out_of_the_home_is_no_second_factor(home: Path, made: RootKey, tmp_path: Path) -> None:
    copied = tmp_path / "copied.key"
    copied.write_bytes((home / "unlock.key").read_bytes())
    copied.chmod(0o600)
    with pytest.raises(LightproofError, match="key-file-in-home"):
        set_unlock(home, made, PassphraseAndKeyFile("a passphrase that is long", copied))
    (home / "unlock.key").unlink()
    set_unlock(home, made, PassphraseAndKeyFile("a passphrase that is long", copied))


def test_what_opens_alone_beside_a_pair_is_known(home: Path, made: RootKey, tmp_path: Path) -> None:
    set_unlock(home, made, CODE)
    assert opening_alone(home) == ()
    set_unlock(home, made, PassphraseAndKeyFile("a passphrase that is long", tmp_path / "stick.key"))
    assert opening_alone(home) == ("key-file",)
    set_unlock(home, made, Passphrase("a passphrase that is new"))
    assert opening_alone(home) == ("passphrase", "key-file")
    remove_unlock(home, made, "passphrase")
    remove_unlock(home, made, "key-file")
    assert opening_alone(home) == ()
    with pytest.raises(LightproofError, match="unlock-last"):
        remove_unlock(home, made, "passphrase-and-key-file")


def test_a_weak_passphrase_leaves_no_home(home: Path) -> None:
    assert why(home, Passphrase("motdepasse123")) == "passphrase-too-short"
    assert why(home, PassphraseAndKeyFile("motdepasse123", home.with_name("k"))) == "passphrase-too-short"
    assert not home.with_name("k").exists()
    assert not home_is_made(home)


@pytest.mark.parametrize(
    ("name", "content"), [("lightproof", None), ("lightproof", b"short"), ("../x", bytes(32)), ("", bytes(32))]
)
def test_a_credential_that_cannot_serve_leaves_no_home(
    home: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = tmp_path / "credentials" / "service"
    folder.mkdir(parents=True)
    if content is not None and name:
        (folder / name).write_bytes(content)
    assert why(home, Credential(name, folder)) == "credential-unusable"
    assert why(home, Credential("lightproof", None)) == "credential-unusable"
    assert not home_is_made(home)


def test_a_recovery_code_opens_what_is_otherwise_lost(home: Path) -> None:
    root = make_home(home, Passphrase("a passphrase that is lost"), recovery=CODE)
    assert recovered(home, CODE.code) == root
    set_unlock(home, recovered(home, CODE.code), Passphrase("a passphrase that is new"))
    assert unlock(home, Means(passphrase=lambda: "a passphrase that is new")) == root
    with pytest.raises(LightproofError, match="passphrase-wrong"):
        unlock(home, Means(passphrase=lambda: "a passphrase that is lost"))


def test_a_new_recovery_code_voids_the_old(home: Path) -> None:
    root = make_home(home, KeyFile(home / "unlock.key"), recovery=CODE)
    set_unlock(home, root, RecoveryCode(bytes(20)))
    assert recovered(home, bytes(20)) == root
    with pytest.raises(LightproofError, match="recovery-code-wrong"):
        recovered(home, CODE.code)


def test_a_home_without_a_kit_has_no_code(home: Path, made: RootKey) -> None:
    with pytest.raises(LightproofError, match="recovery-code-wrong"):
        recovered(home, CODE.code)


def test_the_last_way_in_is_not_taken_away(home: Path) -> None:
    root = make_home(home, KeyFile(home / "unlock.key"), recovery=CODE)
    for kind, refusal in (("key-file", "unlock-last"), ("passphrase", "unlock-not-there")):
        with pytest.raises(LightproofError, match=refusal):
            remove_unlock(home, root, "key-file" if kind == "key-file" else "passphrase")
    set_unlock(home, root, Passphrase("a passphrase that is new"))
    remove_unlock(home, root, "key-file")
    assert [slot.lock.kind for slot in read_slots(home).slots] == ["recovery", "passphrase"]
    with pytest.raises(LightproofError, match="sealed"):
        unlock(home, Means())


def test_another_home_s_key_changes_nothing(home: Path, made: RootKey) -> None:
    before = (home / ROOT_KEY_FILE).read_bytes()
    with pytest.raises(LightproofError, match="root-key-broken"):
        set_unlock(home, RootKey(bytes(32)), Passphrase("a passphrase that is new"))
    assert (home / ROOT_KEY_FILE).read_bytes() == before


def test_nothing_is_changed_where_there_is_no_home(home: Path) -> None:
    with pytest.raises(LightproofError, match="home-not-made"):
        set_unlock(home, RootKey(bytes(32)), Passphrase("a passphrase that is new"))
    assert not home.exists()


_MAKE = """
import sys
from pathlib import Path
from lightproof.errors import LightproofError
from lightproof.storage.making import KeyFile, make_home
print("go", flush=True)
home = Path(sys.argv[1])
try:
    make_home(home, KeyFile(home / "unlock.key"))
except LightproofError as error:
    print(error.error_id)
else:
    print("made")
"""


def test_of_two_that_make_it_at_once_one_does(tmp_path: Path) -> None:
    for attempt in range(3):
        home = tmp_path / str(attempt)
        makers = [
            subprocess.Popen([sys.executable, "-c", _MAKE, str(home)], stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        told = sorted(maker.communicate(timeout=60)[0].split()[-1] for maker in makers)
        assert told == ["home-exists", "home-exists", "made"]
        assert unlock(home, Means())


# Each call that changes the disk is a place where the power may fail: the maker kills itself at the n-th.
_MAKE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from lightproof.storage.making import KeyFile, make_home
left = int(sys.argv[2])

def watch(event, _arguments):
    global left
    if event in ("os.mkdir", "os.link", "os.rename", "os.remove", "open", "fcntl.flock"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

home = Path(sys.argv[1])
from lightproof.storage.settings_file import described
described()
sys.addaudithook(watch)
make_home(home, KeyFile(home / "unlock.key"))
"""


def test_killed_at_any_step_there_is_no_home_or_a_whole_one(tmp_path: Path) -> None:
    outcomes = []
    for step in range(60):
        home = tmp_path / str(step)
        ended = subprocess.run([sys.executable, "-c", _MAKE_AND_DIE, str(home), str(step)]).returncode
        outcomes.append((ended, home_is_made(home)))
        if not home_is_made(home):
            make_home(home, KeyFile(home / "unlock.key"))
        assert unlock(home, Means())
        assert load(home, {})
        assert {path.name for path in home.iterdir()} <= {ROOT_KEY_FILE, "settings.toml", "unlock.key"} | {
            path.name for path in home.glob(f".{ROOT_KEY_FILE}.*.part")
        }
        if ended == 0:
            break
    assert (-signal.SIGKILL, False) in outcomes
    assert (-signal.SIGKILL, True) in outcomes
    assert outcomes[-1] == (0, True)
    assert len(outcomes) > 10


@pytest.mark.parametrize("rounds", [12, pytest.param(200, marks=pytest.mark.soak)])
def test_killed_at_any_moment_there_is_no_home_or_a_whole_one(tmp_path: Path, rounds: int) -> None:
    for n in range(rounds):
        home = tmp_path / str(n)
        maker = subprocess.Popen([sys.executable, "-c", _MAKE, str(home)], stdout=subprocess.PIPE)
        assert maker.stdout is not None
        maker.stdout.readline()
        time.sleep(0.03 * n / rounds)
        maker.kill()
        maker.communicate()
        if not home_is_made(home):
            make_home(home, KeyFile(home / "unlock.key"))
        assert unlock(home, Means())
