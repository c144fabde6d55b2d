import builtins
import json
from collections.abc import Callable, Iterator
from io import BytesIO
from types import ModuleType
from typing import Any

import pikepdf
import pytest

from lightproof.documents import json as report_json
from lightproof.documents.exposure import exposure_document
from lightproof.documents.files import Format, render
from lightproof.documents.model import Document, Paragraph, Section
from lightproof.documents.pdf import DRAWN, pdf
from lightproof.errors import MissingExtra
from lightproof.evidence.records import ExposureReport
from lightproof.locale import LANGUAGES, Language, speaking

ACTIVE = {"/JavaScript", "/JS", "/Launch", "/URI", "/GoToR", "/GoToE", "/SubmitForm", "/ImportData", "/Movie", "/Sound"}
ACTIVE |= {"/OpenAction", "/AA", "/AcroForm", "/RichMedia", "/Rendition"}


def opened(content: bytes) -> pikepdf.Pdf:
    return pikepdf.open(BytesIO(content))


def active_elements(document: pikepdf.Pdf) -> Iterator[str]:
    """Names of actions and triggers anywhere in the file, by an independent reader."""
    for item in document.objects:
        held = item if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)) else {}
        for key, value in held.items():
            if key in ACTIVE or (key == "/S" and str(value) in ACTIVE):
                yield f"{key} {value!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_declares_pdf_a_3a_pdf_ua_1_its_tags_and_its_language(
    a_practice: ExposureReport, language: Language
) -> None:
    with speaking(language):
        document = opened(render(a_practice, Format.PDF))
    metadata = document.open_metadata()
    assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"], metadata["pdfuaid:part"]) == ("3", "A", "1")
    assert document.Root.MarkInfo.Marked
    assert "/StructTreeRoot" in document.Root
    assert str(document.Root.Lang) == language
    assert document.Root.ViewerPreferences.DisplayDocTitle


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_those_standards_ask_of_a_file_is_in_it(a_practice: ExposureReport, language: Language) -> None:
    """No validator is in Debian: this is what an independent reader can see of ISO 19005-3 and ISO 14289-1."""
    with speaking(language):
        document = opened(render(a_practice, Format.PDF))
    held = [item for item in document.objects if isinstance(item, pikepdf.Dictionary)]
    assert not document.is_encrypted
    (intent,) = document.Root.OutputIntents
    assert (intent.S, "/DestOutputProfile" in intent) == ("/GTS_PDFA1", True)
    (attached,) = document.Root.AF
    assert (attached.AFRelationship, attached.F, attached.UF) == ("/Data", "exposure.json", "exposure.json")
    fonts = [item for item in held if item.get("/Type") == "/Font"]
    described = [item for item in held if item.get("/Type") == "/FontDescriptor"]
    assert described
    assert all({"/FontFile2", "/FontFile3"} & set(item.keys()) for item in described)
    assert all("/ToUnicode" in font for font in fonts if font.get("/Subtype") == "/Type0")
    elements = [item for item in held if "/P" in item and isinstance(item.get("/S"), pikepdf.Name)]
    kinds = {str(item.S) for item in elements}
    assert {"/Document", "/H1", "/P", "/Table", "/TH", "/TD", "/L", "/Figure", "/Link"} <= kinds, kinds
    assert all(str(item.Alt) for item in elements if item.S == "/Figure")
    assert all(page.obj.Tabs == "/S" for page in document.pages if "/Annots" in page)


def test_every_page_is_a4_and_the_cards_begin_on_the_third(a_practice: ExposureReport) -> None:
    document = opened(render(a_practice, Format.PDF))
    assert {tuple(round(float(x)) for x in page.mediabox) for page in document.pages} == {(0, 0, 595, 842)}
    targets = [page for page in document.pages if "/Annots" in page]
    assert targets[0] == document.pages[0]
    assert len(document.pages) >= 3


def test_the_attached_evidence_is_the_json_report(a_practice: ExposureReport) -> None:
    document = opened(render(a_practice, Format.PDF))
    (name,) = document.attachments
    attached = document.attachments[name].get_file()
    assert name == "exposure.json"
    assert attached.mime_type == "application/json"
    assert attached.read_bytes() == report_json.dumps(a_practice)


def test_hostile_text_is_no_action_and_breaks_no_standard(a_poisoned_report: ExposureReport) -> None:
    document = opened(render(a_poisoned_report, Format.PDF))
    assert list(active_elements(document)) == []
    attached = document.attachments["exposure.json"].get_file().read_bytes()
    assert json.loads(attached) == json.loads(report_json.dumps(a_poisoned_report))


def test_the_same_report_gives_the_same_bytes(a_practice: ExposureReport) -> None:
    assert render(a_practice, Format.PDF) == render(a_practice, Format.PDF)


def test_two_thousand_findings_are_all_listed(a_population: Callable[[int], ExposureReport]) -> None:
    document = exposure_document(a_population(2000))
    assert "more places" not in repr(document)
    assert len(opened(pdf(document)).pages) > 20


def test_every_character_said_to_be_drawn_is_drawn(a_practice: ExposureReport) -> None:
    """The compiler refuses, for PDF/A, a text that its fonts lack."""
    characters = "".join(map(chr, sorted(DRAWN)))
    document = Document(
        "All", "", "en", a_practice.finished, "lightproof", "", (Section("All", (Paragraph(characters),)),)
    )
    assert pdf(document).startswith(b"%PDF-")


def test_without_typst_the_part_to_install_is_named(
    a_practice: ExposureReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without_typst(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        if name == "typst":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_typst)
    with pytest.raises(MissingExtra, match="pdf"):
        render(a_practice, Format.PDF)
