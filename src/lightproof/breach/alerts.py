"""Alerts of the clock, and reminders of what a notice left open: which one is due, what it says, and how it is sent.

Rules of this file:
- an alert says how much time is left and what to do, never what is in the file: mail and push services read it;
- each channel has one total deadline; one that fails is told and does not hold back the others;
- an alert that comes late (the machine was off) goes out once, for the step that holds now;
- each deadline has alerts of its own: a deadline that moves, or another law's, is told anew;
- what a notice left open is reminded of once (Art. 33(4)): the law sets no limit, so nothing counts down;
- once an alert reached somebody, the channels that failed are tried a few times more, and not for ever.
"""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Final, Literal

import aiosmtplib
import httpx2

from lightproof.breach.incident import Alerted, Incident
from lightproof.breach.pending import FollowUp
from lightproof.documents.files import put
from lightproof.documents.ics import Deadline, ics
from lightproof.documents.text import visible, visible_lines
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _
from lightproof.locale import ngettext
from lightproof.storage.settings import Mail

HOURS_BEFORE: Final = (48, 24, 6, 1, 0)
"""When an alert is due, in hours before the deadline; 0 says that it has passed."""
TRIES: Final = 3
"""How often a channel that fails is tried with an alert that others delivered."""
_CHANNEL_S: Final = 20.0
_ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, in one language."""

    breach: str
    hours_before: int
    deadline: datetime
    """The end of the period; of a reminder, the instant from which it is due."""
    title: str
    text: str
    law: str = ""
    """Whose deadline it is, where several laws judge the breach."""
    event: Literal["breach-deadline", "breach-follow-up"] = "breach-deadline"
    still_open: int = 0
    """How many questions a notice left open; 0 where it is about the clock."""

    @property
    def name(self) -> str:
        """What tells this breach, law and event from others: a file's name, a calendar's."""
        parts = (self.breach, self.law.replace("/", "-"), "follow-up" if self.event == "breach-follow-up" else "")
        return "-".join(part for part in parts if part)

    @property
    def alarms_before(self) -> tuple[int, ...]:
        """Hours before its instant at which a calendar rings."""
        return tuple(hours for hours in HOURS_BEFORE if hours) if self.event == "breach-deadline" else ()

    @property
    def priority(self) -> str:
        """How loudly a telephone tells it (ntfy)."""
        if self.event == "breach-follow-up":
            return "default"
        return "urgent" if self.hours_before <= 6 else "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An alert that is due, and where it has not arrived yet."""

    hours_before: int
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of an alert on one channel."""

    channel: str
    failure: str = ""
    """Empty when it went out; else a fixed word or the answer's number, never a peer's text."""


Send = Callable[[Alert], Awaitable[None]]


def due(told: Incident, deadline: datetime, now: datetime, channels: Collection[str]) -> Due | None:
    """The alert of a pending deadline (`pending`) that is due on these channels; None when none is, or all have it.

    A channel that failed while others delivered is tried `TRIES` times; one that nobody delivered, until one does.
    """
    reached = [hours for hours in HOURS_BEFORE if now >= deadline - timedelta(hours=hours)]
    if not reached:
        return None
    current = min(reached)
    of_the_clock = [one for one in told.alerted if not one.follows_up]
    tried = [one for one in of_the_clock if one.deadline == deadline and one.hours_before <= current]
    return _left(tried, current, channels)


def follow_up_due(told: Incident, one: FollowUp, now: datetime, channels: Collection[str]) -> Due | None:
    """The reminder of what a notice left open, where it is due and has not arrived; tried as often as an alert is."""
    if now < one.remind_at:
        return None
    tried = [sent for sent in told.alerted if (sent.follows_up, sent.deadline) == (one.law, one.remind_at)]
    return _left(tried, 0, channels)


def _left(tried: Sequence[Alerted], current: int, channels: Collection[str]) -> Due | None:
    """What is left to do of one alert, after these attempts."""
    done = {channel for one in tried for channel in one.sent}
    failures = Counter(channel for one in tried for channel in one.failed if one.hours_before == current)
    left = tuple(channel for channel in channels if channel not in done and failures[channel] < TRIES)
    return Due(hours_before=current, channels=left) if left else None


def alert(breach: str, hours_before: int, deadline: datetime, now: datetime, *, law: str = "") -> Alert:
    """What the alert says, in the current language; `law`: whose deadline it is, where several laws judge."""
    command = f"{breach} --regime {law}" if law else breach
    if now >= deadline:
        title = _("{breach}: the time to notify the authority has passed").format(breach=breach)
        text = _(
            "Notify now all the same, and say why it is late: the reasons are part of the notification "
            "(Article 33(1)). Start with: lightproof breach notify {breach}"
        ).format(breach=command)
    else:
        left = int((deadline - now) / timedelta(hours=1))
        hours = ngettext("{n} hour", "{n} hours", left).format(n=left)
        if left == 0:
            hours = _("less than an hour")
        title = _("{breach}: {hours} left to notify the authority").format(breach=breach, hours=hours)
        text = _(
            "The deadline is {deadline} (UTC). What is not known yet is added later. "
            "Start with: lightproof breach notify {breach}"
        ).format(deadline=deadline.strftime("%Y-%m-%d %H:%M"), breach=command)
    title += f" ({law})" if law else ""
    return Alert(breach=breach, hours_before=hours_before, deadline=deadline, title=title, text=text, law=law)


def reminder(breach: str, one: FollowUp, *, law: str = "") -> Alert:
    """What the reminder of a notice that left questions open says, in the current language; `law` as for `alert`."""
    count = len(one.still_open)
    questions = ngettext("{n} question", "{n} questions", count).format(n=count)
    title = _("{breach}: the notification left {questions} open").format(breach=breach, questions=questions)
    text = _(
        "The authority was notified on {when} (UTC); what was not known then follows without undue further delay "
        "(Article 33(4)). Write the supplementary notice: lightproof breach notify {breach} --stage supplementary"
    ).format(when=one.since.astimezone(UTC).strftime("%Y-%m-%d %H:%M"), breach=breach)
    return Alert(
        breach=breach,
        hours_before=0,
        deadline=one.remind_at,
        title=f"{title} ({law})" if law else title,
        text=f"{text} --regime {law}" if law else text,
        law=law,
        event="breach-follow-up",
        still_open=count,
    )


async def send_everywhere(message: Alert, channels: Mapping[str, Send]) -> tuple[Sent, ...]:
    """Sends on every channel at once, each within its own time; tells what became of each."""

    async def one(name: str, send: Send) -> Sent:
        try:
            async with asyncio.timeout(_CHANNEL_S):
                await send(message)
        except TimeoutError:
            return Sent(channel=name, failure="no-answer-in-time")
        except _Refused as refusal:
            return Sent(channel=name, failure=refusal.reason)
        except aiosmtplib.SMTPResponseException as error:
            return Sent(channel=name, failure=f"smtp-{error.code}")
        except (aiosmtplib.SMTPException, httpx2.HTTPError, OSError, UsageRefused, ValueError) as error:
            # ValueError: what a channel was given does not fit its protocol, an address or a secret.
            return Sent(channel=name, failure=type(error).__name__)
        return Sent(channel=name)

    return tuple(await asyncio.gather(*(one(name, send) for name, send in channels.items())))


def webhook(url: str, secret: bytes = b"") -> Send:
    """Posts the alert as JSON; with a secret, signed (`X-Lightproof-Signature: sha256=` HMAC of the body)."""

    async def send(message: Alert) -> None:
        at = message.deadline.isoformat()
        if message.event == "breach-deadline":
            about: Mapping[str, object] = {"hours_before": message.hours_before, "deadline": at}
        else:
            about = {"still_open": message.still_open, "due_since": at}
        said = {
            "event": message.event,
            "breach": message.breach,
            "law": message.law,
            "title": message.title,
            "text": message.text,
        }
        body = json.dumps({**said, **about}, sort_keys=True).encode()
        headers = {"Content-Type": "application/json"}
        if secret:
            headers["X-Lightproof-Signature"] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        await _post(url, body, headers)

    return send


def ntfy(url: str, token: str = "") -> Send:
    """Publishes the alert to a topic of an ntfy server (JSON is not used there: text body, RFC 2047 title)."""

    async def send(message: Alert) -> None:
        headers = {
            # ntfy decodes RFC 2047 in this header: accents would not survive otherwise.
            "Title": _encoded_word(message.title),
            "Priority": message.priority,
            "Tags": "warning",
        }
        if token:
            headers["Authorization"] = f"Bearer {token}"
        await _post(url, message.text.encode(), headers)

    return send


def mail(settings: Mail, password: str) -> Send:
    """Sends the alert by mail, the deadline attached as a calendar file."""

    async def send(message: Alert) -> None:
        letter = EmailMessage(policy=SMTP)
        letter["From"] = settings.sender
        letter["To"] = ", ".join(settings.to)
        letter["Subject"] = visible(message.title)
        letter["Message-ID"] = make_msgid(domain="lightproof.invalid")
        letter["Date"] = format_datetime(datetime.now(UTC))
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(visible_lines(message.text))
        letter.add_attachment(_calendar(message), maintype="text", subtype="calendar", filename=f"{message.name}.ics")
        await aiosmtplib.send(
            letter,
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=password or None,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            timeout=_CHANNEL_S,
        )

    return send


def calendar(folder: Path) -> Send:
    """Writes the deadline as a calendar file, in place of the one before."""

    async def send(message: Alert) -> None:
        put(_calendar(message), folder / f"{message.name}.ics")

    return send


def without(word: str) -> Send:
    """A channel that cannot be used as it is set up: each alert on it fails with this fixed word."""

    async def send(_message: Alert) -> None:
        raise _Refused(word)

    return send


def _calendar(message: Alert) -> bytes:
    return ics(
        Deadline(
            uid=f"{message.name}@lightproof.invalid",
            title=visible(message.title),
            description=visible_lines(message.text),
            at=message.deadline,
            alarms_before=[timedelta(hours=hours) for hours in message.alarms_before],
        ),
        made=datetime.now(UTC),
    )


class _Refused(Exception):
    """The other side said no. `reason` is a word of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """A redirect is an answer like another, and not a success: an alert goes where the settings say, or nowhere."""
    async with (
        httpx2.AsyncClient(follow_redirects=False, timeout=_CHANNEL_S, trust_env=False) as client,
        client.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        received = 0
        async for piece in answer.aiter_raw():
            received += len(piece)
            if received > _ANSWER_BYTES:
                break
        if not 200 <= answer.status_code < 300:
            raise _Refused(f"http-{answer.status_code}")


def _encoded_word(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=10_000).encode()


def delivered(sent: Sequence[Sent]) -> tuple[str, ...]:
    """The channels on which it went out."""
    return tuple(one.channel for one in sent if not one.failure)
