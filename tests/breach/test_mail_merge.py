"""One copy a person; the list leaves nothing behind but numbers and a keyed digest."""

import csv
import email
import email.policy
import io
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breach.practice_case import FOUND, PRACTICE, the_incident
from breach.test_sheets import all_text
from lightproof.breach.letters import Letter, letter
from lightproof.breach.mail_merge import (
    CELL,
    LIST_BYTES,
    Recipients,
    delivery,
    drafts,
    merged,
    read_recipients,
)
from lightproof.documents.html import html
from lightproof.documents.pdf import pdf
from lightproof.errors import UsageRefused
from lightproof.locale import Language

KEY = bytes(range(32))
HEAD = "name,salutation,address,email,language,minor\n"
NAMES = ("Zéphyrine Quillbrook", "Oswald Tirremont", "Perrine Vauclaire")
LIST = (
    HEAD
    + f"{NAMES[0]},,12 rue des Lilas|75011 Paris,,fr,\n"
    + f'{NAMES[1]},Dear Mr Tirremont,"4 High Street\nLondon",oswald@home.example,en,no\n'
    + f"{NAMES[2]},,,perrine@home.example,,yes\n"
).encode()


def read(content: bytes | str, language: Language = "fr", key: bytes = KEY) -> Recipients:
    return read_recipients(content.encode() if isinstance(content, str) else content, key=key, language=language)


def letters(language: Language, minor: bool) -> Letter:
    return letter(
        the_incident(), PRACTICE, "letter", language=language, now=FOUND, zone=ZoneInfo("Europe/Paris"), guardian=minor
    )


def test_each_person_gets_a_copy_in_their_language() -> None:
    made = dict(merged(read(LIST), letters))
    second, first, third = (all_text(one) for one in made.values())
    assert f"Bonjour {NAMES[0]}," in first
    assert "12 rue des Lilas, 75011 Paris" in first
    assert "Dear Mr Tirremont" in second
    assert "4 High Street, London" in second
    assert f"Au titulaire de l’autorité parentale de {NAMES[2]}" in third
    assert NAMES[1] not in first + third


def test_one_file_holds_every_copy_of_a_language() -> None:
    made = dict(merged(read(LIST), letters))
    assert list(made) == ["letters-en", "letters-fr", "letters-fr-minors"]
    assert [len(one.sections) for one in made.values()] == [1, 1, 1]
    assert pdf(made["letters-fr"]).startswith(b"%PDF")


def test_an_e_mail_is_a_draft_for_those_with_an_address() -> None:
    made = dict(drafts(read(LIST), letters))
    assert list(made) == ["letter-0002.eml", "letter-0003.eml"]
    draft = email.message_from_bytes(made["letter-0002.eml"], policy=email.policy.default)
    assert draft["To"] == f"{NAMES[1]} <oswald@home.example>"
    assert draft["X-Unsent"] == "1"
    assert "Dear Mr Tirremont" in draft.get_content()  # type: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["=cmd|x", '"Bcc: x@y" <a@b>', "A, B <c@d.example>", "a\\b", "Zoé “x”", "x" * 290])
def test_a_name_stays_inside_its_own_header(name: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "email"], [name, "a@home.example"]])
    ((_file, draft),) = drafts(read(out.getvalue()), letters)
    parsed = email.message_from_bytes(draft, policy=email.policy.default)
    assert [one.addr_spec for one in parsed["To"].addresses] == ["a@home.example"]
    assert parsed["To"].addresses[0].display_name == name
    assert parsed.keys() == ["X-Unsent", "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]


@pytest.mark.parametrize(
    "address", ["a@b", "a b@c.example", "<a@b.example>", "a@b.example,c@d.example", '"a"@b.example', "é@b.example"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "email"], ["A", address]])
    with pytest.raises(UsageRefused):
        read(out.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        "nom;formule;adresse;courriel;langue\nMartin;;1 rue A;;fr\n",
        "\ufeffNom;Adresse\r\nMartin;1 rue A\r\n",
        "NAME\tADDRESS\nMartin\t1 rue A\n",
        '"name","address"\n\n"Martin","1 rue A"\n',
        "address,,name\n1 rue A,,Martin",
    ],
)
def test_lists_of_common_spreadsheets_are_read(content: str) -> None:
    rows = read(content).rows
    assert [(row.name, row.address, row.language) for row in rows] == [("Martin", ("1 rue A",), "fr")]


