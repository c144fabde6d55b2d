"""Lines of every kind of log: what each tells, and that nothing in it can break the reader."""

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.access.log_lines import Act, LogLine
from lightproof.breach.access.reading import Lines

STRANGER = ip_address("203.0.113.5")
PARIS = timezone(timedelta(hours=1))
AUDIT = (
    '<AuditMessage><EventIdentification EventActionCode="{action}" EventDateTime="2026-11-23T10:00:00.123+01:00" '
    'EventOutcomeIndicator="{outcome}"><EventID csd-code="{code}" codeSystemName="DCM" originalText="x"/>'
    '</EventIdentification><ActiveParticipant UserID="DCM4CHEE" UserIsRequestor="false" NetworkAccessPointID='
    '"192.168.1.10" NetworkAccessPointTypeCode="2"/><ActiveParticipant UserID="SCU" UserIsRequestor="true" '
    'NetworkAccessPointID="203.0.113.5" NetworkAccessPointTypeCode="2"/><ParticipantObjectIdentification '
    'ParticipantObjectID="CANARY-7" ParticipantObjectTypeCode="1"><ParticipantObjectName>CANARY^ADA'
    "</ParticipantObjectName></ParticipantObjectIdentification></AuditMessage>"
)


def read(*texts: str) -> tuple[LogLine, ...]:
    lines = Lines()
    return tuple(line for text in texts for line in lines.read(text) or ())


def combined(request: str, status: int, octets: int | str, source: str = "203.0.113.5") -> str:
    return f'{source} - - [23/Nov/2026:10:00:00 +0100] "{request}" {status} {octets} "-" "curl/7.88"'


@pytest.mark.parametrize(
    ("request_line", "status", "octets", "act"),
    [
        ("GET /instances/3fe8-e77/file HTTP/1.1", 200, 5120, Act.FETCHED),
        ("GET /dicom-web/studies/1.2.3/series/1.2/instances/1 HTTP/1.1", 200, 5120, Act.FETCHED),
        ("GET /wado?requestType=WADO&studyUID=1 HTTP/1.1", 200, 5120, Act.FETCHED),
        ("GET /archive/IM1.dcm HTTP/1.1", 206, 132, Act.FETCHED),
        ("GET /archive/IM1.dcm HTTP/1.1", 304, 0, Act.FETCHED),
        ("GET /studies/3fe8-e77/archive HTTP/1.1", 200, 99, Act.FETCHED),
        ("GET /dicom-web/studies?PatientName=* HTTP/1.1", 200, 512, Act.LISTED),
        ("GET /patients HTTP/1.1", 200, 512, Act.LISTED),
        ("POST /tools/find HTTP/1.1", 200, 512, Act.LISTED),
        ("GET /dicom-web/studies/1.2.3/metadata HTTP/1.1", 200, 512, Act.LISTED),
        ("GET /dicom-web/studies?StudyInstanceUID=1 HTTP/1.1", 200, 2, Act.CONTACT),
        ("GET / HTTP/1.1", 200, 612, Act.CONTACT),
        ("HEAD /archive/IM1.dcm HTTP/1.1", 200, 0, Act.CONTACT),
        ("GET /patients HTTP/1.1", 401, 12, Act.REFUSED),
        ("GET / HTTP/1.1", 301, 12, Act.REFUSED),
        ("\\x16\\x03\\x01", 400, 150, Act.REFUSED),
        ("", 408, "-", Act.REFUSED),
    ],
)
def test_a_request_to_a_web_server_is_told_by_its_path_and_its_answer(
    request_line: str, status: int, octets: int | str, act: Act
) -> None:
    (line,) = read(combined(request_line, status, octets))
    assert (line.kind, line.act, line.sources) == ("combined", act, (STRANGER,))
    assert line.at == datetime(2026, 11, 23, 10, tzinfo=PARIS)


