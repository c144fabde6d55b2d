"""What must hold before a step of a breach is written. Each guard raises UsageRefused, and does nothing else."""

from datetime import datetime

from lightproof.breach.facts import Access, refused
from lightproof.breach.incident import Incident, Stage, Status
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
    """What was filed or sent on record shows awareness: it cannot be moved after that."""
    done = [*(filed.filed_at for filed in told.notifications), *(sent.at for sent in told.communications)]
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
