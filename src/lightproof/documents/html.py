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

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from lightproof.documents.model import Block, Cell, Document, Tone
from lightproof.documents.palette import COLOURS, OUTLINES, PAGE_DARK, PAGE_LIGHT
from lightproof.documents.text import visible
from lightproof.documents.wording import number
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
    text = page.render(document=document, style=style, policy=policy, contents=_("On this page"))
    return text.encode("utf-8", "replace")


def _style(document: Document) -> str:
    sheet = _environment().get_template("document.css.jinja")
    return _font_faces() + sheet.render(
        colours={tone.value: COLOURS[tone] for tone in Tone},
        page_light=PAGE_LIGHT,
        page_dark=PAGE_DARK,
        footer=_FOOTER_IN_STYLE.sub("", visible(document.footer)),
        page_word=_FOOTER_IN_STYLE.sub("", _("page")),
    )


@cache
def _font_faces() -> str:
    folder = resources.files("lightproof.documents") / "fonts"
    faces: list[str] = []
    for weight, name in _FONTS:
        data = base64.b64encode((folder / name).read_bytes()).decode()
        source = f'url(data:font/woff2;base64,{data}) format("woff2")'
        faces.append(f'@font-face {{ font-family: "Reading"; font-weight: {weight}; src: {source}; }}\n')
    return "".join(faces)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lightproof.documents", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.jinja",), default_for_string=True),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = _kind
    environment.filters["points"] = _points
    environment.filters["number"] = number
    return environment


def _finalize(value: object) -> object:
    """Every text that a template prints, but for markup of the template's own (macros, the style sheet)."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _kind(block: Block | Cell) -> str:
    return type(block).__name__.lower()


def _points(tone: Tone) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in OUTLINES[tone])
