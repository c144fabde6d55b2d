"""Answers to the questions of the form, from what is known of a breach. Pure.

Rules of this file:
- an answer comes from the facts with their evidence, from the settings, or from the steps of the ledger;
- what the law or the kind of event suggests is a proposal, and says so;
- a question without answer stays without; one that has no object here says why.
"""

from collections.abc import Mapping

from lightproof.breach.answers import Answer, Contact, Value
from lightproof.breach.asked import FACTS_BEHIND, Asked, instant, keys, natures_of, said, source_of
from lightproof.breach.facts import BreachFacts, Certainty, ControllerKind, PersonKind
from lightproof.breach.telling import communication, consequences, elsewhere
from lightproof.breach.words import body_text, fact_name, measure_text
from lightproof.locale import gettext as _
from lightproof.storage.settings import Organisation, Person


def answers(asked: Asked) -> Mapping[str, Answer]:
    """Question -> answer, for every question of the form."""
    return {
        **_type(asked),
        **_organisation(asked),
        **_dates(asked),
        **_breach(asked),
        **_persons(asked),
        **consequences(asked),
        **communication(asked),
        **elsewhere(asked),
    }


# 1. Type of notification


def _type(asked: Asked) -> dict[str, Answer]:
    first = asked.filed[0] if asked.filed else None
    if first is None:
        earlier = Answer(applies=False, note=_("Nothing was filed before."))
    elif first.reference:
        earlier = Answer(value=first.reference, source="register", evidence=(f"entry {first.entry}",))
    else:
        earlier = Answer(note=_("The authority gave it when the first notice was filed."))
    return {"kind": Answer(value=asked.stage, source="register"), "earlier_ref": earlier}


# 2 to 5. The organisation and the others


def _organisation(asked: Asked) -> dict[str, Answer]:
    org, facts = asked.organisation, asked.facts
    country = org.country or facts.country
    representative, contact = contact_of(org.legal_rep), contact_of(org.contact)
    town = " ".join(part for part in (org.postcode, org.city) if part)
    address = ", ".join(part for part in (org.address, town) if part)
    found = {
        "siren": _setting(org.siren)
        if country == "FR"
        else Answer(applies=False, note=_("Organisations in France have one.")),
        "name": _setting(org.name),
        "vat": _setting(org.vat),
        "sector": _setting(org.sector) if org.sector else _sector(facts),
        "headcount": _setting(org.headcount),
        "address": _setting(address),
        "country": _setting(org.country) if org.country else Answer(value=country, source="default"),
        "legal_rep": _setting(representative),
        "contact": _setting(contact),
        "dpo": _officer(org, facts),
    }
    if contact is None and representative is not None and facts.controller_kind is ControllerKind.INDIVIDUAL_DOCTOR:
        note = _("In practice alone, the doctor answers.")
        found["contact"] = Answer(value=representative, source="settings", proposed=True, note=note)
    others = said(asked, FACTS_BEHIND["others"], tuple(body_text(other) for other in facts.others))
    informed = [other.informed_at for other in facts.others if other.informed_at is not None]
    if not facts.others:
        others = Answer(note=_("None known. A provider that set up the network or hosts the images belongs here."))
    found["others"] = others
    found["processor_notice_at"] = (
        said(asked, FACTS_BEHIND["others"], min(informed))
        if informed
        else Answer(applies=False, note=_("No processor brought the news."))
    )
    return found


def _setting(value: Value | None) -> Answer:
    return Answer(value=value, source="settings") if value not in (None, "") else Answer()


def contact_of(person: Person) -> Contact | None:
    """Someone of the settings, as far as named; None when nothing is."""
    contact = Contact(
        title=person.title or "",
        name=person.name or "",
        function=person.function or "",
        email=person.email or "",
        phone=person.phone or "",
    )
    return contact if contact.parts() else None


def _sector(facts: BreachFacts) -> Answer:
    if PersonKind.PATIENTS not in facts.person_kinds:
        return Answer()
    return Answer(
        value=_("Human health activities"), source="default", proposed=True, note=_("The persons are patients.")
    )


def _officer(org: Organisation, facts: BreachFacts) -> Answer:
    officer = contact_of(org.dpo)
    if officer is not None:
        return _setting(officer)
    if facts.controller_kind is ControllerKind.INDIVIDUAL_DOCTOR:
        note = _("None in the settings. A doctor in practice alone need not have one (Article 37(1)(c)).")
        return Answer(applies=False, note=note)
    return Answer(note=_("Write “none” if none is designated."))


# 6. Dates


