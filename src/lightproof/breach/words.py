"""Words for people: the names of facts, of their values, of duties, steps and states, in the current language."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from lightproof.breach.facts import Measure, OtherBody, Range
from lightproof.breach.incident import Communicated, Decided, Notified, Status
from lightproof.documents import wording
from lightproof.law.countries import country_name
from lightproof.law.forms import form
from lightproof.law.regimes import shipped
from lightproof.locale import gettext as _
from lightproof.locale import ngettext

Said = Callable[[], str]


def duty_word(duty: str) -> str:
    """One of the three questions."""
    return _spoken(_DUTIES, duty)


def choice_word(choice: str) -> str:
    """Yes, no, or not known yet."""
    return _spoken(_CHOICES, choice)


def status_word(status: Status | str) -> str:
    """Where the procedure stands."""
    return _spoken(_STATUSES, str(status))


def level_word(level: str) -> str:
    """A level of severity (ENISA)."""
    return _spoken(_LEVELS, level)


def step_word(what: str) -> str:
    """A step of a breach's life."""
    return _spoken(_STEPS, what)


def means_word(means: str) -> str:
    """A way in which persons were told."""
    return _spoken(_MEANS, means)


def outgrown_text(decided: Decided) -> str:
    """Why a decision holds no more."""
    if decided.exemption:
        said = _(
            "Decide again: {who} relied on Article {article} on {when}; the facts do not carry it now, or are graver."
        )
    else:
        said = _("Decide again: the facts are graver than when {who} decided “{choice}” on {when}.")
    return said.format(
        who=decided.by,
        article=decided.exemption,
        choice=choice_word(decided.choice),
        when=wording.instant(decided.at),
    )


def delivery_text(sent: Communicated) -> str:
    """How many persons a communication reached, and how."""
    ways = [f"{means_word(means)} {wording.number(n)}" for means, n in sent.by_means.items()]
    parts = [", ".join(ways or map(means_word, sent.means))]
    if sent.count is not None:
        parts.append(ngettext("{n} person told", "{n} persons told", sent.count).format(n=wording.number(sent.count)))
    if sent.not_reached:
        parts.append(_("not reached: {n}").format(n=wording.number(sent.not_reached)))
    return "; ".join(parts)


def fact_name(name: str) -> str:
    """The name of a fact."""
    return _spoken(_FACTS, name)


def fact_text(name: str, value: object) -> str:
    """The value of a fact (JSON), in words."""
    match value:
        case bool():
            return _("yes") if value else _("no")
        case int():
            return wording.number(value)
        case str() if name.endswith("_at"):
            return wording.instant(datetime.fromisoformat(value))
        case str() if name in _COUNTRIES:
            return country_name(value)
        case str() if name in _OPTIONS:
            return _option_text(name, value)
        case str():
            return _spoken(_VALUES, value)
        case list():
            return _between(name).join(fact_text(name, part) for part in cast("list[object]", value))
        case dict():
            return _mapping_text(cast("Mapping[str, Any]", value))
        case _:
            return str(value)


def range_text(value: Range) -> str:
    """A number as it is known, with the way it was found."""
    low, high = wording.number(value.at_least), None if value.at_most is None else wording.number(value.at_most)
    if high is None:
        told = _("at least {low}").format(low=low)
    elif high == low:
        told = low
    else:
        told = _("between {low} and {high}").format(low=low, high=high)
    found = _("estimated") if value.estimated else _("counted")
    if value.method:
        found = _("{found}: {method}").format(found=found, method=value.method)
    return f"{told} ({found})"


def measure_text(measure: Measure) -> str:
    """Something done or to be done, with its date and who does it."""
    what = measure.what if not measure.owner else f"{measure.what} ({measure.owner})"
    when = wording.instant(measure.at) if measure.at is not None else ""
    if measure.planned:
        if when:
            return _("Planned for {when}: {what}").format(when=when, what=what)
        return _("Planned: {what}").format(what=what)
    return _("{when}: {what}").format(when=when, what=what) if when else what


