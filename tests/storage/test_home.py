"""What lightproof keeps is in one place that one can choose."""

import pwd
from pathlib import Path

import pytest

from lightproof.errors import UsageRefused
from lightproof.storage.home import home, journal_path


def test_the_environment_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHTPROOF_HOME", str(tmp_path / "here"))
    assert home() == tmp_path / "here"
    path = journal_path("d" * 64)
    assert path.parent.is_dir()
    assert path.is_relative_to(tmp_path)
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_user_whom_the_system_does_not_know_is_told_to_name_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LIGHTPROOF_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(UsageRefused, match="home-unknown"):
        home()


def test_a_home_that_cannot_be_made_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LIGHTPROOF_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageRefused) as refusal:
        journal_path("d" * 64)
    assert refusal.value.error_id == "home-unusable"
