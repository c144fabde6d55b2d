"""What the commands of a breach share: the open home, who is at the keyboard, and how a breach is shown."""

import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from lightproof.cli.named_laws import refuse_unknown_laws
from lightproof.cli.person import person
from lightproof.locale import gettext as _

if TYPE_CHECKING:
    from lightproof.breach.access.examining import Examined, NamedLog
    from lightproof.breach.clock import Clock
    from lightproof.breach.incident import Choice, Duty, Incident, Stage
    from lightproof.breach.notification import Notification
    from lightproof.breach.procedure import Procedure
    from lightproof.cli.home import OpenHome
    from lightproof.documents.model import Document

_FACTS_BYTES: Final = 1 << 20
_LAST_PORT: Final = 65535
number_argument: Callable[[Any], Any] = click.argument("number", metavar=_("NUMBER"))
by_option: Callable[[Any], Any] = click.option(
    "--by", metavar="NAME", help=_("Who does this; by default, the user of this machine.")
)
json_option: Callable[[Any], Any] = click.option(
    "--json", "as_json", is_flag=True, help=_("Print one JSON document and nothing else.")
)


@dataclass(frozen=True, slots=True)
class Desk:
    """One home, open, and the procedure on it."""

    home: "OpenHome"
    procedure: "Procedure"

    @property
    def regimes(self) -> tuple[str, ...]:
        """The laws that the settings name."""
        return self.home.settings.breach.regimes

    def assessed(self, told: "Incident", regimes: tuple[str, ...] = ()) -> "Incident":
        """Judged by its laws, old and new (`regimes`, or the settings'), and recorded where the judgement is new."""
        from lightproof.breach.judging import assess_and_record

        laws = dict.fromkeys((*told.opened_under, *told.assessments, *(regimes or self.regimes)))
        return assess_and_record(self.procedure, told, tuple(laws))

    @contextmanager
    def as_one(self) -> "Generator[Desk]":
        """The desk for several steps that are written together, or not at all."""
        with self.home.ledger.as_one() as ledger:
            yield replace(self, procedure=replace(self.procedure, ledger=ledger))

    def examined(
        self, told: "Incident", names: tuple[str, ...], own: tuple[str, ...], zone_name: str | None
    ) -> "Examined":
        """The access logs that a person named: `orthanc.log`, `access.log@8042`."""
        from lightproof.breach.access.examining import LogReader
        from lightproof.breach.access.tally import hasher, networks

        reader = LogReader(
            own=networks(own),
            hashed=hasher(self.home.root.derive(f"visitors of {told.id}")),
            zone=named_zone(zone_name) if zone_name else zone(),
        )
        return self.procedure.examined(told, [named_log(name) for name in names], reader)

    def attached(self, told: "Incident", named: str, reason: str) -> "Incident":
        """A file that a person named: `report.pdf`, or `intelligibility=report.pdf` where it shows that fact."""
        from lightproof.breach.facts import FACT_NAMES
        from lightproof.breach.lookup import FILE_BYTES, media_type

        fact, equals, path = named.partition("=")
        shows = fact if equals and fact in FACT_NAMES else ""
        file = Path(path if shows else named)
        kind = media_type(file)
        return self.procedure.attached(told.id, read_file(file, FILE_BYTES), kind, shows=shows, reason=reason)

    def decided(
        self,
        told: "Incident",
        decision: str,
        reason: str,
        exemption: str,
        evidence: tuple[str, ...],
        *,
        laws: tuple[str, ...] = (),
    ) -> "Incident":
        """A decision as it was typed: `notify=yes`; about these laws, or about all."""
        from lightproof.breach.judging import proposed

        duty, choice = parsed_decision(decision)
        return self.procedure.decide(
            told.id, duty, choice, reason, proposed=proposed(told, duty, laws), exemption=exemption,
            evidence=evidence, laws=laws,
        )  # fmt: skip

    def retold(self, told: "Incident") -> "Incident":
        """The breach in the current language, whatever the one in which it was opened."""
        from lightproof.breach.retold import retold

        return retold(told, self.procedure.opened_from(told))

    def notification(self, told: "Incident", stage: str | None, *, law: str, delay_reason: str) -> "Notification":
        """The notice that comes next, or the one that is wanted, under this law."""
        from lightproof.breach.asked import judgement_of
        from lightproof.breach.judging import clock_of, drifts_of
        from lightproof.breach.notification import next_stage, notification
        from lightproof.breach.notification_json import filled_before, in_our_language
        from lightproof.locale import LANGUAGES, speaking

        now = now_utc()

        def drawn(before: "Mapping[str, object] | None" = None) -> "Notification":
            read = self.retold(told)
            return notification(
                read,
                self.home.settings.organisation,
                judgement_of(read, law),
                clock_of(read, (law,), drifts_of(self.home.ledger, read)),
                cast("Stage", stage) if stage else next_stage(read, law),
                now=now,
                regime=law,
                delay_reason=delay_reason,
                before=before,
            )

        here, before = drawn(), filled_before(told, law, self.home.ledger.attachment)
        if before is None:
            return here
        for other in LANGUAGES:
            with speaking(other):
                there = drawn()
            before = in_our_language(before, there, here)
        return drawn(before)

    def filed(
        self, notices: "Mapping[str, Notification]", *, law: str, at: str, reference: str, delay_reason: str
    ) -> "Incident":
        """Records that a person filed one notice, of one breach or of several alike (number -> what it said of it)."""
        from lightproof.breach.entered import entered_instant
        from lightproof.breach.notification_json import dumps
        from lightproof.breach.procedure import Bundled
        from lightproof.law.regimes import regime

        (number, notice), *others = notices.items()
        return self.procedure.notified(
            number,
            notice.stage,
            regime=law,
            authority=str(regime(law).authority.name),
            filed_at=entered_instant(at, field="filed"),
            reference=reference,
            delay_reason=delay_reason,
            sheet=dumps(notice),
            still_open=notice.still_open,
            bundle=[Bundled(also, dumps(one), one.still_open) for also, one in others],
        )

    def dossier(self, told: "Incident") -> "Document":
        """The whole file as a document."""
        from lightproof.breach.dossier import dossier

        return dossier(self.retold(told), self.clock(told), now_utc())

    def clock(self, told: "Incident") -> "Clock":
        """The clock of a breach: that of the authority to tell next, or the first once all are told."""
        from lightproof.breach.judging import clock_of, drifts_of

        return clock_of(told, told.untold or told.laws, drifts_of(self.home.ledger, told))