def body_text(body: OtherBody) -> str:
    """Another organisation, and when it told us or was told."""
    parts = [part for part in (body.name, body.role, body.contact) if part]
    if body.informed_at is not None:
        parts.append(_("informed on {when}").format(when=wording.instant(body.informed_at)))
    return ", ".join(parts)


def law_name(regime_id: str) -> str:
    """The name of a law; of one that is not shipped any more, its id."""
    law = shipped(regime_id)
    return str(law.title) if law else regime_id


def authority_name(filed: Notified) -> str:
    """The authority that took a notice; as it was recorded where its law is not shipped any more."""
    law = shipped(filed.regime)
    return str(law.authority.name) if law else filed.authority


def stage_word(stage: str) -> str:
    """Which notice: the first, one that adds to it, or the whole at once."""
    return _spoken(_STAGES, stage)


def _mapping_text(value: Mapping[str, Any]) -> str:
    """A fact of several parts: each kind is told by a key that it alone has."""
    if "at_least" in value:
        return range_text(Range.model_validate(value, strict=False))
    if "what" in value:
        return measure_text(Measure.model_validate(value, strict=False))
    if "role" in value:
        return body_text(OtherBody.model_validate(value, strict=False))
    if "steps" in value:
        return f"{value['steps']:+d} ({value['reason']})"
    parts = [fact_text(name, part) for name, part in value.items() if not isinstance(part, bool)]
    parts += [_spoken(_SOUND, name) for name, part in value.items() if part is True]
    return ", ".join(parts)


def _between(name: str) -> str:
    """What parts the values of a list: sentences are not run together with commas."""
    return "\n" if name in _ONE_A_LINE else ", "


def _option_text(name: str, key: str) -> str:
    for field in _OPTIONS[name]:
        for option in form().field(field).options:
            if option.key == key:
                return str(option.label)
    return key


def _spoken(words: Mapping[str, Said], word: str) -> str:
    said = words.get(word)
    return said() if said else word


