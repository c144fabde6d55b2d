"""Settings: what wins, where it came from, and how what does not fit is told."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.errors import LightproofError
from lightproof.locale import LANGUAGES, Language, speaking
from lightproof.storage.configuration import (
    DEFAULT,
    Configuration,
    Origin,
    keys,
    load,
    load_settings,
    read_organisation,
    variables,
)
from lightproof.storage.settings_file import default_settings, described

FULL = """
[organisation]
name = "Cabinet d’imagerie du Port"
siren = "732 829 320"
headcount = 12
dpo = { name = "Dominique Leroy", email = "dpo@cabinet.example" }

[organisation.contact]
name = "Claude Petit"
phone = "+33 2 99 00 00 02"

[alerts.mail]
host = "smtp.cabinet.example"
from = "lightproof@cabinet.example"
to = ["a@cabinet.example", "b@cabinet.example"]

[ledger]
timestamp_authority = "http://tsa.example/"
timestamp_certificate = "tsa.pem"
"""


def a_home(folder: Path, text: str) -> Path:
    (folder / "settings.toml").write_text(text)
    return folder


def values(loaded: Configuration) -> dict[str, object]:
    return {value.key: value.value for value in loaded.values}


def origins(loaded: Configuration) -> dict[str, Origin]:
    return {value.key: value.origin for value in loaded.values}


def refusal(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(LightproofError) as refused:
        load(a_home(folder, text), environment or {})
    assert refused.value.error_id == "settings-unreadable"
    return refused.value.cause


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    loaded = load(tmp_path / "nowhere", {})
    assert loaded.settings.breach.regimes == ("gdpr/fr",)
    assert loaded.settings.alerts.mail is None
    assert all(value.origin == DEFAULT for value in loaded.values)


def test_the_file_is_read_with_its_lines(tmp_path: Path) -> None:
    loaded = load(a_home(tmp_path, FULL), {})
    organisation, mail = loaded.settings.organisation, loaded.settings.alerts.mail
    assert (organisation.siren, organisation.headcount) == ("732829320", 12)
    assert (organisation.dpo.name, organisation.contact.name) == ("Dominique Leroy", "Claude Petit")
    assert mail is not None
    assert (mail.port, mail.sender, mail.to) == (
        587,
        "lightproof@cabinet.example",
        ("a@cabinet.example", "b@cabinet.example"),
    )
    assert loaded.settings.ledger.timestamp_certificate == tmp_path / "tsa.pem"
    found = origins(loaded)
    path = str(tmp_path / "settings.toml")
    assert found["organisation.headcount"] == Origin("file", path, 5)
    assert found["organisation.dpo.email"] == Origin("file", path, 6)
    assert found["organisation.contact.name"] == Origin("file", path, 9)
    assert found["alerts.mail.from"] == Origin("file", path, 14)
    assert found["alerts.mail.port"] == DEFAULT
    assert found["organisation.dpo.phone"] == DEFAULT


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    folder = a_home(tmp_path, '[breach]\nlanguage = "fr"\n')
    environment = {"LIGHTPROOF_BREACH_LANGUAGE": "en", "LIGHTPROOF_BREACH_REGIMES": "gdpr/eu, ch"}
    flags = {"breach.regimes": "gdpr/fr"}
    assert load(folder, {}).settings.breach.language == "fr"
    loaded = load(folder, environment, flags)
    assert loaded.settings.breach.language == "en"
    assert loaded.settings.breach.regimes == ("gdpr/fr",)
    assert load(folder, environment).settings.breach.regimes == ("gdpr/eu", "ch")
    assert origins(loaded)["breach.language"] == Origin("environment", "LIGHTPROOF_BREACH_LANGUAGE")
    assert origins(loaded)["breach.regimes"] == Origin("flag", "--regimes")


def test_every_key_has_a_variable_of_its_own() -> None:
    named = [variable for key in keys() for variable in variables(key)]
    assert len(set(named)) == len(named)
    assert "LIGHTPROOF_LEDGER_TIMESTAMP_AUTHORITY" in named
    assert "LIGHTPROOF_ALERTS_MAIL_PASSWORD_FILE" in named
    assert "LIGHTPROOF_PASSPHRASE_FILE" in named


def test_every_setting_can_come_from_the_environment(tmp_path: Path) -> None:
    examples = {setting.key: tomllib.loads(f"x = {setting.example}")["x"] for setting in described().setting}
    environment = {
        variables(key)[0]: ",".join(value) if isinstance(value, list) else str(value) for key, value in examples.items()
    }
    loaded = load(tmp_path, environment)
    assert {origin.kind for origin in origins(loaded).values()} == {"environment"}
    assert values(loaded)["organisation.headcount"] == 12


def test_an_empty_variable_sets_nothing(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {"LIGHTPROOF_BREACH_LANGUAGE": ""}).breach.language is None


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, {"LIGHTPROOF_HOME": "x", "LIGHTPROOF_LANG": "fr", "LIGHTPROOF_DEMO": "1", "LEDGER_X": "1"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[organisation]\nnam = "x"\n', "line 2: organisation.nam: there is no such setting (did you mean"),
        ('[orgnisation]\nname = "x"\n', "line 1: orgnisation: there is no such setting"),
        ('\n\n[breach]\nlanguage = "de"\n', "line 4: breach.language: one of these is expected: 'en', 'fr'"),
        ("[organisation]\nheadcount = -1\n", "line 2: organisation.headcount: at least 0"),
        ("[organisation]\nheadcount = 1e99\n", "line 2: organisation.headcount: a whole number"),
        ("[organisation]\nheadcount = 99999999999\n", "line 2: organisation.headcount: at most"),
        ("[organisation]\nname = 3\n", "line 2: organisation.name: text is expected"),
        ('[organisation]\nname = ""\n', "line 2: organisation.name: it is empty"),
        ('[organisation]\nname = "a\\nb"\n', "line 2: organisation.name: line breaks"),
        ('[organisation]\nsiren = "732829321"\n', "line 2: organisation.siren: a SIREN"),
        ('[organisation]\nsiren = "٧٣٢٨٢٩٣٢٠"\n', "line 2: organisation.siren: a SIREN"),
        ('[organisation]\ncountry = "France"\n', "line 2: organisation.country: a country"),
        ("organisation = 3\n", "line 1: organisation: a section is expected"),
        ('[organisation.dpo]\nemail = "dpo"\n', "line 2: organisation.dpo.email: an e-mail"),
        ('[organisation.dpo]\nemail = "a@b.c\\r\\nBcc: x@y.z"\n', "line 2: organisation.dpo.email: an e-mail"),
        ('[organisation.dpo]\nphone = "call me"\n', "line 2: organisation.dpo.phone: a telephone"),
        ('[alerts.mail]\nhost = "x"\n', "line 1: alerts.mail.from: it is missing"),
        ('[alerts.mail]\nhost="x"\nfrom="a@b.c"\nto=[]\n', "line 4: alerts.mail.to: a list"),
        ('[alerts.mail]\nhost="x"\nfrom="a@b.c"\nto=["a@b.c", "x"]\n', "line 4: alerts.mail.to: an e-mail"),
        ('[alerts.mail]\nhost="x"\nfrom="a@b.c"\nto="a@b.c"\nusername="u"\n', "line 1: alerts.mail: username and"),
        (
            '[alerts.mail]\nhost="x"\nfrom="a@b.c"\nto="a@b.c"\ntls="none"\nusername="u"\npassword_file="p"\n',
            "line 1: alerts.mail: with tls",
        ),
        ('[alerts.mail]\npassword = "x"\n', "line 1: alerts.mail.host"),
        ('[alerts.ntfy]\nurl = "http://ntfy.example/x"\n', "line 2: alerts.ntfy.url: it must begin with https"),
        ('[alerts.ntfy]\nurl = "https://me:word@ntfy.example/x"\n', "line 2: alerts.ntfy.url: a password"),
        ('[alerts.webhook]\nurl = "file:///etc/passwd"\n', "line 2: alerts.webhook.url: an address"),
        ('[alerts.webhook]\nurl = "https://[::1"\n', "line 2: alerts.webhook.url: an address"),
        ('[alerts.webhook]\nurl = "https://x:99999/"\n', "line 2: alerts.webhook.url: an address"),
        ('[ledger]\ntimestamp_authority = "http://x.example"\n', "line 1: ledger: timestamp_authority and"),
        ("[ledger]\nwitness = 3\n", "line 2: ledger.witness: text is expected"),
        ('[ledger]\nwitness = "a\\u0000b"\n', "line 2: ledger.witness: this is not a path"),
        ('[breach]\nregimes = ["../../etc/passwd"]\n', "line 2: breach.regimes: a regime"),
        ("[retention]\nregister_years = 0\n", "line 2: retention.register_years: at least 1"),
        (
            '[ledger]\nwitness = """\n[retention]\nregister_years = 1"""\n["retention"]\nregister_years = 0\n',
            "line 6: retention.register_years: at least 1",
        ),
        ("[organisation\n", "line 1: this is not TOML"),
        ('[organisation]\nname = "a"\nname = "b"\n', "this is not TOML"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line_and_key(tmp_path: Path, text: str, told: str) -> None:
    assert told in refusal(tmp_path, text)


def test_a_file_made_to_exhaust_us_is_told(tmp_path: Path) -> None:
    assert "settings.toml: this is not TOML" in refusal(tmp_path, "x = " + "[" * 50_000)
    assert "settings.toml: the file is too long" in refusal(tmp_path, "# " + "x" * 300_000)


def test_no_value_is_repeated_in_an_error(tmp_path: Path) -> None:
    for line in ('password_file = 3\nname = "canary\\n"', 'siren = "canary"', 'canaries = "canary"', 'dpo = "canary"'):
        assert "canary" not in refusal(tmp_path, f"[organisation]\n{line}\n").replace("canaries", "")


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LIGHTPROOF_LEDGER_TIMESTAMP_AUTORITY", "x", "did you mean LIGHTPROOF_LEDGER_TIMESTAMP_AUTHORITY?"),
        ("LIGHTPROOF_ALERTS_MAIL_PORT", "many", "LIGHTPROOF_ALERTS_MAIL_PORT: alerts.mail.port: a whole number"),
        ("LIGHTPROOF_ALERTS_MAIL_USERNAME", "x", "LIGHTPROOF_ALERTS_MAIL_USERNAME: alerts.mail: username and"),
        ("LIGHTPROOF_BREACH_LANGUAGE", "de", "LIGHTPROOF_BREACH_LANGUAGE: breach.language: one of these"),
    ],
)
def test_a_variable_that_does_not_fit_is_told(tmp_path: Path, variable: str, value: str, told: str) -> None:
    text = '[alerts.mail]\nhost="x"\nfrom="a@b.c"\nto="a@b.c"\n'
    assert told in refusal(tmp_path, text, {variable: value})


def test_a_section_begun_in_the_environment_alone_names_the_variable(tmp_path: Path) -> None:
    told = refusal(tmp_path, "", {"LIGHTPROOF_ALERTS_MAIL_HOST": "x"})
    assert told == "LIGHTPROOF_ALERTS_MAIL_HOST: alerts.mail.from: it is missing."


def test_bytes_that_are_not_text_and_things_that_are_not_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(LightproofError, match="UTF-8"):
        load(tmp_path, {})
    (tmp_path / "settings.toml").unlink()
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(LightproofError, match="settings-unreadable"):
        load(tmp_path, {})


def test_paths_start_from_the_home_or_from_the_user_s_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    text = (
        '[ledger]\nwitness = "w"\n[unlock]\nkey_file = "~/k"\npassphrase_file = "-"\n[alerts.calendar]\nfolder = "/c"\n'
    )
    settings = load_settings(a_home(tmp_path, text), {})
    assert settings.ledger.witness == tmp_path / "w"
    assert settings.unlock.key_file == Path("/somewhere/k")
    assert settings.unlock.passphrase_file == Path("-")
    assert settings.alerts.calendar is not None
    assert settings.alerts.calendar.folder == Path("/c")


def test_loopback_may_be_spoken_to_in_clear(tmp_path: Path) -> None:
    for host in ("127.0.0.1:8080", "[::1]:8080", "localhost"):
        settings = load_settings(a_home(tmp_path, f'[alerts.webhook]\nurl = "http://{host}/x"\n'), {})
        assert settings.alerts.webhook is not None


@given(st.binary(max_size=300))
def test_noise_is_refused_or_empty_and_nothing_worse(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    folder = tmp_path_factory.mktemp("noise")
    (folder / "settings.toml").write_bytes(raw)
    try:
        load(folder, {})
    except LightproofError as error:
        assert error.error_id == "settings-unreadable"


def test_every_setting_is_described_in_both_languages_and_no_other() -> None:
    assert [setting.key for setting in described().setting] == list(keys())
    sections = {key.rpartition(".")[0] for key in keys()}
    assert {section.name for section in described().section} == sections
    for said in (*described().section, *described().setting):
        assert said.en.strip()
        assert said.fr.strip()


@pytest.mark.parametrize("wished", LANGUAGES)
def test_the_commented_file_sets_nothing_and_uncommented_sets_everything(tmp_path: Path, wished: Language) -> None:
    with speaking(wished):
        text = default_settings()
    assert {origin.kind for origin in origins(load(a_home(tmp_path, text), {})).values()} == {"default"}
    uncommented = "\n".join(
        line[2:]
        if line.startswith("# ") and line[2:].split(" = ")[0].replace("_", "").isalpha() and " = " in line
        else line
        for line in text.splitlines()
    )
    loaded = load(a_home(tmp_path, uncommented), {})
    assert {origin.kind for origin in origins(loaded).values()} == {"file"}
    lines = uncommented.splitlines()
    for value in loaded.values:
        assert value.origin.line is not None
        assert lines[value.origin.line - 1].startswith(value.key.rpartition(".")[2])


@pytest.mark.parametrize("wished", LANGUAGES)
def test_the_commented_file_fits_a_screen_of_120_columns(wished: Language) -> None:
    with speaking(wished):
        assert max(map(len, default_settings().splitlines())) <= 120


@pytest.mark.parametrize("before", ["[organisation]\n", ""])
def test_the_organisation_comes_from_a_file_of_its_own(tmp_path: Path, before: str) -> None:
    (tmp_path / "org.toml").write_text(before + 'name = "L\\"Été\\\\"\nheadcount = 3\ndpo.email = "dpo@c.example"\n')
    known = read_organisation(tmp_path / "org.toml")
    assert known == {
        "organisation.name": 'L"Été\\',
        "organisation.headcount": 3,
        "organisation.dpo.email": "dpo@c.example",
    }
    settings = load_settings(a_home(tmp_path, default_settings(known)), {})
    assert (settings.organisation.name, settings.organisation.headcount) == ('L"Été\\', 3)
    assert settings.organisation.dpo.email == "dpo@c.example"


@given(st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable() and text.strip()))
def test_any_name_survives_its_writing(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = a_home(tmp_path_factory.mktemp("home"), default_settings({"organisation.name": name}))
    assert load_settings(folder, {}).organisation.name == name.strip()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "x"\nsiren = "1"\n', "org.toml, line 2: organisation.siren"),
        ('[organisation]\nname = "x"\n[breach]\nlanguage = "fr"\n', "line 4: breach.language: only [organisation]"),
        (None, "org.toml: "),
    ],
)
def test_an_organisation_that_does_not_fit_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "org.toml").write_text(text)
    with pytest.raises(LightproofError) as refused:
        read_organisation(tmp_path / "org.toml")
    assert told in refused.value.cause
