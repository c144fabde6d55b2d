"""XML from a stranger, read into a small tree or refused: no DTD, no entity, no depth, no crowd, no endless text.

The parser below is expat; what makes it safe is that nothing a document declares is expanded or fetched, and that
reading stops at the first limit passed. Namespaces are dropped: devices get them wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, cast
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree

from lightproof.errors import ProtocolViolation

DEEPEST: Final = 64
MOST_ELEMENTS: Final = 8_192
LONGEST_TEXT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its name without namespace, its own text, and what it holds, in order."""

    name: str
    text: str
    children: tuple["Element", ...]

    def value(self, name: str) -> str:
        """The text of the first child with this name; empty when there is none."""
        return next((child.text for child in self.children if child.name == name), "")

    def every(self, name: str) -> Iterator["Element"]:
        """Itself and all below it with this name, in document order."""
        if self.name == name:
            yield self
        for child in self.children:
            yield from child.every(name)


def read_xml(document: bytes) -> Element:
    """The root of a document. Raises ProtocolViolation("not-xml") or ("xml-limit")."""
    try:
        parser = cast("_Parser", ElementTree.DefusedXMLParser(target=_Builder(), forbid_dtd=True))
        parser.feed(document)
        return parser.close()
    except (ParseError, ValueError, LookupError) as error:  # defusedxml's refusals are ValueErrors
        raise ProtocolViolation("not-xml") from error


class _Parser(Protocol):
    def feed(self, data: bytes) -> None: ...
    def close(self) -> Element: ...


@dataclass(slots=True)
class _Open:
    name: str
    text: list[str] = field(default_factory=list[str])
    length: int = 0
    children: list[Element] = field(default_factory=list[Element])


class _Builder:
    """A parser's target (xml.etree.ElementTree.XMLParser) that counts as it builds."""

    def __init__(self) -> None:
        self._open = [_Open("")]
        self._elements = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._open) > DEEPEST:
            raise ProtocolViolation("xml-limit")
        self._open.append(_Open(tag.rpartition("}")[2]))

    def data(self, text: str) -> None:
        current = self._open[-1]
        current.length += len(text)
        if current.length > LONGEST_TEXT:
            raise ProtocolViolation("xml-limit")
        current.text.append(text)

    def end(self, tag: str) -> None:  # noqa: ARG002
        done = self._open.pop()
        self._open[-1].children.append(Element(done.name, "".join(done.text).strip(), tuple(done.children)))

    def close(self) -> Element:
        return self._open[0].children[0]
