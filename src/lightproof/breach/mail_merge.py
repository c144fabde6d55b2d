"""One copy of a letter for each person of a list, which stays outside the evidence.

Rules of this file:
- the list is read, used and forgotten: what leaves is counts, lines by number, and a keyed digest of the list;
- no name, address or other cell enters an error, a log, a file name or a representation of a value;
- a cell is text in every output: documents encode it, and what cannot be printed is refused with its line;
- no column is dropped unseen: each is used, named as one to leave out, or refused. What the columns hold: `columns`.
"""

import csv
import hashlib
import hmac
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final, Literal

from lightproof.breach.columns import STREET, Column, address_lines, full_name, known_column, plain
from lightproof.breach.letters import Addressee, Letter, document, texts
from lightproof.documents.model import Document
from lightproof.documents.text import visible
from lightproof.errors import UsageRefused
from lightproof.locale import Language, as_language
from lightproof.locale import gettext as _

LIST_BYTES: Final = 32 * 1024 * 1024
LIST_ROWS: Final = 100_000
CELL: Final = 300
_SPECIALS: Final = re.compile(r"[()<>\[\]:;@\\,\"]")
_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+", re.ASCII)
"""An address as HTML forms take it: no quoted part, no comment."""
_DELIMITERS: Final = ",;\t"
_YES: Final = frozenset({"yes", "oui", "1", "true", "x"})
_NO: Final = frozenset({"no", "non", "0", "false", ""})

