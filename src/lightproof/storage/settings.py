"""What can be set, section by section (settings.toml). Values only: where they come from is `configuration`.

No setting is a secret; secrets stay in files of their own, which settings name. Validators answer in the
reader's words.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from lightproof.locale import Language
from lightproof.locale import gettext as _

_EMAIL: Final = re.compile(r"[^@\s<>()\[\]\\,;:\"]{1,64}@[^@\s<>()\[\]\\,;:\"]{1,250}")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-\u00a0]{3,30}")
_VAT: Final = re.compile(r"[A-Z]{2}[0-9A-Z]{2,13}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_REGIME: Final = re.compile(r"[a-z0-9-]{1,40}(/[a-z0-9-]{1,40}){0,2}")


def _plain(text: str) -> str:
    if not text.isprintable():
        # A line break would become a header of a mail, or a second field of a form.
        raise ValueError(_("line breaks and control characters are not allowed"))
    return text.strip()


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError(_("an e-mail address is expected, as name@example.org"))
    return text


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError(_("a telephone number is expected, as +33 1 23 45 67 89"))
    return text


def _siren(text: str) -> str:
    """Nine digits, the last of which checks the others (ISO/IEC 7812-1, Luhn)."""
    digits = re.sub(r"\s", "", text)
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))] if digits.isdecimal() else [1]
    if len(digits) != 9 or not digits.isascii() or sum(n - 9 if n > 9 else n for n in doubled) % 10:
        raise ValueError(_("a SIREN has nine digits, the last of which checks the others"))
    return digits


def _vat(text: str) -> str:
    number = re.sub(r"\s", "", text).upper()
    if not _VAT.fullmatch(number):
        raise ValueError(_("a VAT number begins with the two letters of its country"))
    return number


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise ValueError(_("a country is two capital letters (ISO 3166), as FR"))
    return text


def _regime(text: str) -> str:
    if not _REGIME.fullmatch(text):
        raise ValueError(_("a regime is named as gdpr/fr"))
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits, parts = False, None
    if not fits or parts is None or not text.isascii() or " " in text:
        raise ValueError(_("an address of the Web is expected, as https://example.org/path"))
    if parts.username is not None or parts.password is not None:
        raise ValueError(_("a password does not belong in an address: put it in a file"))
    return text


def _private_url(text: str) -> str:
    url = _url(text)
    parts = urlsplit(url)
    if parts.scheme == "http" and not on_this_machine(parts.hostname or ""):
        raise ValueError(_("it must begin with https:// (http only on this machine)"))
    return url


def on_this_machine(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listed(value: object) -> object:
    """Lists may be written with commas, as the environment must."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _placed(path: Path, info: ValidationInfo) -> Path:
    """Relative paths start from the home folder, wherever the command runs."""
    if "\0" in str(path):
        raise ValueError(_("this is not a path"))
    try:
        placed = path.expanduser()
    except RuntimeError as error:
        raise ValueError(_("this is not a path")) from error
    context: dict[str, Path | None] = info.context or {}
    home = context.get("home")
    return home / placed if home is not None else placed


Text = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]
Email = Annotated[str, AfterValidator(_email)]
PlacedPath = Annotated[Path, AfterValidator(_placed)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Section):
    """Someone the authority may write to."""

    title: Text | None = None
    name: Text | None = None
    function: Text | None = None
    email: Email | None = None
    phone: Annotated[str, AfterValidator(_phone)] | None = None


class Organisation(_Section):
    """Who answers for the data: what the authority's form asks (CNIL outline, sections 2 to 4)."""

    name: Text | None = None
    siren: Annotated[str, AfterValidator(_siren)] | None = None
    vat: Annotated[str, AfterValidator(_vat)] | None = None
    sector: Text | None = None
    headcount: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    address: Text | None = None
    postcode: Text | None = None
    city: Text | None = None
    country: Annotated[str, AfterValidator(_country)] | None = None
    legal_rep: Person = Person()
    contact: Person = Person()
    dpo: Person = Person()


class Mail(_Section):
    """Alerts by mail. `from` is `sender` here, where Python has the word for itself."""

    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    sender: Annotated[Email, Field(alias="from")]
    to: Annotated[tuple[Email, ...], BeforeValidator(_listed), Field(min_length=1, max_length=50)]
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password_file: PlacedPath | None = None

    @model_validator(mode="after")
    def _a_password_goes_encrypted(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError(_("username and password_file go together"))
        if self.username is not None and self.tls == "none" and not on_this_machine(self.host):
            raise ValueError(_('with tls = "none" the password would cross the network in clear'))
        return self


class Webhook(_Section):
    """Alerts to a program of one's own."""

    url: Annotated[str, AfterValidator(_private_url)]
    secret_file: PlacedPath | None = None


class Ntfy(_Section):
    """Alerts to a telephone, through an ntfy server."""

    url: Annotated[str, AfterValidator(_private_url)]
    token_file: PlacedPath | None = None


class Calendar(_Section):
    """Deadlines as calendar files."""

    folder: PlacedPath


class Alerts(_Section):
    """Where deadlines are told; a channel that is not set up is None."""

    mail: Mail | None = None
    webhook: Webhook | None = None
    ntfy: Ntfy | None = None
    calendar: Calendar | None = None


class LedgerSettings(_Section):
    """Who else can say what the ledger held, and when."""

    # Plain http is usual here: what comes back is signed (RFC 3161).
    timestamp_authority: Annotated[str, AfterValidator(_url)] | None = None
    timestamp_certificate: PlacedPath | None = None
    witness: PlacedPath | None = None
    """Folder where checkpoints are written too: another machine's, or a stick."""

    @model_validator(mode="after")
    def _a_stamp_can_be_verified(self) -> Self:
        if (self.timestamp_authority is None) != (self.timestamp_certificate is None):
            raise ValueError(_("timestamp_authority and timestamp_certificate go together"))
        return self


class BreachSettings(_Section):
    """Under which law, and in which language the authority and the patients are written to."""

    regimes: Annotated[
        tuple[Annotated[str, AfterValidator(_regime)], ...],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=10),
    ] = ("gdpr/fr",)
    language: Language | None = None
    """None: the language of whoever runs the command."""


class Retention(_Section):
    """How long things are kept."""

    register_years: Annotated[int, Field(ge=1, le=100)] | None = None
    """After a breach is closed; None: as long as its regime says."""


class UnlockSettings(_Section):
    """Where to look for what unlocks the home."""

    key_file: PlacedPath | None = None
    passphrase_file: Path | None = None
    """Not placed: “-” is the input."""


class Settings(_Section):
    """All of it. What is not set has its default, or is None."""

    organisation: Organisation = Organisation()
    alerts: Alerts = Alerts()
    ledger: LedgerSettings = LedgerSettings()
    breach: BreachSettings = BreachSettings()
    retention: Retention = Retention()
    unlock: UnlockSettings = UnlockSettings()