def test_the_virtual_host_of_apache_and_an_address_inside_ipv6_are_read() -> None:
    (hosted,) = read("pacs.example:443 " + combined("GET /patients HTTP/1.1", 200, 90))
    (mapped,) = read(combined("GET /patients HTTP/1.1", 200, 90, "::ffff:203.0.113.5"))
    assert hosted.sources == mapped.sources == (STRANGER,)


@pytest.mark.parametrize(
    ("code", "action", "outcome", "act"),
    [
        ("110104", "R", "0", Act.FETCHED),
        ("110104", "C", "0", Act.CONTACT),
        ("110103", "R", "0", Act.FETCHED),
        ("110112", "E", "0", Act.QUERIED),
        ("110112", "E", "8", Act.REFUSED),
        ("110113", "E", "0", Act.REFUSED),
        ("110100", "E", "0", None),
    ],
)
def test_an_audit_message_tells_the_event_and_who_asked(code: str, action: str, outcome: str, act: Act | None) -> None:
    message = AUDIT.format(code=code, action=action, outcome=outcome)
    whole = read(message)
    in_parts = read(*message.replace("><", ">\n<").splitlines())
    in_syslog = read(f"<85>1 2026-11-23T10:00:00.123+01:00 pacs dcm4chee 7 DICOM+RFC3881 - \ufeff{message}")
    assert whole == in_parts == in_syslog
    assert (whole[0].kind, whole[0].act, whole[0].sources) == ("dicom-audit", act, (STRANGER,))


@pytest.mark.parametrize(
    ("text", "act", "octets"),
    [
        ('Mon Nov 23 10:00:00 2026 [pid 3] CONNECT: Client "::ffff:203.0.113.5"', Act.CONTACT, 0),
        ('Mon Nov 23 10:00:00 2026 [pid 2] [ftp] FAIL LOGIN: Client "203.0.113.5"', Act.REFUSED, 0),
        ('Mon Nov 23 10:00:00 2026 [pid 3] [ftp] OK DOWNLOAD: Client "203.0.113.5", "/IM 1", 5120 bytes, 2.00Kbyte/sec',
         Act.FETCHED, 5120),
        ("Mon Nov 23 10:00:00 2026 1 203.0.113.5 5120 /CANARY^ADA 1.dcm b _ o a mozilla@ ftp 0 * c", Act.FETCHED, 5120),
        ("Mon Nov 23 10:00:00 2026 1 203.0.113.5 5120 /x b _ i a mozilla@ ftp 0 * c", Act.CONTACT, 0),
    ],
)  # fmt: skip
def test_an_ftp_server_tells_what_was_downloaded(text: str, act: Act, octets: int) -> None:
    (line,) = read(text)
    assert (line.kind, line.act, line.octets, line.sources) == ("vsftpd", act, octets, (STRANGER,))
    assert line.at == datetime(2026, 11, 23, 10)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "act", "ports"),
    [
        ("Nov 23 10:00:00 box kernel: IN=ppp0 OUT= SRC=203.0.113.5 DST=192.168.1.10 PROTO=TCP SPT=51000 DPT=11112 SYN",
         Act.CONTACT, {11112}),
        ("<4>Nov  3 10:00:00 box kernel: DROP IN=ppp0 SRC=203.0.113.5 DST=1.2.3.4 DPT=11112", Act.REFUSED, {11112}),
        ("2026-11-23T10:00:00Z firewall: blocked 203.0.113.5 to port 4242", Act.REFUSED, {4242}),
        ("23/11/2026 10:00:00 Connexion entrante 203.0.113.5:51234 -> 192.168.1.10:11112", Act.CONTACT, {51234, 11112}),
        ("23/11/2026 à 10:00 Connexion bloquée 203.0.113.5, 11112/tcp", Act.REFUSED, {11112}),
    ],
)  # fmt: skip
def test_the_box_and_a_firewall_tell_who_came_to_which_port(text: str, act: Act, ports: set[int]) -> None:
    (line,) = read(text)
    assert (line.kind, line.act, line.ports) == ("text", act, ports)
    assert STRANGER in line.sources


def test_a_line_without_an_address_shows_only_that_the_log_was_written() -> None:
    (line,) = read("2026-11-23 10:00:00 link up")
    assert line.act is None
    assert read("no instant in here, 203.0.113.5") == ()


