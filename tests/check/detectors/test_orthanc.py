"""Orthanc's web side as Debian installs it, with the settings that its administrators choose."""

import json
from collections.abc import Callable

from check.recording import recording
from check.visiting import facts_of, signals_of, visit
from lightproof.check.detectors import orthanc as detector
from lightproof.evidence.records import Facts, Target
from peers.certificates import Certificates
from peers.images import Study, paths_of
from peers.nginx import Nginx
from peers.orthanc import Orthanc

DETECTORS = (detector.DETECTOR,)
EVERYTHING = Facts(reachable=True, open=True, listable=True, downloadable=True, writable=True)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


async def test_debians_orthanc_gives_everything_to_this_machine(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc()
    server.load(paths_of(studies))
    seen = await visit(at(server.http_port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc") == EVERYTHING
    assert signals_of(seen) == {
        "orthanc-open",
        "orthanc-explorer",
        "orthanc-instances-downloadable",
        "orthanc-webdav-writable",
        "version-disclosed",
        "http-clear-text",
    }
    opened = next(o for o in seen.observations if o.signal == "orthanc-open")
    assert opened.counts == {"studies": 3, "series": 3, "instances": 6, "patients": 3}
    assert opened.product == "Orthanc"
    assert opened.version == json.loads(server.rest("GET", "/system")[1])["Version"]
    assert seen.unchecked == ()


async def test_nothing_about_a_patient_crosses_the_wire(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc(dicomweb=True)
    server.load(paths_of(studies))
    async with recording(server.http_port) as record:
        seen = await visit(at(record.port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc").downloadable
    for study in studies:
        for canary in study.canaries:
            assert canary.encode() not in record.received
            assert canary not in repr(seen)


async def test_an_identifier_is_not_kept_even_hashed_by_orthanc(
    orthanc: Callable[..., Orthanc], studies: tuple[Study, ...]
) -> None:
    server = orthanc()
    server.load(paths_of(studies))
    _, body = server.rest("GET", "/instances")
    seen = await visit(at(server.http_port), detectors=DETECTORS)
    for identifier in body.decode().split('"')[1::2]:
        assert identifier not in repr(seen)


async def test_an_empty_orthanc_is_as_open_as_a_full_one(orthanc: Callable[..., Orthanc]) -> None:
    seen = await visit(at(orthanc().http_port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc") == EVERYTHING


async def test_an_orthanc_with_authentication_is_only_reachable(orthanc: Callable[..., Orthanc]) -> None:
    server = orthanc(users={"alice": "not-a-default"}, dicomweb=True)
    seen = await visit(at(server.http_port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc") == REFUSED
    assert signals_of(seen) == {"orthanc-authentication-required", "http-clear-text"}
    assert seen.observations[0].protections == ("authentication",)


async def test_webdav_without_uploads_is_not_called_writable(orthanc: Callable[..., Orthanc]) -> None:
    # Its OPTIONS announces PUT all the same.
    seen = await visit(at(orthanc({"WebDavUploadAllowed": False}).http_port), detectors=DETECTORS)
    assert "orthanc-webdav-writable" not in signals_of(seen)


async def test_an_orthanc_without_webdav_has_none(orthanc: Callable[..., Orthanc]) -> None:
    seen = await visit(at(orthanc({"WebDavEnabled": False}).http_port), detectors=DETECTORS)
    assert "orthanc-webdav-writable" not in signals_of(seen)
    assert facts_of(seen, "orthanc").open


async def test_orthanc_behind_a_proxys_path_is_found(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx]
) -> None:
    server = orthanc()
    proxy = nginx(f"location /orthanc/ {{ proxy_pass http://127.0.0.1:{server.http_port}/; }}")
    seen = await visit(at(proxy.port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc") == EVERYTHING


async def test_inside_tls_orthanc_is_protected_by_tls_and_open_all_the_same(
    orthanc: Callable[..., Orthanc], nginx: Callable[..., Nginx], certificates: Certificates
) -> None:
    server = orthanc()
    proxy = nginx(f"location / {{ proxy_pass http://127.0.0.1:{server.http_port}; }}", certificates=certificates)
    seen = await visit(at(proxy.port), detectors=DETECTORS)
    assert facts_of(seen, "orthanc") == EVERYTHING
    assert "http-clear-text" not in signals_of(seen)
    assert seen.observations[0].protections == ("tls",)


async def test_another_web_server_is_no_orthanc(nginx: Callable[..., Nginx]) -> None:
    for server in (
        "location / { return 200 '{}'; default_type application/json; }",
        "location / { return 401; }",
        'location / { add_header WWW-Authenticate "Basic realm=Router" always; return 401; }',
        "location / { return 403; }",
        "location / { return 302 /login; }",
    ):
        seen = await visit(at(nginx(server).port), detectors=DETECTORS)
        assert (seen.observations, seen.unchecked) == ((), ())


async def test_a_busy_server_is_left_alone_and_reported_as_unchecked(nginx: Callable[..., Nginx]) -> None:
    seen = await visit(at(nginx("location / { return 503; }").port), detectors=DETECTORS)
    assert [u.reason for u in seen.unchecked] == ["server-busy"]


async def test_what_a_hostile_orthanc_says_of_itself_is_cut_and_made_printable(nginx: Callable[..., Nginx]) -> None:
    system = (
        '{"ApiVersion": [], "DicomAet": {}, "DicomPort": "x", "Name": "CANARY",'
        ' "Version": "\\u001b[31m<script>alert(1)</script>' + "A" * 500 + '"}'
    )
    web = nginx("location = /system { default_type application/json; }")
    (web.root / "system").write_text(system)
    seen = await visit(at(web.port), detectors=DETECTORS)
    opened = next(o for o in seen.observations if o.signal == "orthanc-open")
    assert opened.version is not None
    assert len(opened.version) <= 32
    assert opened.version.isprintable()
    assert opened.details["dicom_port"] is None
    assert "CANARY" not in repr(seen)