FRENCH = "Civilité;Nom;Prénom;Adresse;Complément d'adresse;Code postal;Ville;Pays;Courriel\n"


@pytest.mark.parametrize(
    ("content", "name", "address"),
    [
        (
            FRENCH + "Mme;Lefèvre;Zoé;1 rue A;Bât. B;75011;Paris;;\n",
            "Mme Zoé Lefèvre",
            ("1 rue A", "Bât. B", "75011 Paris"),
        ),
        (
            "first name,last name,address line 1,address_2,town,postcode,country\nZoe,Smith,4 High St,,London,W1,UK\n",
            "Zoe Smith",
            ("4 High St", "London W1", "UK"),
        ),
        ("NOM;CP;COMMUNE\nMartin;48000;Mende\n", "Martin", ("48000 Mende",)),
        ("nom;pays\nMartin;France\n", "Martin", ()),
        ("nom;prenom;adresse;Code_Postal;ville\nMartin;;1 rue A;;\n", "Martin", ("1 rue A",)),
    ],
)
def test_a_list_as_a_practice_exports_it_loses_nothing(content: str, name: str, address: tuple[str, ...]) -> None:
    (row,) = read(content).rows
    assert (row.name, row.address) == (name, address)


def test_a_column_that_nobody_knows_is_refused_by_its_head_or_left_out() -> None:
    content = "nom;adresse;Numéro de dossier;téléphone\nMartin;1 rue A;17;0123\n"
    with pytest.raises(UsageRefused) as refused:
        read(content)
    assert "Numéro de dossier, téléphone" in refused.value.cause
    left_out = ["numero de dossier", "TÉLÉPHONE"]
    (row,) = read_recipients(content.encode(), key=KEY, language="fr", left_out=left_out).rows
    assert row.address == ("1 rue A",)
    with pytest.raises(UsageRefused) as refused:
        read_recipients(content.encode(), key=KEY, language="fr", left_out=[*left_out, "dossier"])
    assert "dossier" in refused.value.cause


@pytest.mark.parametrize("content", ["nom;adresse;\nMartin;1 rue A;75011 Paris\n", "nom;nom de famille\nA;B\n"])
def test_no_cell_is_dropped_for_want_of_a_head_of_its_own(content: str) -> None:
    with pytest.raises(UsageRefused) as refused:
        read(content)
    assert "Paris" not in refused.value.cause


def test_a_list_without_a_head_is_refused_and_nobody_in_it_is_named() -> None:
    with pytest.raises(UsageRefused) as refused:
        read(f"{NAMES[0]};1 rue A;75011;Paris\n")
    assert not any(part in refused.value.cause for part in NAMES[0].split())


def test_a_list_saved_by_an_old_spreadsheet_keeps_its_accents() -> None:
    assert read("nom;adresse\nZoé Lefèvre;1 rue A\n".encode("cp1252")).rows[0].name == "Zoé Lefèvre"


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (f",,{NAMES[0]},,,", 3),
        (f"{NAMES[0]},,,,klingon,", 3),
        (f"{NAMES[0]},,,no-address,,", 3),
        (f"{NAMES[0]},,,,,perhaps", 3),
        (f"{NAMES[0]},,,,,,,,{NAMES[1]}", 3),
        (f"{NAMES[0]}\x07,,,,,", 3),
        (f"{NAMES[0]}\u202e,,,,,", 3),
        (f"{NAMES[0]}{'x' * CELL},,,,,", 3),
        (f"{NAMES[0]},,,a@b@{NAMES[0]},,", 3),
        (f'"{NAMES[0]}', 3),
        (f'"{NAMES[0]}"x,,,,,', 3),
    ],
)
def test_a_bad_row_is_refused_by_its_line_and_nothing_of_it_is_said(row: str, line: int) -> None:
    with pytest.raises(UsageRefused) as refused:
        read(HEAD + "Martin,,1 rue A,,fr,\n" + row)
    error = refused.value
    said = f"{error} {error.cause} {error.fix} {error!r} {error.__cause__!r}"
    assert f"line {line}" in said
    assert not any(part in said for name in NAMES for part in name.split())
    assert error.__context__ is None or error.__suppress_context__


