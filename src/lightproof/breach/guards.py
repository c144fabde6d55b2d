"""What must hold before a step of a breach is written. Each guard raises UsageRefused, and does nothing else."""

from datetime import datetime

from lightproof.breach.facts import Access, BreachFacts, refused
from lightproof.breach.incident import Incident, Stage, Status
from lightproof.breach.lateness import late_filings
from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _


def filed_under(told: Incident, regime: str) -> bool:
    """Whether a notice under this law is on record."""
    return any(filed.regime == regime for filed in told.notifications)


def must_be_explained(delay_reason: str) -> None:
    """A late notice says why."""
    if not delay_reason.strip():
        raise UsageRefused(
            "delay-unexplained",
            _("This notification is late: it must say why (Article 33(1))."),
            _("Give the reasons with --delay-reason; they are part of the notification."),
        )


def must_have_no_unexplained_delay(told: Incident) -> None:
    """A file does not end while the law still wants the reasons for a late notice."""
    for late in late_filings(told):
        if not late.reasons:
            raise UsageRefused(
                "delay-unexplained",
                _("The notice to {authority} was late, and nothing says why (Article 33(1)).").format(
                    authority=late.filed.authority
                ),
                _("Give the reasons: “lightproof breach notify {number} --regime {law} --explain-delay …”.").format(
                    number=told.id, law=late.law
                ),
            )


def must_be_late(told: Incident, regime: str) -> None:
    """Only a late notice is explained."""
    if all(late.law != regime for late in late_filings(told)):
        raise UsageRefused(
            "delay-none",
            _("No notice under “{law}” is on record as late: there is no delay to explain.").format(law=regime[:40]),
            _("“lightproof breach show {number}” says what was filed, and when; --regime names the law.").format(
                number=told.id
            ),
        )


def must_be_aware(told: Incident) -> None:
    """Whoever notifies is aware; without the instant nobody can say whether the notice is late."""
    if told.facts.aware_at is None:
        raise UsageRefused(
            "awareness-unknown",
            _("Nobody has stated when you became aware of {number}: whether its notice is late cannot be told.").format(
                number=told.id
            ),
            _("State it first: “lightproof breach assess {number} --set aware_at=… --reason …”.").format(
                number=told.id
            ),
        )


def must_explain_later_awareness(measured: BreachFacts, stated: BreachFacts, reason: str) -> None:
    """Awareness is the instant of the finding; moving it later, or away, takes a reason (AZOP, 13 September 2024)."""
    before, after = measured.aware_at, stated.aware_at
    if before is not None and (after is None or after > before):
        must_say_why(reason, _("You were aware once the finding was there: a later instant needs a reason."))


def must_say_why(reason: str, cause: str, fix: str = "") -> None:
    """What stays in the register says why. `cause`: what needs a reason; `fix`: where the usual one does not fit."""
    if not reason.strip():
        raise UsageRefused(
            "reason-missing", cause, fix or _("Say why with --reason: whoever reads the register later will ask.")
        )


def must_be_in_order(told: Incident, stage: Stage, regime: str, filed_at: datetime) -> None:
    """A notice comes after awareness, and in its place among those of its law."""
    if told.facts.aware_at is not None and filed_at < told.facts.aware_at:
        raise refused("filed_at", _("nobody can notify a breach before being aware of it"))
    first = not filed_under(told, regime)
    if first and stage == "supplementary":
        raise UsageRefused(
            "initial-missing",
            _("There is no initial notification to add to."),
            _("Record the initial one first: --stage initial."),
        )
    if not first and stage == "initial":
        raise UsageRefused(
            "initial-twice",
            _("The initial notification is on record already."),
            _("Add to it: --stage supplementary, or complete."),
        )


def must_follow_awareness(told: Incident, aware_at: datetime | None) -> None:
    """What was filed or sent on record shows awareness: it can be moved neither after that, nor away."""
    done = [*(filed.filed_at for filed in told.notifications), *(sent.at for sent in told.communications)]
    if aware_at is None and told.facts.aware_at is not None and done:
        raise refused("aware_at", _("a notice or a letter is on record: whoever sent it was aware"))
    if aware_at is not None and done and aware_at > min(done):
        raise refused("aware_at", _("a notice or a letter on record is older: whoever sent it was aware"))


def must_not_undo_proof(told: Incident, access: Access) -> None:
    """What logs prove, no word takes back: it is the other way round that a fact is shown."""
    if told.proved_by is not None and access is not Access.PROVED:
        raise UsageRefused(
            "access-proved",
            _(
                "Access logs prove that strangers were given data (ledger entry {entry}): a word does not undo it."
            ).format(entry=told.proved_by),
            _("If those visitors were your own, read the same logs again and name their addresses: --log … --own …"),
        )


def must_be_open(told: Incident) -> None:
    """Nothing is added to a closed file."""
    if told.status is Status.CLOSED:
        raise UsageRefused(
            "breach-closed",
            _("Breach {number} is closed.").format(number=told.id),
            _("Open it again: “lightproof breach close {number} --reopen --reason …”.").format(number=told.id),
        )


def must_be_decided_anew(told: Incident) -> None:
    """A decision that the facts outgrew ends nothing."""
    for decided in told.outgrown:
        raise UsageRefused(
            "decision-outgrown",
            _("The facts are graver than when “{duty}” was decided, or its exemption does not hold any more.").format(
                duty=decided.duty
            ),
            _("Decide again: “lightproof breach assess {number} --decide {duty}=yes|no --reason …”.").format(
                number=told.id, duty=decided.duty
            ),
        )


def must_be_alike(told: Incident, other: Incident) -> None:
    """One notice covers several breaches of the same cause and the same data (WP250 rev.01, II.B.3)."""
    for name in ("origin", "cause", "data", "sensitive"):
        if set(getattr(told.facts, name)) != set(getattr(other.facts, name)):
            raise UsageRefused(
                "breaches-unlike",
                _("Breaches {one} and {other} are not alike: {fact}.").format(one=told.id, other=other.id, fact=name),
                _("One notice covers several breaches only of the same cause and the same data: notify each."),
            )


def must_not_be_ordered(told: Incident) -> None:
    """What the authority ordered (Art. 34(4)) nobody decides against."""
    if told.ordered is not None:
        raise UsageRefused(
            "ordered-by-authority",
            _("The authority ordered that the persons be told (ledger entry {entry}).").format(
                entry=told.ordered.entry
            ),
            _("Tell them: “lightproof breach letter {number}”.").format(number=told.id),
        )


def must_spare_persons(duty: str, choice: str) -> None:
    """An exemption of Art. 34(3) goes with one decision: not to tell the persons."""
    if (duty, choice) != ("communicate", "no"):
        raise UsageRefused(
            "exemption-misplaced",
            _("An exemption of Article 34(3) spares telling the persons, and nothing else."),
            _("Write it with --decide communicate=no, or leave --exemption out."),
        )
