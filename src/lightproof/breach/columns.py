"""What the columns of a list of persons hold, by the heads that spreadsheets give them in French and English. Pure.

A name or an address may lie in one column or in several: a practice's software exports it as it keeps it.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, get_args

Column = Literal[
    "title", "first_name", "name", "salutation", "address", "address_2", "address_3", "postcode", "town", "country",
    "email", "language", "minor",
]  # fmt: skip
STREET: Final = ("address", "address_2", "address_3")
"""In the order of their lines; each may hold several."""
_HEADS: Final[Mapping[Column, str]] = {
    "title": "title, civilite, titre, courtesy title",
    "first_name": "first name, firstname, given name, given names, forename, prenom, prenoms",
    "name": "name, full name, last name, lastname, surname, family name, nom, nom complet, nom et prenom, "
    "nom prenom, prenom nom, prenom et nom, nom de famille, nom d usage",
    "salutation": "salutation, greeting, formule, formule d appel",
    "address": "address, address 1, address line 1, street, street address, adresse, adresse 1, adresse ligne 1, "
    "adresse postale, ligne 1, ligne adresse 1, rue, voie",
    "address_2": "address 2, address line 2, adresse 2, adresse ligne 2, ligne 2, ligne adresse 2, complement, "
    "complement adresse, complement d adresse",
    "address_3": "address 3, address line 3, adresse 3, adresse ligne 3, ligne 3, ligne adresse 3, lieu dit",
    "postcode": "postcode, post code, postal code, zip, zip code, code postal, cp",
    "town": "town, city, ville, commune, localite",
    "country": "country, pays",
    "email": "email, e mail, mail, email address, e mail address, courriel, adresse e mail, adresse email, "
    "adresse electronique, adresse mail",
    "language": "language, langue",
    "minor": "minor, mineur, mineure",
}
"""What a column holds -> its heads, as `plain` has them."""


def plain(head: str) -> str:
    """A head without case, accents or signs: “Code_Postal” and “code postal” are the same."""
    letters = unicodedata.normalize("NFKD", head.casefold())
    words = re.findall(r"[a-z0-9]+", "".join(c for c in letters if not unicodedata.combining(c)))
    return " ".join(words) or letters.strip()


def known_column(head: str) -> Column | None:
    """What the column under this head holds; None where the head is none of those that are known."""
    return _columns().get(plain(head))


def full_name(cells: Mapping[Column, str]) -> str:
    """The name of a person as a letter shows it."""
    parts = (cells.get("title", ""), cells.get("first_name", ""), cells.get("name", ""))
    return " ".join(part for part in parts if part)


def address_lines(cells: Mapping[Column, str]) -> tuple[str, ...]:
    """The lines of an address; none where there is neither street nor town: a country alone reaches nobody."""
    lines = [line.strip() for column in STREET for line in re.split(r"[\n|]", cells.get(column, "")) if line.strip()]
    town = [cells[column] for column in _in_order(cells) if cells[column]]
    if not lines and not cells.get("town"):
        return ()
    return (*lines, *filter(None, (" ".join(town), cells.get("country", ""))))


def _in_order(cells: Mapping[Column, str]) -> list[Column]:
    """Postcode and town stand as the list has them: before the town in France, after it in Britain."""
    return [column for column in cells if column in ("postcode", "town")]


@cache
def _columns() -> Mapping[str, Column]:
    found = {head: column for column in get_args(Column) for head in _HEADS[column].split(", ")}
    return found | {column.replace("_", " "): column for column in get_args(Column)}