@contextmanager
def at_the_desk(by: str | None) -> Generator[Desk]:
    """The home, opened for whoever is at the keyboard."""
    from lightproof.cli.home import opened

    with opened() as home:
        refuse_unknown_laws(home.settings.breach.regimes)
        yield at(home, (by or "").strip() or person())


def at(home: "OpenHome", by: str) -> Desk:
    """The desk of an open home. Raises UsageRefused `clock-not-set`: every step is dated, by the ledger too."""
    from lightproof.breach.procedure import Procedure

    now_utc()
    return Desk(home, Procedure(ledger=home.ledger, by=by, now=now_utc, regimes=home.settings.breach.regimes))


def parsed_decision(text: str) -> tuple["Duty", "Choice"]:
    """`notify=yes` taken apart. Raises UsageRefused."""
    from lightproof.errors import UsageRefused

    duty, _equals, choice = text.partition("=")
    answer = {"yes": "yes", "oui": "yes", "no": "no", "non": "no"}.get(choice.strip().lower())
    if duty not in ("document", "notify", "communicate") or answer is None:
        raise UsageRefused(
            "decision-unreadable",
            _("“{text}” is not a decision.").format(text=text[:40]),
            _("Write notify=yes, notify=no, communicate=yes or communicate=no."),
        )
    return duty, cast("Choice", answer)


def named_log(text: str) -> "NamedLog":
    """`orthanc.log`, or `access.log@8042` for the log of the service on that port."""
    from lightproof.breach.access.examining import NamedLog
    from lightproof.breach.entered import entered_number

    path, _at, said = text.rpartition("@")
    if path and (port := entered_number(said)) is not None and port <= _LAST_PORT and not Path(text).exists():
        return NamedLog(Path(path), port)
    return NamedLog(Path(text))


def named_evidence(text: str) -> str:
    """`12` is `entry 12`: every other option that takes an entry takes its number alone."""
    from lightproof.breach.entered import entered_number

    number = entered_number(text)
    return text if number is None else f"entry {number}"


def named_zone(name: str) -> tzinfo:
    """The time zone with this name. Raises UsageRefused."""
    from zoneinfo import ZoneInfo

    from lightproof.errors import UsageRefused

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise UsageRefused(
            "zone-unknown",
            _("There is no time zone “{name}”.").format(name=name[:60]),
            _("Write it as Europe/Paris or UTC."),
        ) from error


def zone() -> tzinfo:
    """Where the clocks of this machine are."""
    return datetime.now().astimezone().tzinfo or UTC


def now_utc() -> datetime:
    """The wall clock. Raises UsageRefused `clock-not-set` where no period can be counted from what it says."""
    from lightproof.breach.facts import EARLIEST, LATEST
    from lightproof.errors import UsageRefused

    now = datetime.now(UTC)
    if not EARLIEST <= now <= LATEST:
        raise UsageRefused(
            "clock-not-set",
            _("The clock of this machine says {date}: no period can be counted from that.").format(date=now.date()),
            _("Set the clock, then do this again."),
        )
    return now


def read_file(path: Path, most: int = _FACTS_BYTES) -> bytes:
    """A file of facts, or a list; `-` is standard input. Raises UsageRefused when it cannot be read, or is too long."""
    from lightproof.errors import UsageRefused, cannot_read

    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(most + 1)
        else:
            with path.open("rb") as file:
                content = file.read(most + 1)
    except OSError as error:
        raise cannot_read(path, error) from error
    if len(content) > most:
        raise UsageRefused(
            "file-too-large",
            _("“{path}” is longer than {limit} MiB.").format(path=path, limit=most >> 20),
            _("Check that it is the right file."),
        )
    return content


def show_breach(desk: Desk, told: "Incident", *, as_json: bool) -> None:
    """One breach on a terminal, or as JSON."""
    if as_json:
        from lightproof.breach.incident_json import dumps

        sys.stdout.buffer.write(dumps(desk.retold(told), desk.clock(told)))
    else:
        from lightproof.documents.terminal import Screen, terminal

        screen = Screen.of(sys.stdout, os.environ)
        sys.stdout.write(terminal(desk.dossier(told), screen))
    sys.stdout.flush()