Means = Literal["post", "email"]
Use = Column | Literal[""] | None
"""What a column of the list holds; None for one that is left out, empty for one without head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One person of the list."""

    line: int
    language: Language
    minor: bool
    """The letter goes to the holder of parental authority."""
    name: str = field(repr=False)
    salutation: str = field(repr=False)
    address: tuple[str, ...] = field(repr=False)
    email: str = field(repr=False)

    @property
    def means(self) -> Means | None:
        """How this person can be reached; None: not by what the list says."""
        if self.address:
            return "post"
        return "email" if self.email else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """The list. `digest` is all of it that may stay."""

    rows: tuple[Recipient, ...] = field(repr=False)
    digest: str
    """HMAC-SHA-256 of the list's bytes, hexadecimal: the same list can be recognised, nobody's name guessed."""

    @property
    def unreachable(self) -> tuple[int, ...]:
        """Lines of persons without address or e-mail: they must be told in another way."""
        return tuple(row.line for row in self.rows if row.means is None)

    @property
    def without_address(self) -> tuple[int, ...]:
        """Lines of persons whose letter would show no address."""
        return tuple(row.line for row in self.rows if not row.address)

    @property
    def without_email(self) -> tuple[int, ...]:
        """Lines of persons for whom no draft of an e-mail is made."""
        return tuple(row.line for row in self.rows if not row.email)

    @property
    def variants(self) -> tuple[tuple[Language, bool], ...]:
        """The letters that are needed: language, and whether to the holder of parental authority."""
        return tuple(sorted({(row.language, row.minor) for row in self.rows}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How many were told, by which means: what the register keeps."""

    means: Mapping[Means, int]
    list_digest: str
    not_reached: int
    """Persons without address, and those whose letter came back."""

    @property
    def count(self) -> int:
        """Persons told."""
        return sum(self.means.values())


def read_recipients(content: bytes, *, key: bytes, language: Language, left_out: Collection[str] = ()) -> Recipients:
    """The persons of a CSV list with a head: name, first name, address, postcode, town, email, language, minor, ...

    Separated by comma, semicolon or tab, in UTF-8 or as spreadsheets of Western Europe save it. An address may have
    several lines in its cell, or parts after “|”. `key`: for the digest. `language`: where the list says none.
    `left_out`: heads of columns that are not needed.
    Raises UsageRefused, which names a line or the head of a column and never what stands under it.
    """
    if len(content) > LIST_BYTES:
        raise _refused(_("the list is longer than {limit} MiB").format(limit=LIST_BYTES // 1024**2))
    rows = tuple(_rows(_decoded(content), language, frozenset(map(plain, left_out))))
    if not rows:
        raise _refused(_("there is nobody in the list"))
    return Recipients(rows=rows, digest=hmac.new(key, content, hashlib.sha256).hexdigest())


def merged(recipients: Recipients, letters: Callable[[Language, bool], Letter]) -> Iterator[tuple[str, Document]]:
    """A file for each variant of the letter, a page or more for each person: (file name without its end, document)."""
    for language, minor in recipients.variants:
        own = [row for row in recipients.rows if (row.language, row.minor) == (language, minor)]
        written = letters(language, minor)
        suffix = "-minors" if minor else ""
        yield f"letters-{language}{suffix}", document(written, [addressee(row, written) for row in own])


def drafts(recipients: Recipients, letters: Callable[[Language, bool], Letter]) -> Iterator[tuple[str, bytes]]:
    """An e-mail draft (RFC 5322) for each person with an address: a person looks at it and sends it."""
    width = max(4, len(str(len(recipients.rows))))
    written = {variant: letters(*variant) for variant in recipients.variants}
    for place, row in enumerate(recipients.rows, start=1):
        if row.email:
            own = written[row.language, row.minor]
            draft = EmailMessage(policy=SMTP)
            draft["X-Unsent"] = "1"
            draft["To"] = _to(row)
            draft["Subject"] = visible(own.subject)
            draft.set_content(own.text(addressee(row, own).salutation))
            yield f"letter-{place:0{width}}.eml", draft.as_bytes()


def _to(row: Recipient) -> Address:
    """Name and address as a reader of mail takes them back out of the header.

    The standard library folds some names so that parts of them are read as addresses, or so that its own reader falls
    over them: such a name loses the characters that have a meaning there (RFC 5322, 3.2.3), or is left out. The letter
    itself names the person as the list does.
    """
    names = (row.name, " ".join(_SPECIALS.sub(" ", row.name).split()))
    tries = (Address(display_name=name, addr_spec=row.email) for name in names)
    return next(filter(_is_read_back, tries), Address(addr_spec=row.email))


def _is_read_back(to: Address) -> bool:
    draft = EmailMessage(policy=SMTP)
    draft["To"] = to
    try:
        return tuple(message_from_bytes(draft.as_bytes(), policy=SMTP)["To"].addresses) == (to,)
    except Exception:  # noqa: BLE001 - whatever the reader falls over, others may too
        return False


def addressee(row: Recipient, written: Letter) -> Addressee:
    """The head of one copy."""
    if row.minor:
        to = texts().guardian_of.said(row.language).format(name=row.name)
        return Addressee(lines=(to, *row.address), salutation=row.salutation or written.salutation())
    return Addressee(lines=(row.name, *row.address), salutation=row.salutation or written.salutation(row.name))


def delivery(recipients: Recipients, returned: Mapping[Means, int] | None = None) -> Delivery:
    """What the register keeps of a mailing. `returned`: how many came back, by means.

    Raises UsageRefused when more came back than were sent.
    """
    sent: Counter[Means] = Counter(row.means for row in recipients.rows if row.means is not None)
    reached: dict[Means, int] = {means: number - (returned or {}).get(means, 0) for means, number in sent.items()}
    if set(returned or {}) - set(sent) or any(not 0 <= number <= sent[means] for means, number in reached.items()):
        raise UsageRefused(
            "delivery-impossible",
            _("More letters came back than were sent."),
            _("Give the number of letters that came back, by post and by e-mail."),
        )
    return Delivery(
        means=reached,
        list_digest=recipients.digest,
        not_reached=len(recipients.rows) - sum(reached.values()),
    )


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        # From None: the error would carry the list's bytes.
        raise _refused(_("the list is not text; save it as CSV in UTF-8")) from None


def _rows(text: str, default: Language, left_out: Collection[str]) -> Iterator[Recipient]:
    head = text[: text.find("\n") + 1 or len(text)]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[Use, ...] = ()
    persons = 0
    before = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise _refused_line(reader.line_num, _("its quotes or line ends cannot be read")) from None
        line, before = before + 1, reader.line_num
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = _columns(cells, left_out)
            continue
        persons += 1
        if persons > LIST_ROWS:
            raise _refused(_("there are more than {limit} persons in the list").format(limit=LIST_ROWS))
        yield _recipient(line, columns, cells, default)


def _columns(cells: Sequence[str], left_out: Collection[str]) -> tuple[Use, ...]:
    """The use of each column."""
    found: list[Column | None] = [known_column(cell) for cell in cells]
    if "name" not in found:
        # Before any head is named: without this one the line may be no head at all, but a person.
        raise _refused_line(1, _("it must name the columns: name, salutation, address, email, language"))
    heads = [plain(cell) for cell in cells]
    if missing := [head for head in left_out if head not in heads]:
        raise _refused_line(1, _("there is no column “{head}” to leave out").format(head=visible(missing[0][:40])))
    uses: list[Use] = [_use(head, column, left_out) for head, column in zip(heads, found, strict=True)]
    names = [column for column in uses if column]
    if len(set(names)) != len(names):
        raise _refused_line(1, _("it names a column twice"))
    unknown = [
        visible(cell.strip()[:40])
        for cell, head, column in zip(cells, heads, found, strict=True)
        if head and column is None and head not in left_out
    ]
    if unknown:
        told = _("nobody knows what these columns are for: {heads}").format(heads=", ".join(unknown[:5]))
        raise _refused_line(1, told)
    return tuple(uses)


def _use(head: str, column: Column | None, left_out: Collection[str]) -> Use:
    if head in left_out:
        return None
    return column if head else ""


def _recipient(line: int, columns: Sequence[Use], cells: Sequence[str], default: Language) -> Recipient:
    if len(cells) > len(columns):
        raise _refused_line(line, _("it has more cells than there are columns"))
    if any(cell.strip() and column == "" for column, cell in zip(columns, cells, strict=False)):
        raise _refused_line(line, _("a cell of it stands under no head"))
    values: dict[Column, str] = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
    for column, cell in values.items():
        _checked(line, column, cell)
    if not values.get("name"):
        raise _refused_line(line, _("the name is missing"))
    email = values.get("email", "")
    if email and not _EMAIL.fullmatch(email):
        raise _refused_line(line, _("the e-mail address is none"))
    said = values.get("language", "").lower()
    language = as_language(said) if said else default
    if language is None:
        raise _refused_line(line, _("the language is neither fr nor en"))
    minor = values.get("minor", "").lower()
    if minor not in _YES | _NO:
        raise _refused_line(line, _("the column “minor” holds neither yes nor no"))
    return Recipient(
        line=line,
        language=language,
        minor=minor in _YES,
        name=full_name(values),
        salutation=values.get("salutation", ""),
        address=address_lines(values),
        email=email,
    )


def _checked(line: int, column: str, cell: str) -> None:
    if len(cell) > CELL:
        raise _refused_line(line, _("a cell is longer than {limit} characters").format(limit=CELL))
    printed = cell.replace("\r\n", "").replace("\n", "") if column in STREET else cell
    if not printed.replace("\u00a0", " ").replace("\u202f", " ").isprintable():
        raise _refused_line(line, _("a character in it cannot be printed"))


def _refused_line(line: int, why: str) -> UsageRefused:
    return _refused(_("line {line}: {why}").format(line=line, why=why))


def _refused(why: str) -> UsageRefused:
    return UsageRefused(
        "recipients-refused",
        _("The list of persons cannot be used: {why}.").format(why=why),
        _(
            "Correct the list: a CSV file with columns such as name, first name, address, postcode, town, email, "
            "language, minor. --leave-out HEAD leaves out a column that is not needed."
        ),
    )
