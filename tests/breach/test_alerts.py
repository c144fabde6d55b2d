"""The clock's alerts: when each is due, what it tells, and that it arrives at real servers."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.alerts import (
    HOURS_BEFORE,
    TRIES,
    Due,
    alert,
    calendar,
    delivered,
    due,
    mail,
    ntfy,
    reminder,
    send_everywhere,
    webhook,
    without,
)
from lightproof.breach.facts import BreachFacts
from lightproof.breach.incident import Alerted, Incident, Source
from lightproof.breach.pending import FollowUp
from lightproof.locale import speaking
from lightproof.storage.settings import Mail
from peers.processes import free_port

DEADLINE = datetime(2026, 11, 26, 10, tzinfo=UTC)
OPENED = DEADLINE - timedelta(hours=72)
TOLD = Incident(
    id="B-2026-0001", opened_at=OPENED, opened_by="person:Dr Demo", source=Source(kind="report"), facts=BreachFacts()
)


def left(hours: float) -> datetime:
    return DEADLINE - timedelta(hours=hours)


def step(hours_left: float, told: Incident = TOLD, deadline: datetime = DEADLINE) -> int | None:
    found = due(told, deadline, left(hours_left), ["mail"])
    return found.hours_before if found else None


def sent(hours: int, *channels: str, failed: tuple[str, ...] = (), deadline: datetime | None = DEADLINE) -> Alerted:
    return Alerted(deadline=deadline, hours_before=hours, sent=channels, failed=failed)


@pytest.mark.parametrize(
    ("hours_left", "expected"),
    [(72, None), (48.1, None), (48, 48), (30, 48), (24, 24), (6, 6), (1.5, 6), (1, 1), (0.1, 1), (0, 0), (-5, 0)],
)
def test_the_alert_that_is_due_is_the_last_one_passed(hours_left: float, expected: int | None) -> None:
    assert step(hours_left) == expected


def test_an_alert_goes_out_once_and_never_for_a_step_before_it() -> None:
    alerted = replace(TOLD, alerted=(sent(24, "mail"),))
    assert step(20, alerted) is None
    assert step(47, alerted) is None
    assert step(5, alerted) == 6


def test_a_deadline_that_moves_is_told_anew() -> None:
    passed = replace(TOLD, alerted=(sent(0, "mail"), sent(6, "mail", deadline=None)))
    assert step(-1, passed) is None
    later = DEADLINE + timedelta(hours=30)
    assert step(-29, passed, later) == 1
    assert step(-29, replace(passed, alerted=(*passed.alerted, sent(1, "mail", deadline=later))), later) is None


def test_a_channel_that_failed_is_tried_again_and_not_for_ever() -> None:
    told = replace(TOLD, alerted=(sent(24, "mail", failed=("ntfy",)),))
    for _ in range(TRIES - 1):
        assert due(told, DEADLINE, left(20), ["mail", "ntfy"]) == Due(hours_before=24, channels=("ntfy",))
        told = replace(told, alerted=(*told.alerted, sent(24, failed=("ntfy",))))
    assert due(told, DEADLINE, left(20), ["mail", "ntfy"]) is None
    assert due(told, DEADLINE, left(5), ["mail", "ntfy"]) == Due(hours_before=6, channels=("mail", "ntfy"))


@given(st.lists(st.floats(-100, 100), max_size=20).map(lambda hours: sorted(hours, reverse=True)))
def test_however_often_the_clock_is_looked_at_no_alert_is_sent_twice(looks: list[float]) -> None:
    told, steps = TOLD, list[int]()
    for hours in looks:
        found = step(hours, told)
        if found is not None:
            steps.append(found)
            told = replace(told, alerted=(*told.alerted, sent(found, "mail")))
    assert steps == sorted(set(steps), reverse=True)
    assert set(steps) <= set(HOURS_BEFORE)


@pytest.mark.parametrize(("lang", "word"), [("en", "left"), ("fr", "B-2026-0001")])
def test_an_alert_says_what_to_do_and_nothing_of_the_file(lang: str, word: str) -> None:
    with speaking(lang):
        message = alert("B-2026-0001", 24, DEADLINE, left(24))
    assert word in message.title
    assert "lightproof breach notify B-2026-0001" in message.text


def test_after_the_deadline_it_says_to_notify_all_the_same() -> None:
    assert "has passed" in alert("B-2026-0001", 0, DEADLINE, left(-1)).title


@dataclass
class Heard:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def a_server(heard: Heard) -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.requests.append((self.path, dict(self.headers), body))
            self.send_response(heard.status)
            for name, value in heard.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()


MESSAGE = alert("B-2026-0001", 6, DEADLINE, left(6))


async def test_a_webhook_gets_the_alert_signed() -> None:
    with a_server(Heard()) as heard:
        sent = await send_everywhere(MESSAGE, {"webhook": webhook(heard.url + "/hook", b"secret")})
    assert delivered(sent) == ("webhook",)
    path, headers, body = heard.requests[0]
    assert path == "/hook"
    assert json.loads(body)["breach"] == "B-2026-0001"
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Lightproof-Signature"] == f"sha256={signature}"


async def test_ntfy_gets_a_title_with_its_accents() -> None:
    with speaking("fr"):
        message = replace(MESSAGE, title="Délai dépassé", text="À faire")
    with a_server(Heard()) as heard:
        await send_everywhere(message, {"ntfy": ntfy(heard.url + "/practice", token="t0ken")})
    _path, headers, body = heard.requests[0]
    assert str(make_header(decode_header(headers["Title"]))) == "Délai dépassé"
    assert headers["Authorization"] == "Bearer t0ken"
    assert body.decode() == "À faire"


async def test_a_redirect_is_not_followed_and_a_failure_holds_back_nobody() -> None:
    elsewhere = Heard()
    with a_server(elsewhere), a_server(Heard()) as works:
        with a_server(Heard(status=307, headers={"Location": elsewhere.url})) as moved:
            sent = await send_everywhere(
                MESSAGE,
                {
                    "moved": webhook(moved.url),
                    "webhook": webhook(works.url),
                    "nobody": webhook("http://127.0.0.1:1/"),
                },
            )
    assert {one.channel: one.failure for one in sent} == {
        "moved": "http-307", "webhook": "", "nobody": "ConnectError",
    }  # fmt: skip
    assert not elsewhere.requests


class Mailbox:
    """What an SMTP server of the test's own was given."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:
        self.letters.append(bytes(envelope.content or b""))
        return "250 OK"


