"""The alerts that are due, on the channels of the settings; each is an entry of the breach it is about."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lightproof.cli.breach.desk import Desk, now_utc
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.alerts import Send, Sent


async def remind(desk: Desk, *, test: bool) -> tuple[tuple[str, "Sent"], ...]:
    """Sends what is due; with `test`, a test to every channel. Gives breach and outcome for each alert and channel.

    Raises UsageRefused when the settings name no channel.
    """
    from lightproof.breach import register
    from lightproof.breach.alerts import alert, delivered, due, send_everywhere
    from lightproof.breach.pending import pending

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
    with desk.home.ledger.database.reading() as connection:
        numbers = [line.id for line in register.waiting(connection)]
    outcome: list[tuple[str, Sent]] = []
    for number in numbers:
        told = desk.procedure.incident(number)
        for duty in pending(told):
            if duty.deadline is None or (step := due(told, duty.deadline, now, channels)) is None:
                continue
            law = duty.law if len(told.laws) > 1 else ""
            message = alert(number, step.hours_before, duty.deadline, now, law=law)
            sent = await send_everywhere(message, {name: channels[name] for name in step.channels})
            # Somebody has it, now or since an earlier run: then what failed is counted, so that it ends.
            if delivered(sent) or len(step.channels) < len(channels):
                failed = [one.channel for one in sent if one.failure]
                desk.procedure.alerted(number, step.hours_before, duty.deadline, delivered(sent), failed)
            outcome += [(number, one) for one in sent]
    return tuple(outcome)


def channels_of(desk: Desk) -> Mapping[str, "Send"]:
    """What the settings name, ready to send."""
    from lightproof.breach import alerts
    from lightproof.storage.secret_sources import read_secret

    def secret(path: Path | None) -> str:
        return read_secret(path) if path else ""

    wanted = desk.home.settings.alerts
    found: dict[str, Send] = {}
    if wanted.mail is not None:
        found["mail"] = alerts.mail(wanted.mail, secret(wanted.mail.password_file))
    if wanted.webhook is not None:
        found["webhook"] = alerts.webhook(wanted.webhook.url, secret(wanted.webhook.secret_file).encode())
    if wanted.ntfy is not None:
        found["ntfy"] = alerts.ntfy(wanted.ntfy.url, secret(wanted.ntfy.token_file))
    if wanted.calendar is not None:
        found["calendar"] = alerts.calendar(wanted.calendar.folder)
    return found


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
