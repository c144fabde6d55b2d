"""dcm4chee, which needs an application server and a directory to run: small replicas of what its sources answer."""

import pytest

from check.services import serving
from check.visiting import facts_of, signals_of, visit
from check.web_services import Answer, Asked, answering
from lightproof.check.detectors import dcm4chee as detector
from lightproof.evidence.records import Facts, Target

DETECTORS = (detector.DETECTOR,)
REFUSED = Facts(reachable=True, open=False, listable=False, downloadable=False, writable=False)

ARC: dict[str, Answer] = {
    "/dcm4chee-arc/aets/DCM4CHEE/rs/studies/count": (200, "application/json", '{"count":1200}'),
    "/dcm4chee-arc/aets/DCM4CHEE/rs/series/count": (200, "application/json", '{"count":5300}'),
    "/dcm4chee-arc/aets/DCM4CHEE/rs/instances/count": (200, "application/json", '{"count":91000}'),
    "/dcm4chee-arc/aets": (
        200,
        "application/json",
        '[{"dicomAETitle":"DCM4CHEE","dicomDescription":"Hide instances rejected"},{"dicomAETitle":"AS_RECEIVED"}]',
    ),
}
"""QueryAETs.java and QidoRS.java of dcm4chee-arc-light, without Keycloak."""
LEGACY: dict[str, Answer] = {
    "/dcm4chee-web3/": (200, "text/html", '<html><head><title>dcm4chee-web3</title></head><input type="password">'),
    "HEAD /jmx-console/": (200, "text/html", ""),
    "GET /jmx-console/": (401, "text/html", ""),
}


def at(port: int) -> Target:
    return Target("127.0.0.1", port)


async def test_an_archive_without_keycloak_is_open_and_counts_its_studies_itself() -> None:
    asked = Asked()
    async with serving(answering(ARC, asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dcm4chee") == Facts(reachable=True, open=True)
    assert seen.observations[0].counts == {"studies": 1200, "series": 5300, "instances": 91000}
    assert signals_of(seen) == {"dcm4chee-open", "http-clear-text"}
    assert asked.connections <= 3


async def test_ae_titles_as_older_releases_wrote_them_are_read() -> None:
    answers = {"/dcm4chee-arc/aets": (200, "application/json", '[{"title":"DCM4CHEE","description":"x"}]')}
    async with serving(answering({**ARC, **answers})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dcm4chee").open


@pytest.mark.parametrize(
    "refusal",
    [
        (401, "application/json", ""),
        (302, "text/html\r\nLocation: https://sso.example/realms/dcm4che/protocol/openid-connect/auth?x=1", ""),
    ],
)
async def test_an_archive_behind_keycloak_is_only_reachable(refusal: Answer) -> None:
    async with serving(answering({"/dcm4chee-arc/": refusal})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dcm4chee") == REFUSED
    assert "dcm4chee-authentication-required" in signals_of(seen)


async def test_a_server_that_refuses_everything_is_not_called_dcm4chee() -> None:
    async with serving(answering({}, otherwise=(401, "text/html", ""))) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert (seen.observations, seen.unchecked) == ((), ())


async def test_the_console_of_an_old_jboss_is_reported_by_its_header_alone() -> None:
    asked = Asked()
    async with serving(answering(LEGACY, asked=asked)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert signals_of(seen) == {"dcm4chee-legacy", "dcm4chee-legacy-console", "http-clear-text"}
    assert facts_of(seen, "dcm4chee") == Facts(reachable=True, open=True)
    assert [r for r in asked.requests if "jmx-console" in r] == ["HEAD /jmx-console/"]


async def test_an_old_archive_whose_console_is_closed_is_reachable() -> None:
    answers: dict[str, Answer] = {**LEGACY, "HEAD /jmx-console/": (401, "text/html", "")}
    async with serving(answering(answers)) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert facts_of(seen, "dcm4chee") == Facts(reachable=True)


@pytest.mark.parametrize("count", ['{"count":"<b>1"}', '{"count":-1}', '{"count":1e99}', "[]", "{" * 200])
async def test_a_count_that_is_none_is_left_out(count: str) -> None:
    answers: dict[str, Answer] = {"/dcm4chee-arc/aets/DCM4CHEE/rs/studies/count": (200, "application/json", count)}
    async with serving(answering({**answers, "/dcm4chee-arc/aets": ARC["/dcm4chee-arc/aets"]})) as port:
        seen = await visit(at(port), detectors=DETECTORS)
    assert seen.observations[0].counts == {}
