"""DICOMweb (PS3.18) without taking anything: where it may be, what to ask, and what an answer proves.

Every request names a study that cannot exist. Never `limit=0` (it means "all" to some servers) and never a plain
`limit=1` (one patient's name): a server that runs the query has nothing to send, and one that ignores the filter is cut
off after the first bytes, which are read only to tell `[]` from the beginning of a match.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Final, cast

from lightproof.check import tables
from lightproof.check.protocols.http import HttpSession, Response
from lightproof.check.protocols.web_answers import allowed_methods, demands_identity, is_html, json_array_of
from lightproof.evidence.records import Proof

NO_STUDY: Final = "2.25.1"
"""A UID that no device makes: the UUID 1 (PS3.5 B.2)."""
_EMPTY_ANSWER: Final = 16
"""Bytes that hold `[]` and white space around it, and of a match nothing but its opening."""
_JSON: Final = ("application/dicom+json", "application/json", "application/json+dicom")
_MULTIPART: Final = "multipart/related"
_AE_TITLE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,16}")
_VIEWER_ROOT: Final = re.compile(
    r"[\"']?\b(qidoRoot|wadoRoot|wadoUriRoot)[\"']?\s{0,8}:\s{0,8}[\"'`]([^\"'`\s]{1,300})[\"'`]"
)
_AETS_ASKED: Final = 2


class Answered(Enum):
    """What an answer to a zero-match request proves."""

    EXECUTED = "executed"
    """It was run, and matched nothing."""
    DISCLOSING = "disclosing"
    """It was run, the filter ignored: matches were on their way."""
    REFUSED = "refused"
    """Identity was demanded."""
    UNCLEAR = "unclear"
    """Nothing about DICOMweb."""


class _Root(tables.Sourced):
    path: str
    product: str


@cache
def known_roots() -> tuple[str, ...]:
    """Paths where products put their DICOMweb services; `{aet}` stands for an AE title."""
    file = files("lightproof.check.protocols") / "dicomweb_roots.toml"
    return tuple(row.path for row in tables.rows(file, tables.read(file), "root", _Root))


@dataclass(frozen=True, slots=True)
class Root:
    """Where a service may be, and how that is told: a path that a server made up may hold a patient's name."""

    path: str
    shown: str

    def proof(self, answer: Response) -> Proof:
        """What an exchange below it proves, its path as it may be told."""
        return answer.proof(shown=answer.request.replace(self.path, self.shown, 1))


def roots_for(aets: Sequence[str], named_by_viewer: Sequence[str] = ()) -> tuple[Root, ...]:
    """The roots to try on one server, those its own viewer names first, none twice."""
    titles = tuple(aets)[:_AETS_ASKED]
    known = (root.format(aet=title) for root in known_roots() for title in (titles if "{aet}" in root else ("",)))
    return _named_first(named_by_viewer, known)


def uri_roots_for(aets: Sequence[str], named_by_viewer: Sequence[str] = ()) -> tuple[Root, ...]:
    """Where WADO-URI may be on one server: where its viewer says, where dcm4chee-arc has it, and 2.x had it."""
    arc = (f"/dcm4chee-arc/aets/{title}/wado" for title in tuple(aets)[:_AETS_ASKED])
    return _named_first(named_by_viewer, (*arc, "/wado"))


def _named_first(named_by_viewer: Sequence[str], known: Iterable[str]) -> tuple[Root, ...]:
    usual = tuple(dict.fromkeys(known))
    named = (Root(path, "/{root its viewer names}") for path in dict.fromkeys(named_by_viewer) if path not in usual)
    return (*named, *(Root(path, path) for path in usual))


def ae_titles(answer: Response) -> tuple[str, ...] | None:
    """The AE titles of dcm4chee-arc's `/dcm4chee-arc/aets`, fit for a path; None when this is not such a list."""
    rows = json_array_of(answer) if answer.status == 200 else None
    if rows is None:
        return None
    named = [cast("dict[str, object]", row) for row in rows if isinstance(row, dict)]
    titles = [row.get("dicomAETitle", row.get("title")) for row in named]  # 5.0 to 5.10 wrote `title`
    return tuple(title for title in titles if isinstance(title, str) and _AE_TITLE.fullmatch(title)) or None


@dataclass(frozen=True, slots=True)
class Named:
    """The services that a viewer's configuration names, as written there."""

    roots: tuple[str, ...] = ()
    """Of QIDO-RS, then of WADO-RS."""
    wado_uri: tuple[str, ...] = ()