_COUNTRIES: Final = frozenset({"country", "other_countries", "third_countries"})
_ONE_A_LINE: Final = frozenset(
    {"systems", "measures", "prior_measures", "missing_measures", "others", "other_bodies", "data_context"}
)
_OPTIONS: Final = {"effects": ("conf_effects", "int_effects", "avail_effects"), "harms": ("harms",)}
"""Fact -> the questions of the form whose options are its values."""
_SOUND: Final[Mapping[str, Said]] = {
    "state_of_the_art": lambda: _("by a method held sound today"),
    "own_information": lambda: _("from what it had learnt elsewhere"),
}
_STAGES: Final[Mapping[str, Said]] = {
    "initial": lambda: _("initial notification"),
    "supplementary": lambda: _("supplementary notification"),
    "complete": lambda: _("complete notification"),
}
_DUTIES: Final[Mapping[str, Said]] = {
    "document": lambda: _("Keep it in the register?"),
    "notify": lambda: _("Tell the authority?"),
    "communicate": lambda: _("Tell the persons?"),
}
_CHOICES: Final[Mapping[str, Said]] = {
    "yes": lambda: _("yes"),
    "no": lambda: _("no"),
    "undetermined": lambda: _("not known yet"),
}
_STATUSES: Final[Mapping[str, Said]] = {
    "open": lambda: _("open"),
    "assessed": lambda: _("assessed"),
    "notified": lambda: _("notified"),
    "closed": lambda: _("closed"),
}
_LEVELS: Final[Mapping[str, Said]] = {
    "low": lambda: _("low"),
    "medium": lambda: _("medium"),
    "high": lambda: _("high"),
    "very high": lambda: _("very high"),
}
_STEPS: Final[Mapping[str, Said]] = {
    "opened": lambda: _("opened"),
    "corrected": lambda: _("corrected"),
    "assessed": lambda: _("assessed"),
    "decided": lambda: _("decided"),
    "notified": lambda: _("notified"),
    "explained": lambda: _("delay explained"),
    "communicated": lambda: _("persons told"),
    "access": lambda: _("access logs read"),
    "ordered": lambda: _("ordered by the authority"),
    "attached": lambda: _("evidence attached"),
    "alerted": lambda: _("alert sent"),
    "closed": lambda: _("closed"),
    "reopened": lambda: _("opened again"),
}
_MEANS: Final[Mapping[str, Said]] = {
    "post": lambda: _("post"),
    "email": lambda: _("e-mail"),
    "sms": lambda: _("text message"),
    "phone": lambda: _("telephone"),
    "public_notice": lambda: _("public notice"),
    "other": lambda: _("other means"),
}
_FACTS: Final[Mapping[str, Said]] = {
    "title": lambda: _("Title"),
    "description": lambda: _("What happened"),
    "confidentiality": lambda: _("Read by others"),
    "integrity": lambda: _("Altered"),
    "availability": lambda: _("Lost or out of reach"),
    "data": lambda: _("Kinds of data"),
    "sensitive": lambda: _("Sensitive data"),
    "data_context": lambda: _("What makes the data graver or lighter"),
    "identifiability": lambda: _("How directly they name a person"),
    "intelligibility": lambda: _("Protection of the data"),
    "records": lambda: _("Records"),
    "persons": lambda: _("Persons"),
    "person_kinds": lambda: _("Kinds of persons"),
    "media": lambda: _("Held on"),
    "systems": lambda: _("Systems"),
    "origin": lambda: _("Origin"),
    "cause": lambda: _("Cause"),
    "malicious": lambda: _("Meant to harm"),
    "recipients": lambda: _("Who could have them"),
    "access": lambda: _("Access by strangers"),
    "recovery": lambda: _("What became of them"),
    "integrity_effect": lambda: _("What became of altered data"),
    "availability_effect": lambda: _("What became of lost data"),
    "care": lambda: _("Effect on care"),
    "started_at": lambda: _("Began"),
    "ended_at": lambda: _("Ended"),
    "ongoing": lambda: _("Still going on"),
    "hint_at": lambda: _("First sign"),
    "filed_at": lambda: _("Notification filed"),
    "sent_at": lambda: _("Persons told"),
    "aware_at": lambda: _("Aware since"),
    "aware_basis": lambda: _("How one became aware"),
    "aware_by": lambda: _("Who became aware"),
    "internal_messages_at": lambda: _("Older internal messages"),
    "discovery": lambda: _("How it was found"),
    "role": lambda: _("Role of the organisation"),
    "controller_kind": lambda: _("Kind of organisation"),
    "country": lambda: _("Country"),
    "other_countries": lambda: _("Persons in other countries"),
    "third_countries": lambda: _("Persons outside the Union"),
    "lead_authority": lambda: _("Lead authority"),
    "others": lambda: _("Processors and joint controllers"),
    "other_bodies": lambda: _("Others that were told"),
    "revealed_by_authority": lambda: _("Revealed by the authority"),
    "prior_measures": lambda: _("Measures in place"),
    "missing_measures": lambda: _("Measures that were missing"),
    "measures": lambda: _("Measures taken or planned"),
    "effects": lambda: _("Likely consequences"),
    "harms": lambda: _("Harms to persons"),
    "risk_removed": lambda: _("How the high risk was removed"),
    "disproportionate_effort": lambda: _("Why each person cannot be told"),
    "evidence": lambda: _("Evidence"),
}
_VALUES: Final[Mapping[str, Said]] = {
    "presumed": lambda: _("presumed"),
    "established": lambda: _("established"),
    "civil_status": lambda: _("civil status (name, birth date)"),
    "nir_social_security_number": lambda: _("social security number"),
    "contact": lambda: _("contact details"),
    "identification_or_access": lambda: _("identifiers and passwords"),
    "financial_economic": lambda: _("financial data"),
    "official_documents": lambda: _("official documents"),
    "location": lambda: _("location"),
    "offences_convictions": lambda: _("offences and convictions"),
    "racial_ethnic": lambda: _("racial or ethnic origin"),
    "political": lambda: _("political opinions"),
    "philosophical_religious": lambda: _("philosophical or religious beliefs"),
    "union": lambda: _("trade union membership"),
    "sexual_orientation": lambda: _("sexual orientation"),
    "health": lambda: _("health"),
    "biometric": lambda: _("biometric data"),
    "genetic": lambda: _("genetic data"),
    "employees": lambda: _("employees"),
    "users": lambda: _("users"),
    "members": lambda: _("members"),
    "students": lambda: _("students"),
    "customers": lambda: _("customers"),
    "patients": lambda: _("patients"),
    "minors": lambda: _("minors"),
    "vulnerable": lambda: _("vulnerable persons"),
    "military": lambda: _("military staff"),
    "server": lambda: _("server"),
    "desktop": lambda: _("desktop computer"),
    "laptop": lambda: _("laptop"),
    "backup_disk": lambda: _("backup disk"),
    "usb": lambda: _("USB stick"),
    "phone": lambda: _("telephone"),
    "paper": lambda: _("paper"),
    "device_lost_or_stolen": lambda: _("device lost or stolen"),
    "paper_lost_stolen_or_left_open": lambda: _("paper lost, stolen or left in view"),
    "mail_lost_or_opened": lambda: _("mail lost or opened"),
    "hacking_malware_phishing": lambda: _("hacking, malware or phishing"),
    "paper_discarded_undestroyed": lambda: _("paper thrown away undestroyed"),
    "device_discarded_unwiped": lambda: _("device thrown away unwiped"),
    "unintended_publication": lambda: _("unintended publication"),
    "wrong_persons_data_shown_on_portal": lambda: _("someone else's data shown on a portal"),
    "sent_to_wrong_recipient": lambda: _("sent to a wrong recipient"),
    "oral_disclosure": lambda: _("told aloud"),
    "internal_malicious": lambda: _("from inside, on purpose"),
    "internal_accidental": lambda: _("from inside, by accident"),
    "external_malicious": lambda: _("from outside, on purpose"),
    "external_accidental": lambda: _("from outside, by accident"),
    "other": lambda: _("other"),
    "unknown_for_now": lambda: _("unknown for now"),
    "unknown": lambda: _("unknown"),
    "not_linkable": lambda: _("not without a key kept elsewhere"),
    "images_only": lambda: _("images without a name"),
    "number_only": lambda: _("patient's number without a name"),
    "name": lambda: _("by name"),
    "name_and_birth_date": lambda: _("by name and birth date"),
    "none": lambda: _("none"),
    "encrypted": lambda: _("encrypted"),
    "hashed": lambda: _("hashed"),
    "pseudonymised": lambda: _("pseudonymised"),
    "safe": lambda: _("key safe"),
    "with_the_data": lambda: _("key with the data"),
    "internal": lambda: _("colleagues"),
    "known_trusted": lambda: _("known and trusted"),
    "known": lambda: _("known"),
    "public": lambda: _("anyone"),
    "malicious": lambda: _("someone who means harm"),
    "recovered": lambda: _("recovered"),
    "deletion_confirmed": lambda: _("deletion confirmed"),
    "proved": lambda: _("proved"),
    "proved_none": lambda: _("proved that there was none"),
    "recovered_unused": lambda: _("put right before any use"),
    "recoverable": lambda: _("can be put right"),
    "not_recoverable": lambda: _("cannot be put right"),
    "without_difficulty": lambda: _("recovered without difficulty"),
    "temporary": lambda: _("out of reach for a time"),
    "lost": lambda: _("lost for good"),
    "delayed": lambda: _("delayed"),
    "endangered": lambda: _("endangered"),
    "controller": lambda: _("controller"),
    "joint_controller": lambda: _("joint controller"),
    "processor": lambda: _("processor"),
    "individual_doctor": lambda: _("doctor in practice alone"),
    "group_practice": lambda: _("group practice"),
    "imaging_centre": lambda: _("imaging centre"),
    "hospital": lambda: _("hospital"),
    "provider": lambda: _("IT provider"),
}
