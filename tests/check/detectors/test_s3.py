"""S3 as moto speaks it, and the answers of MinIO and Amazon as their sources give them."""

from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from moto.server import ThreadedMotoServer

from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Asked, answering
from lightproof.check.detectors import s3 as detector
from lightproof.evidence.records import Facts, Target

DETECTORS = (detector.DETECTOR,)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)
LISTABLE = Facts(reachable=True, open=True, listable=True)
DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>'
)
LIST = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>x'
)


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


def put(port: int, path: str, body: bytes = b"", *, method: str = "PUT") -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture
def moto_port() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        port = server.get_host_and_port()[1]
        put(port, "/moto-api/reset", method="POST")
        yield port
    finally:
        server.stop()


async def test_a_bucket_for_everyone_is_listable_and_no_key_is_asked_for(moto_port: int) -> None:
    put(moto_port, "/canary-practice")
    put(moto_port, "/canary-practice/CANARY-ZEBULON.dcm", b"image")
    seen = await visit(at(moto_port), detectors=DETECTORS)
    assert facts_of(seen, "s3") == LISTABLE
    assert "s3-listing-open" in signals_of(seen)
    assert "canary" not in repr(seen).lower()


async def test_a_list_of_no_buckets_is_open(moto_port: int) -> None:
    seen = await visit(at(moto_port), detectors=DETECTORS)
    assert facts_of(seen, "s3") == Facts(reachable=True, open=True)


async def test_minio_that_demands_identity_is_only_reachable() -> None:
    async with serving(answering({}, otherwise=(403, "application/xml\r\nServer: MinIO", DENIED))) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "s3") == REFUSED
    assert seen.observations[0].product == "MinIO"


async def test_a_bucket_with_a_usual_name_may_be_open_where_the_root_is_not() -> None:
    asked = Asked()
    answers = {"/dicom?": (200, "application/xml", LIST)}
    async with serving(answering(answers, otherwise=(403, "application/xml", DENIED), asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "s3") == LISTABLE
    assert all(r.endswith("max-keys=0") for r in asked.requests if "list-type" in r)


@pytest.mark.parametrize(
    "answer", [(403, "application/xml", "<Error><Code>Other</Code></Error>"), (200, "text/xml", "<html>")]
)
async def test_other_xml_is_no_s3(answer: tuple[int, str, str]) -> None:
    async with serving(answering({}, otherwise=answer)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())