def viewer_roots(script: bytes) -> Named:
    """What OHIF's `app-config.js` names."""
    found = _VIEWER_ROOT.findall(script[:65_536].decode("utf-8", "replace"))

    def of(*kinds: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(root.rstrip("/") for kind in kinds for named, root in found if named == kind))[:4]

    return Named(roots=of("qidoRoot", "wadoRoot"), wado_uri=of("wadoUriRoot"))


async def query(web: HttpSession, root: str) -> tuple[Answered, Response]:
    """QIDO-RS for a study that cannot exist (PS3.18 section 10.6)."""
    web.must_be_narrow()
    answer = await web.request(
        f"{root}/studies?StudyInstanceUID={NO_STUDY}&limit=1",
        headers={"accept": "application/dicom+json"},
        body_limit=_EMPTY_ANSWER,
    )
    proved = what_query_proves(answer)
    if proved is Answered.EXECUTED and not answer.body:
        # Some archives say "no match" with an empty answer (204, dcm4chee also 200); so do servers that ignore paths.
        control = await web.request(f"{root}/lightproof-nothing-here", body_limit=_EMPTY_ANSWER)
        proved = Answered.UNCLEAR if control.status == answer.status else proved
    return proved, answer


def what_query_proves(answer: Response) -> Answered:
    """The meaning of an answer to `query`."""
    if demands_identity(answer):
        return Answered.REFUSED
    if answer.status == 204 or (answer.status == 200 and answer.content_length == 0):
        return Answered.EXECUTED
    if answer.status != 200:
        return Answered.UNCLEAR
    if answer.content_type == _MULTIPART:
        return Answered.DISCLOSING if "dicom" in answer.headers["content-type"].lower() else Answered.UNCLEAR
    if answer.content_type not in _JSON:
        return Answered.UNCLEAR
    body = b"".join(answer.body.split())
    if body == b"[]" and not answer.truncated:
        return Answered.EXECUTED
    return Answered.DISCLOSING if body.startswith(b'[{"') and answer.content_type == _JSON[0] else Answered.UNCLEAR


async def retrieve(web: HttpSession, root: str) -> tuple[Answered, Response]:
    """WADO-RS for the metadata of a study that cannot exist (PS3.18 section 10.4).

    A 404 proves that the request was processed only where it differs from the 404 for a service that does not exist.
    """
    web.must_be_narrow()
    asked, impossible = f"{root}/studies/{NO_STUDY}/metadata", f"{root}/lightproof/{NO_STUDY}/metadata"
    headers = {"accept": "application/dicom+json"}
    answer = await web.request(asked, headers=headers, body_limit=_EMPTY_ANSWER, error_limit=2_048)
    if demands_identity(answer):
        return Answered.REFUSED, answer
    if answer.status == 204 or (answer.status == 200 and what_query_proves(answer) is Answered.EXECUTED):
        return Answered.EXECUTED, answer
    if answer.status not in (404, 410) or is_html(answer):
        return Answered.UNCLEAR, answer
    control = await web.request(impossible, headers=headers, body_limit=_EMPTY_ANSWER, error_limit=2_048)
    return (Answered.UNCLEAR if _alike(answer, asked, control, impossible) else Answered.EXECUTED), answer


async def retrieve_by_uri(web: HttpSession, path: str) -> tuple[Answered, Response]:
    """WADO-URI for an object that cannot exist (PS3.18 section 9).

    Processed when a complete request for nothing and an incomplete request are answered differently (404 and 400).
    """
    web.must_be_narrow()
    complete = f"{path}?requestType=WADO&studyUID={NO_STUDY}&seriesUID={NO_STUDY}&objectUID={NO_STUDY}"
    answer = await web.request(complete, body_limit=0, error_limit=2_048)
    if demands_identity(answer):
        return Answered.REFUSED, answer
    if answer.status != 404 or is_html(answer):
        return Answered.UNCLEAR, answer
    control = await web.request(f"{path}?requestType=WADO", body_limit=0, error_limit=2_048)
    return (Answered.EXECUTED if control.status == 400 else Answered.UNCLEAR), answer


async def offers_storing(web: HttpSession, root: str) -> tuple[bool, Response]:
    """Whether STOW-RS is announced to strangers (PS3.18 section 10.5), by OPTIONS."""
    answer = await web.request(f"{root}/studies", method="OPTIONS", body_limit=1_024)
    return answer.status in (200, 204) and "POST" in allowed_methods(answer), answer


def _alike(one: Response, one_path: str, other: Response, other_path: str) -> bool:
    """The same answer to two paths, once each path is taken out of its own."""

    def shape(answer: Response, path: str) -> tuple[int, str, bytes]:
        return (
            answer.status,
            answer.content_type,
            answer.body.replace(path.encode(), b"").replace(NO_STUDY.encode(), b""),
        )

    return shape(one, one_path) == shape(other, other_path)
