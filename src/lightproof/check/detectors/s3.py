"""S3 and what speaks like it (MinIO, Ceph): whether strangers may list. No key is ever asked for (`max-keys=0`)."""

import re
from collections.abc import AsyncIterator
from typing import Final

from lightproof.check.detectors import WEB, Detector
from lightproof.check.protocols.http import HttpSession, Response
from lightproof.check.protocols.interruption import Interruption
from lightproof.check.protocols.web_answers import REFUSED, clear_text, protections
from lightproof.check.wire import Wire
from lightproof.evidence.records import Facts, Observation

_SERVICE: Final = "s3"
_NO_KEYS: Final = "?list-type=2&max-keys=0"
_HEAD_OF_ANSWER: Final = 1_024
"""Bytes that hold the root element, and the first bucket's name."""
_USUAL_BUCKETS: Final = ("dicom", "orthanc", "pacs", "images", "backup")
_ROOT: Final = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?<(\w{1,40})[\s>]")
_FIRST_BUCKET: Final = re.compile(rb"<Bucket>.{0,400}?<Name>([a-z0-9][a-z0-9.-]{2,62})</Name>", re.DOTALL)
_ERROR_CODE: Final = re.compile(rb"<Code>(\w{1,64})</Code>")
_REFUSALS: Final = (b"AccessDenied", b"InvalidAccessKeyId", b"SignatureDoesNotMatch", b"MissingSecurityHeader")


async def detect(wire: Wire) -> AsyncIterator[Observation]:
    """The root, as a bucket or as a list of buckets; then the buckets it names, or those that practices name."""
    async with HttpSession(wire, narrow=True) as web:
        interruption = Interruption()
        answer = await _list(web, "/")
        root = _root_of(answer)
        if root == b"ListBucketResult":
            listed: Response | None = answer
        elif root == b"ListAllMyBucketsResult":
            first = _FIRST_BUCKET.search(answer.body)
            listed = None
            with interruption:  # that it names its buckets has been proved by then
                listed = await _listed_bucket(web, (first[1].decode(),)) if first else None
        elif _speaks_s3(answer):
            listed = await _listed_bucket(web, _USUAL_BUCKETS)
        else:
            return
        if listed is not None:
            yield wire.observed(
                _SERVICE,
                "s3-listing-open",
                facts=Facts(reachable=True, open=True, listable=True),
                product=_product(answer),
                protections=protections(wire),
                proof=listed.proof(shown=f"GET /{{bucket}}{_NO_KEYS}"),
            )
        elif root == b"ListAllMyBucketsResult":
            yield wire.observed(
                _SERVICE,
                "s3-buckets-listed",
                facts=Facts(reachable=True, open=True),
                product=_product(answer),
                protections=protections(wire),
                proof=answer.proof(),
            )
        else:
            yield wire.observed(
                _SERVICE,
                "s3-authentication-required",
                facts=REFUSED,
                product=_product(answer),
                protections=protections(wire, "authentication"),
                proof=answer.proof(),
            )
        for observation in clear_text(wire, _SERVICE):
            yield observation
        interruption.tell()


async def _list(web: HttpSession, path: str) -> Response:
    return await web.request(path + _NO_KEYS, body_limit=_HEAD_OF_ANSWER)


async def _listed_bucket(web: HttpSession, names: tuple[str, ...]) -> Response | None:
    for name in names:
        answer = await _list(web, f"/{name}")
        if _root_of(answer) == b"ListBucketResult":
            return answer
    return None


def _root_of(answer: Response) -> bytes | None:
    """The XML root element of a successful answer."""
    found = _ROOT.match(answer.body) if answer.status == 200 else None
    return found[1] if found else None


def _speaks_s3(answer: Response) -> bool:
    """An S3 error about rights: anything else (a wrong host name, another service's error) is no S3 of interest."""
    code = _ERROR_CODE.search(answer.body)
    return answer.status == 403 and b"<Error>" in answer.body and code is not None and code[1] in _REFUSALS


def _product(answer: Response) -> str | None:
    server = answer.headers.get("server", "").lower()
    return next((name for name in ("MinIO", "AmazonS3", "Ceph", "SeaweedFS") if name.lower() in server), None)


DETECTOR: Final = Detector(
    name="s3",
    services=(_SERVICE,),
    detect=detect,
    ports=frozenset({80, 443, 9000, 9001}),
    speech=WEB,
)
