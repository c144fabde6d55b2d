"""Hostile texts: the corpus, as many variants of it as wanted, and values in the character sets that DICOM knows."""

import html
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

_LONGEST = 400
"""Characters: documents show texts up to 600, and a cut text cannot be looked for whole."""
_HIDDEN = "\u200b\u200d\u2060\u202e\u2066\u00ad\ufeff\u0301\x00\x07\x1b\x7f\x85\u2028"
_LEADS = [
    "=",
    "+",
    "-",
    "@",
    "\t=",
    "\r=",
    "\n=",
    " =",
    "＝",
    "|",
    "%",
    "'=",
    '"=',
    "\ufeff=",
    "{{",
    "${",
    "#",
    "\\",
    "$ ",
]
_AROUND = [
    ("<b>", "</b>"), ('"', '"'), ("'", "'"), ("<!--", "-->"), ("<![CDATA[", "]]>"), ("{{", "}}"), ("${", "}"),
    ('#eval("', '")'), ('#link("javascript:', '")[x]'), ("\\u{", "}"), ("\x1b]8;;", "\x1b\\"), ('=HYPERLINK("', '")'),
    ("<office:event-listeners>", "</office:event-listeners>"), ('<w:fldSimple w:instr="', '"/>'),
    ("\r\nBcc: x@example.org\r\n\r\n", ""), ("--=boundary\r\nContent-Type: text/html\r\n\r\n", ""),
    ("_x000D_", "_x0041_"),
]  # fmt: skip

CHARACTER_SETS = {
    "ISO_IR 6": "Adams^John Robert Quincy",
    "ISO_IR 100": "Buc^Jérôme Çà Äßñ",
    "ISO_IR 101": "Wałęsa^Łukasz Žižek Őřů",
    "ISO_IR 109": "Ĉapelo^Ĝoĵo Ħamrun Ŭ",
    "ISO_IR 110": "Āboliņš^Ģirts Ķēniņš Ŋ",
    "ISO_IR 144": "Люкceмбypг^Щука Ёж",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 126": "Διονυσιος^Ώρα Ψ",
    "ISO_IR 138": "שרון^דבורה",
    "ISO_IR 148": "Çavuşoğlu^İbrahim Şık",
    "ISO_IR 203": "Œuvré^Ÿves Šimon €",
    "ISO_IR 13": "ﾔﾏﾀﾞ^ﾀﾛｳ",
    "ISO_IR 166": "สมชาย^ใจดี",
    "ISO 2022 IR 87": "山田^太郎",
    "ISO 2022 IR 159": "丂丄丅^髙﨑",
    "ISO 2022 IR 149": "김희중^홍길동",
    "ISO 2022 IR 58": "张小东^王",
    "GB18030": "王小东^𠮷㐀龥",
    "GBK": "張^國華",
    "ISO_IR 192": "Nguyễn^Thị Hồng 𝔘 Ω",
    "ISO_IR 192, combined": "A\u030angstro\u0308m^Zoe\u0308",
}
"""DICOM's specific character sets (PS3.3 C.12.1.1.2) -> a name that needs it."""


def hostile_strings() -> dict[str, str]:
    """The corpus by name."""
    corpus = json.loads((Path(__file__).parent / "hostile_strings.json").read_text("ascii"))
    return {name: s if isinstance(s, str) else s["repeat"] * s["times"] for name, s in corpus.items()}


def injections(number: int, seed: int) -> Iterator[str]:
    """So many hostile texts: the corpus first, then variants of it, the same for the same seed."""
    corpus = [text[:_LONGEST] for text in hostile_strings().values()]
    yield from corpus[:number]
    chance = random.Random(seed)
    for _ in range(number - len(corpus)):
        text = chance.choice(corpus)
        for change in chance.sample(_CHANGES, chance.randint(1, 3)):
            text = change(chance, text, chance.choice(corpus))
        yield text[:_LONGEST] or "="


_CHANGES: list[Callable[[random.Random, str, str], str]] = [
    lambda chance, text, _other: chance.choice(_LEADS) + text,
    lambda chance, text, _other: text.join(chance.choice(_AROUND)),
    lambda chance, text, _other: "".join(chance.choice((c.upper(), c.lower())) for c in text),
    lambda _chance, text, other: text[: len(text) // 2] + other,
    lambda chance, text, other: other + chance.choice(["\n", "\r\n", ";", ",", "\t", "\x00", "|", "\u2028"]) + text,
    lambda _chance, text, _other: html.escape(text),
    lambda _chance, text, _other: "".join(f"&#{ord(c)};" for c in text),
    lambda _chance, text, _other: quote(text, errors="replace"),
    lambda chance, text, _other: text[: (at := chance.randrange(len(text) + 1))] + chance.choice(_HIDDEN) + text[at:],
    lambda _chance, text, _other: text.translate({code: code + 0xFEE0 for code in b"=+-@<>\"'{}#$"}),
    lambda _chance, text, _other: json.dumps(text)[1:-1],
    lambda _chance, text, _other: text[::-1],
]
