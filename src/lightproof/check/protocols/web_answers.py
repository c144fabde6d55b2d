"""What an answer of a web server says, read the same way by every web detector. Pure.

Rules: a refusal is seen (401, 403, a redirect to a sign-in page) or it is not a refusal; a server's text is cut and
made printable before it goes anywhere; whatever does not parse says nothing.
"""

import html
import json
import re
from typing import Final, cast
from urllib.parse import urlsplit

from lightproof.check.protocols.discretion import may_name_a_patient
from lightproof.check.protocols.http import Response
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

REFUSED: Final = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)
"""It speaks, and what we asked for was refused without identity."""

_TITLE: Final = re.compile(rb"<title[^>]{0,200}>([^<]{1,400})", re.IGNORECASE)
_PASSWORD_FIELD: Final = re.compile(rb"<input[^>]{0,400}type\s{0,4}=\s{0,4}[\"']?password", re.IGNORECASE)
_SIGN_IN_WORDS: Final = re.compile(r"log[-_]?[io]n|sign[-_]?in|auth|sso|saml|openid|keycloak|\bcas\b", re.IGNORECASE)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def printable(text: object, limit: int = 64) -> str | None:
    """At most `limit` characters of a text from the network, without control characters.

    None if it is none, or has the shape of a patient's name or identifier.
    """
    if not isinstance(text, str) or may_name_a_patient(text[: 4 * limit]):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())[:limit] or None


def json_of(answer: Response) -> object:
    """The whole JSON value of an answer; None when it is cut off, not JSON, or nested past reason."""
    if answer.truncated:
        return None
    try:
        return cast("object", json.loads(answer.body))
    except (ValueError, RecursionError):
        return None


def json_object_of(answer: Response) -> dict[str, object] | None:
    """The JSON object an answer holds; None when it holds none."""
    value = json_of(answer)
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def json_array_of(answer: Response) -> list[object] | None:
    """The JSON array an answer holds; None when it holds none."""
    value = json_of(answer)
    return cast("list[object]", value) if isinstance(value, list) else None


def title_of(answer: Response) -> str | None:
    """The title of an HTML page."""
    found = _TITLE.search(answer.body)
    return printable(html.unescape(found[1].decode("utf-8", "replace")), 120) if found else None


def is_html(answer: Response) -> bool:
    """A page for people, or something that calls itself one."""
    return "html" in answer.content_type or answer.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def redirects_to(answer: Response) -> str | None:
    """Where a redirect points, as the server wrote it."""
    return answer.headers.get("location") if answer.status in _REDIRECTS else None


def demands_identity(answer: Response) -> bool:
    """Refused without identity: 401, 403, or sent to a sign-in page."""
    location = redirects_to(answer)
    if location is None:
        return answer.status in (401, 403)
    try:
        url = urlsplit(location)
    except ValueError:
        return False
    return _SIGN_IN_WORDS.search(f"{url.netloc}{url.path}") is not None


def shows_sign_in(answer: Response) -> bool:
    """A page with a field for a password."""
    return _PASSWORD_FIELD.search(answer.body) is not None


def allowed_methods(answer: Response) -> frozenset[str]:
    """What the Allow header names (RFC 9110 section 10.2.1), in upper case."""
    return frozenset(word.strip().upper() for word in answer.headers.get("allow", "").split(",") if word.strip())


def protections(wire: Wire, *others: str) -> tuple[str, ...]:
    """`tls` where the service speaks it, and `others`."""
    return (("tls",) if wire.tls else ()) + others


def clear_text(wire: Wire, service: str) -> tuple[Observation, ...]:
    """That an imaging service sends images and passwords unencrypted; nothing when it speaks TLS."""
    return () if wire.tls else (wire.observed(service, "http-clear-text"),)


def version_disclosed(wire: Wire, service: str, product: str, version: str | None) -> tuple[Observation, ...]:
    """That a product tells its version to anyone; nothing when it does not."""
    if version is None:
        return ()
    return (wire.observed(service, "version-disclosed", product=product, version=version),)