def _dates(asked: Asked) -> dict[str, Answer]:
    facts, behind = asked.facts, FACTS_BEHIND
    start_source = source_of(asked.told, "started_at")[0]
    lasting = facts.ongoing if facts.ongoing is not None else (False if facts.ended_at is not None else None)
    known = facts.started_at is not None and lasting is not None and start_source == "person"
    earliest = _("The earliest that evidence shows. It may have begun before.")
    end = (
        Answer(applies=False, note=_("It is still going on."))
        if lasting
        else said(asked, behind["end"], facts.ended_at)
    )
    return {
        "period_known": said(asked, behind["period_known"], known if facts.started_at or lasting is not None else None),
        "start": said(asked, behind["start"], facts.started_at, note=earliest if start_source == "evidence" else ""),
        "end": end,
        "ongoing": said(asked, ("ongoing", "ended_at"), lasting),
        "aware_at": _aware(asked),
        "date_comment": said(asked, behind["date_comment"], _date_comment(asked)),
        "discovery": said(asked, behind["discovery"], facts.discovery or _revealed(facts)),
        "delay_reason": _delay(asked),
    }


def _aware(asked: Asked) -> Answer:
    answer = said(asked, FACTS_BEHIND["aware_at"], asked.facts.aware_at)
    stated = next((one for one in reversed(asked.told.stated) if one.name == "aware_at"), None)
    if answer.value is None or stated is None:
        return answer
    note = _("Stated on {when} by {who}.").format(when=instant(stated.at), who=stated.by) if stated.late else ""
    refs = tuple(dict.fromkeys((*answer.evidence, f"entry {stated.entry}")))
    return Answer(value=answer.value, source=answer.source, evidence=refs, note=note)


def _date_comment(asked: Asked) -> str:
    parts = [asked.facts.aware_basis]
    if asked.facts.hint_at is not None:
        parts.append(_("First sign: {when}.").format(when=instant(asked.facts.hint_at)))
    for one in asked.told.stated:
        if one.reason and one.value is not None:
            parts.append(
                _("On {at}, {name} was set to {when}: {reason}").format(
                    at=instant(one.at), name=fact_name(one.name), when=instant(one.value), reason=one.reason
                )
            )
    return "\n".join(part for part in parts if part)


def _revealed(facts: BreachFacts) -> str:
    revealed = facts.revealed_by_authority
    if revealed is None:
        return ""
    text = _("{authority} told us on {when}.").format(authority=revealed.authority, when=instant(revealed.at))
    reference = _("Reference: {reference}.").format(reference=revealed.reference)
    return f"{text} {reference}" if revealed.reference else text


def _delay(asked: Asked) -> Answer:
    if not asked.late:
        return Answer(applies=False, note=_("The deadline has not passed."))
    if asked.delay_reason:
        return Answer(value=asked.delay_reason, source="person")
    laws = {one.regime for one in asked.filed}
    given = [one for one in asked.told.explained if one.regime in laws]
    if given:
        reasons = "\n".join(dict.fromkeys(one.reason for one in given))
        return Answer(value=reasons, source="register", evidence=tuple(f"entry {one.entry}" for one in given))
    return Answer(note=_("Late: the law demands reasons (Article 33(1))."))


# 7. The breach


def _breach(asked: Asked) -> dict[str, Answer]:
    facts, behind = asked.facts, FACTS_BEHIND
    natures = natures_of(facts)
    certainty = None
    if natures:
        sure = [name for name in natures if getattr(facts, name) is Certainty.ESTABLISHED]
        certainty = str(Certainty.ESTABLISHED if sure else Certainty.PRESUMED)
    read = tuple(f"entry {step.entry}" for step in asked.told.steps if step.what == "access")
    established = said(asked, behind["established"], certainty)
    if certainty is not None and read:
        established = Answer(
            value=certainty,
            source="evidence",
            evidence=tuple(dict.fromkeys((*read, *established.evidence))),
            note=_("Access logs were read."),
        )
    return {
        "nature": said(asked, natures or behind["nature"], natures),
        "established": established,
        "origin": said(asked, behind["origin"], keys(facts.origin)),
        "cause": said(asked, behind["cause"], keys(facts.cause)),
        "description": said(asked, behind["description"], facts.description or facts.title),
        "prior_measures": said(asked, behind["prior_measures"], _prior(facts)),
        "measures": said(asked, behind["measures"], tuple(measure_text(measure) for measure in facts.measures)),
    }


def _prior(facts: BreachFacts) -> str:
    lines: list[str] = []
    if facts.prior_measures:
        lines.append(_("In place: {measures}.").format(measures="; ".join(facts.prior_measures)))
    if facts.missing_measures:
        lines.append(_("Missing: {measures}.").format(measures="; ".join(facts.missing_measures)))
    return "\n".join(lines)


# 8. Data and persons


def _persons(asked: Asked) -> dict[str, Answer]:
    facts, behind = asked.facts, FACTS_BEHIND
    sensitive = said(asked, behind["sensitive"], keys(facts.sensitive))
    if not facts.sensitive and PersonKind.PATIENTS in facts.person_kinds:
        note = _("What concerns a patient's care is data concerning health (Article 4(15)).")
        sensitive = Answer(value=("health",), source="law", proposed=True, note=note)
    return {
        "data": said(asked, behind["data"], keys(facts.data)),
        "sensitive": sensitive,
        "records": said(asked, behind["records"], facts.records),
        "person_categories": said(asked, behind["person_categories"], keys(facts.person_kinds)),
        "persons": said(asked, behind["persons"], facts.persons),
        "media": said(asked, behind["media"], keys(facts.media)),
    }