def test_a_web_servers_line_in_syslog_keeps_its_own_instant() -> None:
    (line,) = read("<190>Nov 23 10:00:01 web nginx: " + combined("GET /patients HTTP/1.1", 200, 90))
    assert line.at == datetime(2026, 11, 23, 10, tzinfo=PARIS)


def test_orthanc_tells_each_peer_what_it_was_given() -> None:
    begin = "I1123 10:00:00.123456 CommandDispatcher.cpp:333] (dicom) "
    lines = read(
        begin + "Association Received from AET  on IP 192.168.1.9",
        begin + "Association Acknowledged (Max Send PDV: 16372) to AET SCU on IP 203.0.113.5",
        "I1123 10:00:00.2 main.cpp:352] Incoming Find request from AET SCU on IP 203.0.113.5, calling AET ANY",
        "I1123 10:00:00.3 DICOM-1 ServerContext.cpp:1502] Number of matching resources: 12",
        "I1123 10:00:00.4 main.cpp:352] Incoming Get request from AET SCU on IP 203.0.113.5, calling AET ANY",
        'I1123 10:00:00.5 OrthancGetRequestHandler.cpp:563] (dicom) C-GET: Sending resource 8e to modality "SCU"',
        begin + "Finishing association with AET SCU on IP 203.0.113.5: DUL Peer Requested Release",
        "I1123 10:00:01 HttpServer.cpp:1244] (http) GET /patients",
        "I1123 10:00:02 ServerContext.cpp:1502] Number of matching resources: 12",
    )
    acts = [(line.act, line.sources) for line in lines if line.act is not None]
    assert acts == [
        (Act.CONTACT, (ip_address("192.168.1.9"),)), (Act.QUERIED, (STRANGER,)), (Act.LISTED, (STRANGER,)),
        (Act.CONTACT, (STRANGER,)), (Act.FETCHED, (STRANGER,)), (Act.CONTACT, ()),
    ]  # fmt: skip


def test_with_two_peers_at_once_nobody_is_said_to_have_had_the_answer() -> None:
    begin = "I1123 10:00:00.1 C.cpp:664] (dicom) Association Acknowledged (Max Send PDV: 1) to AET SCU on IP "
    lines = read(
        begin + "203.0.113.5",
        begin + "192.168.1.7",
        "I1123 10:00:00.2 main.cpp:352] Incoming Find request from AET SCU on IP 203.0.113.5, calling AET ANY",
        "I1123 10:00:01 ServerContext.cpp:1502] Number of matching resources: 3",
    )
    assert (lines[-1].act, lines[-1].sources) == (Act.LISTED, ())


def test_a_message_with_a_document_type_or_without_end_says_nothing() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + AUDIT.format(code="110104", action="R", outcome="0")
    inside = bomb.replace("x/>", "x/>&a;")
    assert all(line.kind == "dicom-audit" for line in read(inside))
    endless = read("<AuditMessage>", *["x" * 60_000] * 20)
    assert endless == ()


@given(st.text(max_size=400))
def test_no_line_breaks_the_reader(text: str) -> None:
    for line in read(text, "<AuditMessage " + text, combined(text, 200, 1), "I1123 10:00:00 a.cpp:1] " + text):
        assert line.at.year


@given(st.from_regex(r"[0-9a-fA-F:.\[\]/ ]{0,200}"))
def test_nothing_like_an_address_breaks_the_reader(text: str) -> None:
    read("2026-11-23 10:00:00 " + text, "Nov 23 10:00:00 " + text)


def test_a_file_name_full_of_spaces_and_signs_does_not_move_the_columns() -> None:
    name = "/CANARY^ADA b _ i a x ftp 0 * c " * 200
    (line,) = read(f"Mon Nov 23 10:00:00 2026 1 203.0.113.5 5120 {name}.dcm b _ o a mozilla@ ftp 0 * c")
    assert (line.act, line.octets) == (Act.FETCHED, 5120)
