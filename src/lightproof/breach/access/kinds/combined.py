"""The "combined" lines of nginx and Apache httpd, and the older "common" ones.

Sources: nginx, ngx_http_log_module, `combined`; Apache httpd 2.4, mod_log_config, "Common" and "Combined Log Format".
"""

import re
from datetime import datetime
from http import HTTPMethod, HTTPStatus
from typing import Final

from lightproof.breach.access.log_lines import MONTHS, Act, LogLine, address

_LINE: Final = re.compile(
    r"(?:\S+:\d{1,5} )?"  # Apache's vhost_combined begins with the virtual host
    r"(?P<source>[0-9a-fA-F.:]{3,45}) \S+ .{1,255}? \[(?P<at>[^\]]{26})\] "
    r'"(?:(?P<method>[A-Z]{3,16}) (?P<path>\S+)[^"]*|[^"]*)" (?P<status>\d{3}) (?P<octets>\d{1,15}|-)(?: |$)'
)
_AT: Final = re.compile(
    r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)",
)

_IMAGES: Final = re.compile(
    r"\.(?:dcm|dicom|ima)$"
    r"|/instances/[^/]+/(?:file|preview|rendered|image-\w+|frames|content|attachments|pdf|bulk)(?:/|$)"
    r"|/(?:patients|studies|series)/[^/]+/(?:archive|media)$"
    r"|/studies/[0-9.]+(?:/series/[0-9.]+(?:/instances/[0-9.]+(?:/(?:frames|rendered|bulkdata).*)?)?)?$"
    r"|/wado(?:uri)?/?$",
    re.IGNORECASE,
)
"""Paths under which imaging software gives images: DICOMweb (PS3.18, 8.2 and 10.4), Orthanc's REST, plain files."""
_NAMES: Final = re.compile(
    r"/(?:patients|studies|series|instances|metadata|shared-tags|simplified-tags|tags|main-dicom-tags)(?:/|$)"
    r"|/tools/(?:find|lookup)$",
    re.IGNORECASE,
)
"""Paths under which it gives lists of patients and exams: QIDO-RS (PS3.18, 10.6), Orthanc's REST."""
_EMPTY: Final = 2
"""Octets of an empty JSON list: a query that matched nothing."""


class Combined:
    """Reads the access log of a web server."""

    def read(self, text: str) -> tuple[LogLine, ...] | None:
        """One line is one request."""
        line = _LINE.match(text)
        if line is None or (at := _instant(line["at"])) is None or (source := address(line["source"])) is None:
            return None
        octets = 0 if line["octets"] == "-" else int(line["octets"])
        act = _act(line["method"] or "", line["path"] or "", int(line["status"]), octets)
        given = octets if act >= Act.LISTED else 0
        return (LogLine(at=at, kind="combined", act=act, sources=(source,), octets=given),)


def _act(method: str, path: str, status: int, octets: int) -> Act:
    if status == HTTPStatus.NOT_MODIFIED:
        status = HTTPStatus.OK  # whoever is told so was given the page before
        octets = _EMPTY + 1
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Act.REFUSED
    if method in (HTTPMethod.HEAD, HTTPMethod.OPTIONS) or octets <= _EMPTY:
        return Act.CONTACT
    place, _query, asked = path.partition("?")
    if method == HTTPMethod.GET and (_IMAGES.search(place) or "requesttype=wado" in asked.lower()):
        return Act.FETCHED
    return Act.LISTED if _NAMES.search(place) else Act.CONTACT


def _instant(text: str) -> datetime | None:
    at = _AT.fullmatch(text)
    if at is None or at[2] not in MONTHS:
        return None
    try:
        return datetime.fromisoformat(f"{at[3]}-{MONTHS[at[2]]:02}-{at[1]}T{at[4]}{at[5]}:{at[6]}")
    except ValueError:
        return None
