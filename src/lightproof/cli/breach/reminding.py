"""The alerts that are due, on the channels of the settings; each is an entry of the breach it is about."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lightproof.cli.breach.desk import Desk, now_utc
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.alerts import Alert, Due, Send, Sent


async def remind(desk: Desk, *, test: bool) -> tuple[tuple[str, "Sent"], ...]:
    """Sends what is due; with `test`, a test to every channel. Gives breach and outcome for each alert and channel.

    Raises UsageRefused when the settings name no channel.
    """
    from lightproof.breach.alerts import alert, delivered, due, follow_up_due, reminder, send_everywhere
    from lightproof.breach.pending import follow_ups, pending

    channels = channels_of(desk)
    if not channels:
        raise UsageRefused(
            "alerts-nowhere",
            _("The settings name no channel for alerts."),
            _("Fill [alerts] in settings.toml: mail, webhook, ntfy or calendar; “lightproof config show” says where."),
        )
    now = now_utc()
    if test:
        sent = await send_everywhere(alert("TEST", 24, now + timedelta(hours=24), now), channels)
        return tuple(("TEST", one) for one in sent)
    outcome: list[tuple[str, Sent]] = []

    async def send(message: "Alert", step: "Due", record: Callable[[Sequence[str], Sequence[str]], object]) -> None:
        sent = await send_everywhere(message, {name: channels[name] for name in step.channels})
        # Somebody has it, now or since an earlier run: then what failed is counted, so that it ends.
        if delivered(sent) or len(step.channels) < len(channels):
            record(delivered(sent), [one.channel for one in sent if one.failure])
        outcome.extend((message.breach, one) for one in sent)

    for number in _numbers(desk):
        told = desk.procedure.incident(number)
        several = len(told.laws) > 1
        for duty in pending(told):
            if duty.deadline is not None and (step := due(told, duty.deadline, now, channels)) is not None:
                message = alert(number, step.hours_before, duty.deadline, now, law=duty.law if several else "")
                await send(message, step, partial(desk.procedure.alerted, number, step.hours_before, duty.deadline))
        for one in follow_ups(told):
            if (step := follow_up_due(told, one, now, channels)) is not None:
                message = reminder(number, one, law=one.law if several else "")
                await send(message, step, partial(desk.procedure.reminded, number, one.law, one.remind_at))
    return tuple(outcome)


def _numbers(desk: Desk) -> list[str]:
    """The breaches that may have something due: those that wait for a notice, then those whose notice said not all."""
    from lightproof.breach import register
    from lightproof.breach.incident import SUBJECT

    ledger = desk.home.ledger
    filed = ledger.entries(under=SUBJECT, kind="breach.notified")
    left_open = {entry.subject.removeprefix(SUBJECT) for entry in filed if entry.payload.get("still_open")}
    with ledger.database.reading() as connection:
        waiting = [line.id for line in register.waiting(connection)]
        return list(dict.fromkeys((*waiting, *sorted(left_open & register.unclosed(connection)))))


def channels_of(desk: Desk) -> Mapping[str, "Send"]:
    """What the settings name, ready to send. One whose secret cannot be used is told, and fails alone."""
    from lightproof.breach import alerts
    from lightproof.storage.secret_sources import read_secret

    wanted = desk.home.settings.alerts
    found: dict[str, Send] = {}

    def channel(name: str, secret: Path | None, made: Callable[[str], "Send"], *, in_a_header: bool = False) -> None:
        try:
            read = read_secret(secret) if secret else ""
            if in_a_header and not (read.isascii() and read.isprintable()):
                raise _not_ascii(name)
        except UsageRefused as error:
            click.echo(f"▲ {name}: {error.cause} {error.fix}", err=True)
            found[name] = alerts.without("secret-unusable")
        else:
            found[name] = made(read)

    if (mail := wanted.mail) is not None:
        channel("mail", mail.password_file, lambda secret: alerts.mail(mail, secret))
    if (hook := wanted.webhook) is not None:
        channel("webhook", hook.secret_file, lambda secret: alerts.webhook(hook.url, secret.encode()))
    if (topic := wanted.ntfy) is not None:
        channel("ntfy", topic.token_file, lambda secret: alerts.ntfy(topic.url, secret), in_a_header=True)
    if wanted.calendar is not None:
        found["calendar"] = alerts.calendar(wanted.calendar.folder)
    return found


def _not_ascii(channel: str) -> UsageRefused:
    return UsageRefused(
        "secret-not-ascii",
        _("The secret of the channel “{channel}” holds characters that no header can carry.").format(channel=channel),
        _("Put the token in its file as the server gave it: letters, digits and signs of ASCII."),
    )


def sent_as_text(sent: Sequence[tuple[str, "Sent"]], *, as_json: bool) -> str:
    """One line an alert and channel."""
    if as_json:
        said = [{"breach": breach, "channel": one.channel, "failure": one.failure} for breach, one in sent]
        return json.dumps({"sent": said}) + "\n"
    if not sent:
        return _("No alert is due.") + "\n"
    lines = [
        _("{breach}: {channel}: {outcome}").format(breach=breach, channel=one.channel, outcome=one.failure or _("sent"))
        for breach, one in sent
    ]
    return "\n".join(lines) + "\n"
