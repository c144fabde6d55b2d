"""`lightproof demo`, as a newcomer runs it."""

from pathlib import Path

from cli.running import lightproof


def test_the_demo_tells_the_letter_and_writes_its_reports(tmp_path: Path) -> None:
    ran = lightproof("demo", "--out", tmp_path, home=tmp_path / "home", language="fr")
    assert ran.code == 0
    assert "  F  " in ran.out.decode()
    assert "1 200 examens" in ran.out.decode().replace("\u202f", " ").replace("\xa0", " ")
    assert {path.name for path in tmp_path.iterdir()} == {"lightproof-demo.html", "lightproof-demo.pdf"}


def test_closing_the_doors_improves_the_letter(tmp_path: Path) -> None:
    ran = lightproof("demo", "--fix", "--json", "--out", tmp_path, home=tmp_path / "home")
    assert ran.json["letter"] in ("A", "B")
    assert all(service["facts"]["listable"] is not True for service in ran.json["services"])


def test_the_exposed_practice_has_the_stable_core(tmp_path: Path) -> None:
    ran = lightproof("demo", "--json", "--out", tmp_path, home=tmp_path / "home")
    archive = next(service for service in ran.json["services"] if service["service"] == "dicom")
    assert (ran.json["letter"], archive["grade"]) == ("F", "downloadable")
    assert (archive["counts"]["studies"], archive["counts"]["series"]) == (1_200, 5_300)
    assert {"dicom", "dicomweb", "http-listing", "ftp", "upnp-igd"} <= {s["service"] for s in ran.json["services"]}
