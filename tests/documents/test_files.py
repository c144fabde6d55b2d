import json
import stat
from pathlib import Path

import pytest

from lightproof.documents.files import Format, format_of, put, render, write
from lightproof.errors import UsageRefused
from lightproof.evidence.records import ExposureReport


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("out.html", Format.HTML),
        ("OUT.PDF", Format.PDF),
        ("a.b.json", Format.JSON),
        ("out.dojo.json", Format.DEFECTDOJO),
        ("out.sarif", Format.SARIF),
        ("out.csv", Format.CSV),
        ("out.ndjson", Format.NDJSON),
    ],
)
def test_the_end_of_the_name_picks_the_format(name: str, wanted: Format) -> None:
    assert format_of(Path(name)) is wanted


@pytest.mark.parametrize("name", ["out", "out.docx", "json", ".pdf.exe"])
def test_another_end_is_refused_and_the_known_ones_are_listed(name: str) -> None:
    with pytest.raises(UsageRefused) as refused:
        format_of(Path(name))
    assert ".html" in refused.value.fix


@pytest.mark.parametrize("wanted", Format)
def test_each_format_is_written_for_its_owner_alone(a_practice: ExposureReport, tmp_path: Path, wanted: Format) -> None:
    path = tmp_path / f"report{wanted.value}"
    assert write(a_practice, path) is wanted
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == render(a_practice, wanted)


def test_an_older_report_is_replaced_and_no_draft_stays(a_practice: ExposureReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o644)
    write(a_practice, path)
    assert json.loads(path.read_bytes())["letter"] == "F"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_a_link_is_replaced_and_what_it_led_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("untouched")
    (tmp_path / "report.json").symlink_to(tmp_path / "other")
    put(b"new", tmp_path / "report.json")
    assert (tmp_path / "other").read_text() == "untouched"
    assert not (tmp_path / "report.json").is_symlink()


@pytest.mark.parametrize("place", ["absent/report.html", "folder.html", "file/report.html"])
def test_a_place_that_cannot_be_written_is_refused_and_nothing_stays(
    a_practice: ExposureReport, tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageRefused) as refused:
        write(a_practice, tmp_path / place)
    assert refused.value.error_id == "report-not-written"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.html"]