@pytest.mark.parametrize(
    "content",
    [b"", HEAD.encode(), b"\x81\x8d\x8f", b"patient,address\nMartin,A\n", b"name,nom\nA,B\n", b"x" * (LIST_BYTES + 1)],
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(UsageRefused) as refused:
        read(content)
    assert refused.value.error_id == "recipients-refused"
    assert "Martin" not in str(refused.value)


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    with pytest.raises(UsageRefused) as refused:
        read(HEAD + 'A,,"1\n2\n3",,,\n\n,,x,,,\n')
    assert "line 6" in refused.value.cause


def test_no_value_shows_a_person() -> None:
    recipients = read(LIST)
    shown = repr(recipients) + repr(recipients.rows) + str(recipients.rows[0])
    assert not any(part in shown for name in NAMES for part in name.split())
    assert "home.example" not in shown


def test_the_register_keeps_numbers_and_digests_alone() -> None:
    recipients = read(LIST)
    kept = delivery(recipients, {"post": 1})
    assert dict(kept.means) == {"post": 1, "email": 1}
    assert (kept.count, kept.not_reached) == (2, 1)
    assert not any(part in repr(kept) for name in NAMES for part in name.split())
    with pytest.raises(UsageRefused):
        delivery(recipients, {"post": 3})


def test_the_digest_recognises_the_list_and_needs_the_key() -> None:
    assert read(LIST).digest == read(LIST).digest
    assert read(LIST).digest != read(LIST, key=bytes(32)).digest
    assert read(LIST).digest != read(LIST + b"A,,B,,,\n").digest
    assert len(read(LIST).digest) == 64


def test_who_cannot_be_reached_is_told_by_line() -> None:
    recipients = read(HEAD + "A,,1 rue A,,,\nB,,,,,\nC,,,c@home.example,,\n")
    assert recipients.unreachable == (3,)
    assert recipients.without_address == (3, 4)
    assert recipients.without_email == (2, 3)


HOSTILE = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "#eval(1)",
    "$x$",
    "\\b",
)


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_cell_is_text_in_every_copy(payload: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["name", "salutation", "address"], [payload, payload, payload]])
    ((_name, made),) = merged(read(out.getvalue()), letters)
    assert payload in all_text(made)
    assert "<script" not in html(made).decode()
    assert pdf(made).startswith(b"%PDF")


CELLS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40)


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), delimiter=st.sampled_from(",;\t"))
def test_every_printable_list_is_read_back_as_it_was_written(rows: list[Any], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["name", "address"])
    writer.writerows(rows)
    assert [(row.name, "|".join(row.address)) for row in read(out.getvalue()).rows] == [
        (name, "|".join(part for part in address.split("|") if part)) for name, address in rows
    ]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_list_or_are_refused(content: bytes) -> None:
    try:
        recipients = read(HEAD.encode() + content)
    except UsageRefused:
        return
    assert recipients.rows


def test_hundreds_of_copies_are_made_in_seconds() -> None:
    many = read(HEAD + "".join(f"Person {n},,{n} rue A|75000 Paris,,fr,\n" for n in range(300)))
    started = time.perf_counter()
    ((_name, made),) = merged(many, letters)
    assert pdf(made).startswith(b"%PDF")
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    "name",
    [
        '"; } body { background: url(https://192.0.2.1/x) } a::after { content: "\\',
        "Dupont, Jean (Dr) <jean@elsewhere.example>, " + "x" * 100,
        'O\'Neil "Zoë" Ménard; cabinet: 2',
        "../../../../etc/passwd%00.pdf%E2%80%A8%5Bx%5D%281%29%20%5By%5D%28https%3A//192.0.2.1%29",
    ],
)
def test_a_draft_goes_to_the_address_of_the_list_whatever_the_name(name: str) -> None:
    cell = name.replace('"', '""')
    persons = read(f'{HEAD}"{cell}",,,person@home.example,fr,\n')
    [(_file, draft)] = drafts(persons, letters)
    mail = email.message_from_bytes(draft, policy=email.policy.default)
    assert [address.addr_spec for address in mail["To"].addresses] == ["person@home.example"]
    body = mail.get_body()
    assert body is not None
    assert f"Bonjour {name}," in " ".join(str(body.get_content()).split())