async def test_a_mail_arrives_with_its_calendar_file_and_no_header_of_its_own_making() -> None:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        settings = Mail.model_validate(
            {
                "host": "127.0.0.1",
                "port": controller.port,
                "from": "box@example.org",
                "to": ["dr@example.org"],
                "tls": "none",
            }
        )
        message = replace(MESSAGE, title="Délai : encore 6 heures", text="À faire\r\nBcc: stranger@example.org")
        sent = await send_everywhere(message, {"mail": mail(settings, "")})
    finally:
        controller.stop()
    assert delivered(sent) == ("mail",)
    letter = message_from_bytes(box.letters[0], policy=default)
    assert letter["Subject"] == "Délai : encore 6 heures"
    assert letter["Bcc"] is None
    assert [part.get_content_type() for part in letter.walk()] == ["multipart/mixed", "text/plain", "text/calendar"]


async def test_what_a_channel_was_given_fails_it_alone() -> None:
    with a_server(Heard()) as heard:
        sent = await send_everywhere(
            MESSAGE,
            {
                "ntfy": ntfy(heard.url, "clé-€uro"),
                "secret": without("secret-unusable"),
                "webhook": webhook(heard.url + "/hook"),
            },
        )
    failures = {one.channel: one.failure for one in sent}
    assert failures == {"ntfy": "UnicodeEncodeError", "secret": "secret-unusable", "webhook": ""}
    assert len(heard.requests) == 1


FOLLOW_UP = FollowUp(
    law="gdpr/fr", authority="CNIL", still_open=("persons", "records"), since=OPENED,
    remind_at=OPENED + timedelta(hours=72), words="",
)  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_reminder_says_which_breach_since_when_how_much_and_what_to_write(lang: str) -> None:
    with speaking(lang):
        one, two = reminder("B-2026-0001", FOLLOW_UP), reminder("B-2026-0001", FOLLOW_UP, law="gdpr/fr")
    assert "B-2026-0001" in one.title
    assert "2 questions" in one.title
    assert OPENED.strftime("%Y-%m-%d %H:%M") in one.text
    assert one.text.endswith("lightproof breach notify B-2026-0001 --stage supplementary")
    assert two.text.endswith("--stage supplementary --regime gdpr/fr")
    assert (one.name, two.name) == ("B-2026-0001-follow-up", "B-2026-0001-gdpr-fr-follow-up")


async def test_a_reminder_goes_through_every_channel_and_a_webhook_tells_it_apart(tmp_path: Path) -> None:
    message = reminder("B-2026-0001", FOLLOW_UP)
    with a_server(Heard()) as heard:
        channels = {"webhook": webhook(heard.url), "ntfy": ntfy(heard.url), "calendar": calendar(tmp_path)}
        assert set(delivered(await send_everywhere(message, channels))) == set(channels)
    bodies = [json.loads(body) for _path, _headers, body in heard.requests if body.startswith(b"{")]
    (said,) = bodies
    assert (said["event"], said["still_open"]) == ("breach-follow-up", 2)
    assert "hours_before" not in said
    assert {headers.get("Priority") for _path, headers, _body in heard.requests} == {None, "default"}
    assert b"VALARM" not in (tmp_path / "B-2026-0001-follow-up.ics").read_bytes()
