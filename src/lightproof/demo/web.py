"""The practice's web server: DICOMweb that answers everyone, and a folder of images that anybody may list.

`guarded`, it demands a password everywhere.
"""

import json
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from lightproof.demo.http_server import Answer, Request
from lightproof.demo.images import file
from lightproof.demo.patients import Series, Study, studies

SERVER_NAME: Final = "DEMO-web"
FOLDER: Final = "/images/"
_QIDO: Final = "/dicom-web/studies"
_FILES: Final = 12
_MOST_MATCHES: Final = 100
_RANGE: Final = re.compile(r"bytes=(\d{1,9})-(\d{1,9})")
_DICOM_JSON: Final = "application/dicom+json"


def answer_openly(request: Request) -> Answer:
    """What the exposed server says."""
    url = urlsplit(request.path)
    if request.method not in ("GET", "HEAD"):
        return Answer(status=405, headers={"allow": "GET, HEAD"})
    if url.path == "/":
        return _page("DEMO practice", f'<p>DEMO. <a href="{FOLDER}">Images</a></p>')
    if url.path == _QIDO:
        return _query({name: values[-1] for name, values in parse_qs(url.query).items()})
    if url.path.startswith(_QIDO + "/"):
        return Answer(status=404, content_type=_DICOM_JSON, body=b'{"Details": "DEMO: no such study"}')
    if url.path == FOLDER:
        rows = "".join(f'<a href="{name}">{name}</a>\n' for name in ("../", *files()))
        return _page(f"Index of {FOLDER}", f"<h1>Index of {FOLDER}</h1><pre>{rows}</pre><address>DEMO</address>")
    if url.path.startswith(FOLDER):
        return _file(url.path.removeprefix(FOLDER), request.headers.get("range", ""))
    return Answer(status=404, body=b"DEMO: not here")


def answer_guardedly(request: Request) -> Answer:  # noqa: ARG001 - whatever is asked
    """What the server says once it has a password."""
    return Answer(status=401, body=b"DEMO: sign in", headers={"www-authenticate": 'Basic realm="DEMO practice"'})


def files() -> dict[str, Series]:
    """Names in the folder, and what they hold."""
    return {f"IM{number:04d}.dcm": Series(Study(number), 0) for number in range(_FILES)}


def _page(title: str, body: str) -> Answer:
    return Answer(body=f"<!doctype html><title>{title}</title>{body}".encode())


def _query(asked: dict[str, str]) -> Answer:
    wanted = asked.get("StudyInstanceUID") or asked.get("0020000D")
    limit, offset = (_number(asked.get(name), default) for name, default in (("limit", _MOST_MATCHES), ("offset", 0)))
    found = [study for study in studies() if wanted in (None, study.uid)]
    matches = [_dicom_json(study) for study in found[offset : offset + min(limit, _MOST_MATCHES)]]
    return Answer(content_type=_DICOM_JSON, body=json.dumps(matches).encode())


def _dicom_json(study: Study) -> dict[str, object]:
    """PS3.18 annex F."""
    return {
        "00080020": {"vr": "DA", "Value": [study.study_date]},
        "00080061": {"vr": "CS", "Value": [study.modality]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": study.patient_name}]},
        "00100020": {"vr": "LO", "Value": [study.patient_id]},
        "00100030": {"vr": "DA", "Value": [study.birth_date]},
        "0020000D": {"vr": "UI", "Value": [study.uid]},
        "00201206": {"vr": "IS", "Value": [study.series_count]},
    }


def _file(name: str, wanted: str) -> Answer:
    series = files().get(name)
    if series is None:
        return Answer(status=404, body=b"DEMO: not here")
    content = file(series)
    headers = {"accept-ranges": "bytes"}
    if part := _RANGE.fullmatch(wanted):
        first, last = int(part[1]), min(int(part[2]), len(content) - 1)
        headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
        return Answer(status=206, content_type="application/dicom", body=content[first : last + 1], headers=headers)
    return Answer(content_type="application/dicom", body=content, headers=headers)


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 7 else default
