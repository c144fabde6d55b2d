"""How long a report takes: PDF of a practice and of 2,000 findings, and Chromium opening the HTML of 100,000.

    python benchmarks/rendering.py

Medians of five. Each PDF is rendered in a process of its own, nothing warm, from the report to the bytes; the page is
timed from navigation to its first paint after layout, in a fresh tab each time.
"""

import json
import platform
import runpy
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

from lightproof.documents.files import Format, render

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
REPORTS = TESTS / "documents" / "conftest.py"
RUNS = 5
LIMITS_S = {"PDF, a practice": 1.0, "PDF, 2,000 findings": 5.0, "HTML, 100,000 findings: open in Chromium": 2.0}
PAINTED = (
    """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"""
)


def reports() -> dict[str, Any]:
    """What makes reports for tests makes them here."""
    if sys.path[0] != str(TESTS):
        sys.path.insert(0, str(TESTS))
    return runpy.run_path(str(REPORTS))


def first_rendering(size: int | None) -> float:
    """Seconds that a process takes for its first PDF, of a practice or of `size` findings."""
    made = reports()
    report = made["practice"]() if size is None else made["population"](size)
    began = time.perf_counter()
    render(report, Format.PDF)
    return time.perf_counter() - began


def cold(size: int | None) -> float:
    """Median of first renderings, each in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        return median(pool.map(first_rendering, [size] * RUNS))


def opening(page_path: Path) -> float:
    """Seconds from navigation to the painted page, the median of the runs."""
    times: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(RUNS):
            page = browser.new_page()
            page.goto(page_path.as_uri())
            times.append(page.evaluate(PAINTED) / 1000)
            page.close()
        browser.close()
    return median(times)


def main() -> None:
    many = reports()["population"](100_000)
    began = time.perf_counter()
    page = render(many, Format.HTML)
    rendered = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_bytes(page)
        measured = {
            "PDF, a practice": cold(None),
            "PDF, 2,000 findings": cold(2000),
            "HTML, 100,000 findings: open in Chromium": opening(path),
        }
    print(f"{'what':45} {'seconds':>8} {'limit':>6}")
    for what, seconds in measured.items():
        print(f"{what:45} {seconds:8.3f} {LIMITS_S[what]:6.1f}")
    print(f"{'HTML, 100,000 findings: write it':45} {rendered:8.3f}")
    print(f"{'HTML, 100,000 findings: bytes':45} {len(page):8,}")
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    content = {
        "python": platform.python_version(),
        "seconds": {what: round(seconds, 3) for what, seconds in measured.items()},
        "limits": LIMITS_S,
        "html_write_seconds": round(rendered, 3),
        "html_bytes": len(page),
    }
    (results / "rendering.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
