"""What a person does with a breach, step by step: each step is an entry of the ledger and a row of the register.

Rules of this file:
- entry and row are written in one transaction, or neither is;
- nothing is rewritten: a correction is an entry of its own, with its reason;
- what the law asks of a step is asked before it is written (reasons when late, evidence for an exemption).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast, get_args

from pydantic import ValidationError

from lightproof.breach import reasons, register
from lightproof.breach.access.examining import Examined, LogReader, NamedLog, exposure_of
from lightproof.breach.exemptions import Ground
from lightproof.breach.exemptions import exemption as exemption_of
from lightproof.breach.facts import FACT_NAMES, REFERENCE, BreachFacts, check_facts, dumped, refusal_of, refused
from lightproof.breach.guards import (
    filed_under,
    must_be_alike,
    must_be_aware,
    must_be_decided_anew,
    must_be_explained,
    must_be_in_order,
    must_be_late,
    must_be_open,
    must_explain_later_awareness,
    must_follow_awareness,
    must_have_no_unexplained_delay,
    must_not_be_ordered,
    must_not_undo_proof,
    must_say_why,
    must_spare_persons,
)
from lightproof.breach.incident import SUBJECT, Choice, Duty, Incident, Stage, Status, corrected, incident
from lightproof.breach.lateness import deadline_under
from lightproof.breach.lookup import look_up, named_in
from lightproof.breach.mail_merge import Delivery
from lightproof.breach.opening import (
    Measured,
    access_closed,
    closed_since,
    exposed_services,
    facts_of_exposure,
    from_the_same,
)
from lightproof.breach.pending import pending
from lightproof.documents import json as report_json
from lightproof.errors import UsageRefused
from lightproof.evidence import runs as checks
from lightproof.evidence.ledger import Ledger, Writing
from lightproof.evidence.runs import Run
from lightproof.locale import gettext as _


@dataclass(frozen=True, slots=True)
class Bundled:
    """One of several like breaches that one notice tells of."""

    number: str
    sheet: bytes = b""
    still_open: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Procedure:
    """The steps, for one person at the keyboard (`by`) and one ledger."""

    ledger: Ledger
    by: str
    now: Callable[[], datetime]
    regimes: Sequence[str]
    """The laws that a breach is opened under."""

    # Opening

    def open_from_finding(
        self,
        findings: Sequence[str] = (),
        *,
        run_entry: int | None = None,
        changes: Mapping[str, object] | None = None,
        reason: str = "",
        again: bool = False,
    ) -> Incident:
        """A breach from what a check of the ledger found; by default the last check, and all that it found exposed.

        `changes`: what a person states otherwise than it was measured, with a `reason` where awareness moves later.
        Raises UsageRefused when there is no such check or finding, when nothing exposed holds patients' data, when a
        breach of the same exposure is open (unless `again`), and as `correct` does; then nothing is written.
        """
        measured = self._measured(run_entry)
        facts = facts_of_exposure(measured, findings, aware_by=self.by)
        return self._open(self._source("finding", measured, findings), facts, changes, reason, again=again)

    def open_from_alert(
        self, entry: int, *, changes: Mapping[str, object] | None = None, reason: str = "", again: bool = False
    ) -> Incident:
        """A breach from an alert that the ledger holds: its instant is the first sign.

        An alert of a check brings all that the check measured; one of another part brings the facts that it states.
        Raises UsageRefused when that entry is no alert, and as `open_from_finding` does.
        """
        alert = self.ledger.entry(entry)
        if not alert.kind.endswith(".alert"):
            raise UsageRefused(
                "alert-unknown",
                _("Entry {entry} of the ledger is not an alert.").format(entry=entry),
                _("Take the number of the entry from the alert itself."),
            )
        said = _mapping(alert.payload)
        if alert.kind == checks.ALERT:
            measured = self._measured(said["run"])
            facts = facts_of_exposure(measured, (), aware_by=self.by)
            return self._open(self._source("alert", measured, (), alert=entry), facts, changes, reason, again=again)
        stated = {
            "hint_at": alert.at.isoformat(),
            "evidence": {"hint_at": [f"entry {entry}"]},
            **_mapping(said.get("facts")),
        }
        facts = self.shaped(BreachFacts(), stated)
        look_up(self.ledger, named_in(facts))
        return self._open({"kind": "alert", "entry": entry}, facts, changes, reason, again=again)

    def open_report(self, facts: BreachFacts) -> Incident:
        """A breach that a person reports.

        Raises UsageRefused for facts that cannot be true, and for evidence that the ledger does not hold.
        """
        look_up(self.ledger, named_in(facts))
        return self._open({"kind": "report"}, facts)

    # Facts

    def correct(self, number: str, changes: Mapping[str, object], reason: str) -> Incident:
        """Puts these values in place of what was stated; what was stated stays in the ledger.

        Raises UsageRefused without reason, for an unknown breach, an unknown field, an impossible value, and for
        evidence that the ledger does not hold.
        """
        must_say_why(reason, _("A correction needs a reason."))
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            facts = self.shaped(told.facts, changes)
            must_follow_awareness(told, facts.aware_at)
            if "access" in changes:
                must_not_undo_proof(told, facts.access)
            look_up(self.ledger, named_in(facts, _mapping(changes.get("evidence"))), told)
            values = dumped(facts)
            stated = {name: values.get(name) for name in changes}
            if "evidence" in changes:
                stated["evidence"] = changes["evidence"]
            return self._write(writing, told, "corrected", {"facts": stated, "reason": reason})

    def refresh(self, number: str) -> Incident:
        """Looks at the checks made since the breach was opened: when one found every door closed, that is its end."""
        told = self.incident(number)
        opened = told.steps[0].payload["source"]
        places = [tuple(place) for place in _mapping(opened).get("places", ())]  # type: ignore[union-attr]
        every = self.runs()
        ended = closed_since(told.facts, every, places) if places else None
        if ended is None or told.facts.ended_at is not None or told.status is Status.CLOSED:
            return told
        entry = next(run.entry for run in every if run.started == ended)
        changes = {
            "ended_at": ended.isoformat(),
            "ongoing": False,
            "measures": [
                {"what": access_closed(), "at": ended.isoformat()},
                *_as_list(dumped(told.facts).get("measures")),
            ],
            "evidence": {
                "ended_at": [f"entry {entry}"],
                "ongoing": [f"entry {entry}"],
                "measures": [*told.facts.evidence.get("measures", ()), f"entry {entry}"],
            },
        }
        return self.correct(number, changes, reasons.found_closed(entry))

    def as_corrected(self, number: str, changes: Mapping[str, object], reason: str) -> Incident:
        """The breach as it would stand after this correction, which is not written. Raises as `correct` does."""
        try:
            with self.ledger.as_one() as ledger:
                raise _NotMeant(replace(self, ledger=ledger).correct(number, changes, reason))
        except _NotMeant as undone:
            return undone.told

    def examined(self, told: Incident, logs: Sequence[NamedLog], reader: LogReader) -> Examined:
        """What the access logs of this breach prove: they may be long, so nothing is written while they are read.

        Raises UsageRefused when a log cannot be read, or the breach is closed.
        """
        must_be_open(told)
        source = told.source
        services = ()
        if source.report_sha256:
            report = report_json.loads(self.ledger.attachment(source.report_sha256))
            services = exposed_services(report, source.findings)
        return reader.examined(logs, exposure_of(told, services, self.runs(), self.now()))

    def accessed(self, number: str, found: Examined) -> Incident:
        """What access logs prove becomes a fact, with the entry that shows it. Raises UsageRefused when closed."""
        told = self._step(number, "access", found.kept)
        changes = found.changes(told, told.last.entry)
        return self.correct(number, changes, reasons.logs_read()) if changes else told

    def attached(self, number: str, content: bytes, media_type: str, *, shows: str = "", reason: str = "") -> Incident:
        """Keeps a file with the breach, as evidence; the last step names its digest.

        `shows`: the fact that it is evidence of. Raises UsageRefused for an unknown fact, and as `correct` does.
        """
        if shows and shows not in FACT_NAMES:
            raise refused(shows[:40], _("there is no such fact"))
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            digest = writing.attach(content, media_type)
            payload = {"sha256": digest, "media_type": media_type, "bytes": len(content), "shows": shows}
            told = self._write(writing, told, "attached", payload)
        if not shows:
            return told
        shown = [*told.facts.evidence.get(shows, ()), f"entry {told.last.entry}", f"sha256:{digest}"]
        return self.correct(number, {"evidence": {shows: shown}}, reason or _("A file that shows it was attached."))

    # Judgement

    def assessed(self, number: str, assessment: Mapping[str, Any]) -> Incident:
        """Records an assessment (JSON values; it names its regime)."""
        return self._step(number, "assessed", assessment)

    def decide(
        self,
        number: str,
        duty: Duty,
        choice: Choice,
        reason: str,
        *,
        proposed: Choice,
        exemption: str = "",
        evidence: Sequence[str] = (),
        laws: Sequence[str] = (),
    ) -> Incident:
        """Records what a person decides about one duty, under `laws`; by default under every law that judges today.

        Raises UsageRefused without reason where it differs from the proposal or says no, and for an exemption of
        Art. 34(3) without evidence, or with another decision than not to tell the persons.
        """
        if choice != proposed or choice == "no":
            must_say_why(reason, _("A decision against the proposal, or not to tell, needs a reason."))
        if not all(REFERENCE.fullmatch(ref) for ref in evidence):
            raise refused("evidence", _("evidence is an entry of the ledger (entry 12) or a digest (sha256:…)"))
        if exemption:
            must_spare_persons(duty, choice)
        told = self.incident(number)
        look_up(self.ledger, evidence, told)
        if duty == "communicate" and choice == "no":
            must_not_be_ordered(told)
        if exemption:
            evidence = self._exempted(told, exemption, evidence)
        if duty == "document" and choice != "yes":
            raise UsageRefused(
                "register-always",
                _("Every breach is documented, whatever its gravity (Article 33(5))."),
                _("Decide on “notify” or “communicate”."),
            )
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            payload = {
                "duty": duty,
                "choice": choice,
                "reason": reason,
                "proposed": proposed,
                "exemption": exemption,
                "evidence": list(evidence),
                "laws": list(laws or told.laws),
            }
            return self._write(writing, told, "decided", payload)

    def _exempted(self, told: Incident, ground: str, evidence: Sequence[str]) -> tuple[str, ...]:
        """The evidence that carries an exemption. Raises UsageRefused when the facts or the evidence do not."""
        if ground not in get_args(Ground):
            raise UsageRefused(
                "exemption-without-evidence",
                _("An exemption of Article 34(3) is one of (a), (b) and (c), and holds only with its evidence."),
                _("Name what shows it with --evidence: an entry of the ledger or the digest of a file."),
            )
        found = exemption_of(cast("Ground", ground), told.facts, evidence)
        look_up(self.ledger, found.evidence, told)
        return found.evidence

    # Telling

    def notified(
        self,
        number: str,
        stage: Stage,
        *,
        regime: str,
        authority: str,
        filed_at: datetime,
        reference: str = "",
        delay_reason: str = "",
        sheet: bytes = b"",
        media_type: str = "application/json",
        still_open: Sequence[str] = (),
        bundle: Sequence[Bundled] = (),
    ) -> Incident:
        """Records a notification that the person filed with the authority; lightproof itself files nothing.

        `bundle`: like breaches that the same notice told of; each keeps its own row, deadline and sheet.
        Raises UsageRefused for an instant that cannot be, while nobody has stated the awareness, for a late one by the
        facts as they stand without reasons (Art. 33(1)), for a
        supplementary one without an initial one or an initial one after another, for a closed breach, and for
        bundled breaches that are not alike.
        """
        if filed_at > self.now():
            raise refused("filed_at", _("this instant is in the future"))
        with self.ledger.writing() as writing:
            # Read where nobody else can write: of two who record the first notice at once, one comes second.
            first = self.incident(number)
            covered = [Bundled(number, sheet, still_open), *bundle]
            after: list[Incident] = []
            for one in covered:
                told = self.incident(one.number)
                must_be_open(told)
                must_be_alike(first, told)
                must_be_aware(told)
                must_be_in_order(told, stage, regime, filed_at)
                deadline = deadline_under(told, regime)
                if not filed_under(told, regime) and deadline is not None and filed_at > deadline:
                    must_be_explained(delay_reason)
                payload = {
                    "stage": stage,
                    "regime": regime,
                    "authority": authority,
                    "filed_at": _utc(filed_at),
                    "reference": reference,
                    "delay_reason": delay_reason,
                    "sheet_sha256": writing.attach(one.sheet, media_type) if one.sheet else "",
                    "still_open": list(one.still_open),
                    "bundled": [other.number for other in covered if other.number != one.number],
                }
                after.append(self._write(writing, told, "notified", payload))
            return after[0]

    def explained(self, number: str, regime: str, reason: str) -> Incident:
        """Records why the notice of this law is late, where that shows, or is told, only after it was filed.

        Raises UsageRefused without reason, where no notice of this law is late, and for a closed breach.
        """
        must_be_explained(reason)
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            must_be_late(told, regime)
            return self._write(writing, told, "explained", {"regime": regime, "reason": reason})

    def ordered(self, number: str, at: datetime, what: str) -> Incident:
        """Records that the authority ordered the persons to be told (Art. 34(4)): that duty is open again.

        Raises UsageRefused for an instant that cannot be, without words, and for a closed breach.
        """
        if at > self.now():
            raise refused("ordered", _("this instant is in the future"))
        fix = _("Say with --reason what the authority ordered, and under which number.")
        must_say_why(what, _("An order needs its words."), fix)
        return self._step(number, "ordered", {"at": _utc(at), "what": what})

    def communicated(
        self,
        number: str,
        means: Sequence[str],
        *,
        at: datetime,
        count: int | None,
        letters: Sequence[bytes] = (),
        delivery: Delivery | None = None,
    ) -> Incident:
        """Records that persons were told, how many and how; never who (Art. 34).

        `letters`: the text of each, without names. `delivery`: what a list of persons shows of their number.
        Raises UsageRefused for an instant that cannot be, and for a closed breach.
        """
        if at > self.now():
            raise refused("sent", _("this instant is in the future"))
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            if told.facts.aware_at is not None and at < told.facts.aware_at:
                raise refused("sent", _("nobody can tell persons of a breach before being aware of it"))
            payload = {
                "means": list(means),
                "count": count,
                "at": _utc(at),
                "letters_sha256": [writing.attach(letter, "text/plain") for letter in letters],
                "by_means": dict(delivery.means) if delivery else {},
                "not_reached": delivery.not_reached if delivery else None,
                "list_digest": delivery.list_digest if delivery else "",
            }
            return self._write(writing, told, "communicated", payload)

    def alerted(
        self, number: str, hours_before: int, deadline: datetime, sent: Sequence[str], failed: Sequence[str] = ()
    ) -> Incident:
        """Records that the clock's alert at so many hours before this deadline went out, and where it could not."""
        return self._step(number, "alerted", _attempt(hours_before, deadline, sent, failed))

    def reminded(
        self, number: str, law: str, remind_at: datetime, sent: Sequence[str], failed: Sequence[str] = ()
    ) -> Incident:
        """Records that the reminder of what a notice under this law left open went out, and where it could not."""
        return self._step(number, "alerted", {"follows_up": law, **_attempt(0, remind_at, sent, failed)})

    # The end

    def close(self, number: str, reason: str) -> Incident:
        """Closes the file. Raises UsageRefused without reason, and while a duty that was decided is not done."""
        must_say_why(reason, _("Closing a breach, or opening it again, needs a reason."))
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            must_be_decided_anew(told)
            for duty in ("notify", "communicate"):
                if told.decisions.get(duty) is None:
                    raise UsageRefused(
                        "decision-missing",
                        _("Nobody has decided about “{duty}” yet.").format(duty=duty),
                        _("Decide with “lightproof breach assess {number} --decide {duty}=yes|no --reason …”.").format(
                            number=number, duty=duty
                        ),
                    )
            untold = ", ".join(f"{duty.authority} ({duty.law})" for duty in pending(told))
            if untold:
                raise UsageRefused(
                    "duty-not-done",
                    _("“{duty}” was decided, and nothing says that it was done: {authorities}.").format(
                        duty="notify", authorities=untold
                    ),
                    _("Record it (“lightproof breach notify --regime … --filed …”), or decide anew."),
                )
            must_have_no_unexplained_delay(told)
            if told.persons_untold:
                raise UsageRefused(
                    "duty-not-done",
                    _("“{duty}” was decided, and nothing says that it was done.").format(duty="communicate"),
                    _("Record it (“lightproof breach letter --sent …”), or decide anew."),
                )
            if told.facts.ongoing:
                raise UsageRefused(
                    "breach-ongoing",
                    _("The facts still say that the breach is going on."),
                    _("Close the access, run “lightproof check” again, then “lightproof breach show {number}”.").format(
                        number=number
                    ),
                )
            return self._write(writing, told, "closed", {"reason": reason})

    def reopen(self, number: str, reason: str) -> Incident:
        """Opens a closed file again. Raises UsageRefused without reason, and for one that is open."""
        must_say_why(reason, _("Closing a breach, or opening it again, needs a reason."))
        with self.ledger.writing() as writing:
            told = self.incident(number)
            if told.status is not Status.CLOSED:
                raise UsageRefused(
                    "breach-not-closed",
                    _("Breach {number} is not closed: there is nothing to open again.").format(number=told.id),
                    _("Go on with it: “lightproof breach show {number}” says what comes next.").format(number=told.id),
                )
            return self._write(writing, told, "reopened", {"reason": reason})

    def erase(self, number: str, reason: str) -> None:
        """Takes a closed breach away for good, when its time in the register is over (GDPR Art. 5(1)(e)).

        Entries keep their hashes, times and kinds, so that the ledger still verifies; one more entry says what was
        erased, by whom and why. Raises UsageRefused without reason, and for a breach that is not closed.
        """
        told = self.incident(number)
        must_say_why(reason, _("An erasure needs a reason."), _("Say why with --reason: only that stays."))
        if told.status is not Status.CLOSED:
            raise UsageRefused(
                "breach-not-closed",
                _("Breach {number} is not closed: it cannot be erased.").format(number=told.id),
                _("Close it first: “lightproof breach close {number} --reason …”.").format(number=told.id),
            )
        self.ledger.erase(
            [step.entry for step in told.steps],
            f"{told.id}: {reason}",
            principal=self.by,
            along=lambda connection: register.drop(connection, told.id),
        )

    # Reading

    def incident(self, number: str) -> Incident:
        """The breach with this number. Raises UsageRefused when there is none."""
        entries = list(self.ledger.entries(subject=SUBJECT + number))
        if not entries:
            raise UsageRefused(
                "breach-unknown",
                _("There is no breach “{number}” in the register.").format(number=number[:20]),
                _("“lightproof breach list” shows those there are."),
            )
        return incident(entries)

    def opened_from(self, told: Incident) -> Measured | None:
        """The check from which this breach was opened, with those before it; None when none was."""
        opened = told.steps[0].entry
        every = tuple(run for run in self.runs() if run.entry < opened)
        run = next((run for run in reversed(every) if run.report_sha256 == told.source.report_sha256), None)
        if run is None:
            return None
        return Measured(run=run, report=report_json.loads(self.ledger.attachment(run.report_sha256)), runs=every)

    def runs(self) -> tuple[Run, ...]:
        """Every finished check of the ledger, in order."""
        return checks.runs(self.ledger.entries(subject=checks.SUBJECT, kind=checks.FINISHED))

    def _measured(self, run_entry: int | None) -> Measured:
        every = self.runs()
        run = next((run for run in reversed(every) if run_entry in (None, run.entry)), None)
        if run is None:
            raise UsageRefused(
                "check-unknown",
                _("The ledger holds no such check."),
                _("Run “lightproof check” first: what it finds is kept for the breach that it may show."),
            )
        report = report_json.loads(self.ledger.attachment(run.report_sha256))
        return Measured(run=run, report=report, runs=every)

    def _source(
        self, kind: str, measured: Measured, findings: Sequence[str], *, alert: int | None = None
    ) -> dict[str, object]:
        services = exposed_services(measured.report, findings)
        return {
            "kind": kind,
            "entry": measured.run.entry if alert is None else alert,
            "findings": list(findings) or sorted({number for service in services for number in service.findings}),
            "report_sha256": measured.run.report_sha256,
            "places": [[service.address, service.port, service.transport] for service in services],
        }

    # Writing

    def _open(
        self,
        source: Mapping[str, object],
        facts: BreachFacts,
        changes: Mapping[str, object] | None = None,
        reason: str = "",
        *,
        again: bool = True,
    ) -> Incident:
        """Opened, and corrected at once by what a person states: both, or neither."""
        with self.ledger.as_one() as ledger:
            inside = replace(self, ledger=ledger)
            if not again:
                inside._must_be_new(source)
            told = inside._opened(source, facts)
            if not changes:
                return told
            must_explain_later_awareness(facts, self.shaped(facts, changes), reason)
            return inside.correct(told.id, changes, reason if reason.strip() else reasons.stated_at_opening())

    def _must_be_new(self, source: Mapping[str, object]) -> None:
        """Raises UsageRefused when a breach that is open was opened from the same exposure, or the same alert."""
        for entry in self.ledger.entries(under=SUBJECT, kind="breach.opened"):
            if not from_the_same(source, _mapping(entry.payload["source"])):
                continue
            told = self.incident(entry.subject.removeprefix(SUBJECT))
            came_back = told.facts.ended_at is not None and told.source.report_sha256 != source.get("report_sha256", "")
            if told.status is not Status.CLOSED and not came_back:
                raise UsageRefused(
                    "breach-open-already",
                    _("Breach {number} is open already, from the same exposure or alert.").format(number=told.id),
                    _("Go on with it: “lightproof breach show {number}”. Is it another breach? Add --again.").format(
                        number=told.id
                    ),
                )

    def _opened(self, source: Mapping[str, object], facts: BreachFacts) -> Incident:
        """The first entry of a breach, with its number. Raises UsageRefused for facts that cannot be true."""
        check_facts(facts, now=self.now())
        with self.ledger.writing() as writing:
            number = register.next_number(writing, self.now().year)
            payload = {"source": source, "facts": dumped(facts), "regimes": list(self.regimes)}
            opened = writing.append("breach.opened", SUBJECT + number, payload, principal=self.by)
            told = incident([opened])
            register.put(writing.connection, register.line_of(told))
            return told

    def _step(self, number: str, what: str, payload: Mapping[str, Any]) -> Incident:
        with self.ledger.writing() as writing:
            told = self.incident(number)
            must_be_open(told)
            return self._write(writing, told, what, payload)

    def _write(self, writing: Writing, told: Incident, what: str, payload: Mapping[str, Any]) -> Incident:
        added = writing.append(f"breach.{what}", SUBJECT + told.id, payload, principal=self.by)
        after = incident([*self.ledger.entries(subject=SUBJECT + told.id), added])
        register.put(writing.connection, register.line_of(after))
        return after

    def shaped(self, facts: BreachFacts, changes: Mapping[str, object]) -> BreachFacts:
        """The facts with these changes. Raises UsageRefused naming the field that cannot be."""
        try:
            shaped = corrected(facts, changes)
        except ValidationError as error:
            raise refusal_of(error) from error
        check_facts(shaped, now=self.now())
        return shaped


def _attempt(hours_before: int, at: datetime, sent: Sequence[str], failed: Sequence[str]) -> dict[str, object]:
    """One attempt at one alert or reminder, as an entry holds it."""
    return {"hours_before": hours_before, "deadline": _utc(at), "sent": list(sent), "failed": list(failed)}


class _NotMeant(Exception):
    """Undoes what was written to see where it would lead."""

    def __init__(self, told: Incident) -> None:
        super().__init__()
        self.told = told


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # type: ignore[return-value]


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else []  # type: ignore[arg-type]


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
