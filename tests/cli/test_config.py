"""`lightproof config show`, run as people and scripts run it."""

from pathlib import Path

import jsonschema
import pytest

from cli.running import lightproof

SETTINGS = """
[organisation]
name = "Société civile de moyens d’imagerie médicale et interventionnelle du port de commerce et de la rade"

[alerts.mail]
host = "smtp.cabinet.example"
from = "lightproof@cabinet.example"
to = ["direction@cabinet.example", "informatique@cabinet.example", "dpo@cabinet.example"]
username = "lightproof"
password_file = "mail-password"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    (tmp_path / "mail-password").write_text("canary-of-a-password")
    return tmp_path


def value_line(out: bytes, section: str, name: str) -> str:
    after = out.decode().split(f"[{section}]\n")[1]
    return next(line for line in after.splitlines() if line.split()[:1] == [name])


def test_every_value_is_shown_with_its_origin(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIGHTPROOF_LEDGER_WITNESS", "/media/stick")
    ran = lightproof("config", "show", "--origin", home=home)
    assert ran.code == 0
    assert value_line(ran.out, "alerts.mail", "host").endswith("file, line 6")
    assert value_line(ran.out, "alerts.mail", "port").split() == ["port", "587", "default"]
    assert value_line(ran.out, "ledger", "witness").endswith("LIGHTPROOF_LEDGER_WITNESS")
    assert value_line(ran.out, "retention", "register_years").split() == ["register_years", "–", "default"]


@pytest.mark.parametrize("arguments", [(), ("--origin",)])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_fits_a_terminal_of_80_columns_in_columns(home: Path, arguments: tuple[str, ...], language: str) -> None:
    out = lightproof("config", "show", *arguments, home=home, language=language).out.decode()
    lines = out.splitlines()[1:]  # the first is a path, as long as it is
    assert max(map(len, lines)) <= 80
    values = [value_line(out.encode(), "alerts.mail", name) for name in ("host", "from", "username")]
    assert len({line.index(line.split()[1]) for line in values}) == 1


def test_no_secret_is_shown(home: Path) -> None:
    for arguments in ((), ("--origin",), ("--json",)):
        assert b"canary" not in lightproof("config", "show", *arguments, home=home).out


def test_json_fits_its_schema(home: Path) -> None:
    schema = lightproof("config", "show", "--schema", home=home)
    shown = lightproof("config", "show", "--json", home=home)
    jsonschema.validate(shown.json, schema.json, cls=jsonschema.Draft202012Validator)
    found = {value["key"]: value for value in shown.json["settings"]}
    assert found["alerts.mail.to"]["value"][2] == "dpo@cabinet.example"
    assert found["alerts.mail.to"]["origin"] == {"kind": "file", "name": str(home / "settings.toml"), "line": 8}
    assert found["breach.regimes"] == {
        "key": "breach.regimes",
        "value": ["gdpr/fr"],
        "origin": {"kind": "default", "name": None, "line": None},
    }


def test_without_a_home_everything_has_its_default(tmp_path: Path) -> None:
    ran = lightproof("config", "show", home=tmp_path / "nowhere")
    assert ran.code == 0
    assert "(not there)" in ran.out.decode().splitlines()[0]
    assert not (tmp_path / "nowhere").exists()


def test_a_setting_that_does_not_fit_is_told_with_its_line(home: Path) -> None:
    (home / "settings.toml").write_text('[alerts.ntfy]\nurl = "http://ntfy.example/x"\n')
    ran = lightproof("config", "show", home=home)
    assert (ran.code, ran.out) == (2, b"")
    assert "line 2: alerts.ntfy.url: it must begin with https://" in ran.err
