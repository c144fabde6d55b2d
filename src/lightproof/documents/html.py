"""A document as one self-contained HTML file: no script, nothing loaded from elsewhere, light and dark, prints on A4.

Hostile text meets three fences: invisible characters are made visible (`text.visible`, on every expression), the
template engine escapes, and the page's own Content-Security-Policy allows one style sheet, named by its hash, and
nothing else. The page is opened from a disk, so the policy travels in a `meta` element.
"""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lightproof.documents.model import Block, Cell, Document, Tone
from lightproof.documents.palette import COLOURS, OUTLINES, PAGE_DARK, PAGE_LIGHT
from lightproof.documents.text import visible
from lightproof.locale import gettext as _

_FONTS: Final = ((400, "AtkinsonHyperlegibleNext-Regular.woff2"), (700, "AtkinsonHyperlegibleNext-Bold.woff2"))
_FOOTER_IN_STYLE: Final = re.compile(r"[^0-9A-Za-zÀ-ÿ .,:\u00a0\u202f-]")
"""What may not enter the style sheet, where the printed footer lives: quotes, backslashes and brackets above all."""


def html(document: Document) -> bytes:
    """The document as UTF-8 HTML5."""
    style = _style(document)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-src 'none'"
    )
    page = _environment().get_template("document.html.jinja")
    text = page.render(
        document=document, style=Markup(style), policy=policy, contents=_("On this page"), page_word=_("page")
    )  # noqa: S704 - the style sheet is ours; the footer in it is filtered
    return text.encode("utf-8", "replace")


def _style(document: Document) -> str:
    sheet = _environment().get_template("document.css.jinja")
    return sheet.render(
        fonts=_fonts(),
        colours={tone.value: COLOURS[tone] for tone in Tone},
        page_light=PAGE_LIGHT,
        page_dark=PAGE_DARK,
        footer=_FOOTER_IN_STYLE.sub("", visible(document.footer)),
        page_word=_FOOTER_IN_STYLE.sub("", _("page")),
    )


@cache
def _fonts() -> tuple[tuple[int, str], ...]:
    folder = resources.files("lightproof.documents") / "fonts"
    return tuple((weight, base64.b64encode((folder / name).read_bytes()).decode()) for weight, name in _FONTS)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lightproof.documents", "templates"),
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = _kind
    environment.filters["points"] = _points
    return environment


def _finalize(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) and len(value) < 20_000 else value


def _kind(block: Block | Cell) -> str:
    return type(block).__name__.lower()


def _points(tone: Tone) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in OUTLINES[tone])
