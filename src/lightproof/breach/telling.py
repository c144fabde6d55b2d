"""Answers about what may follow from a breach, who is told of it, and where else: sections 10, 11, 13 and 14. Pure."""

from collections.abc import Iterable, Mapping

from lightproof.breach.answers import Answer
from lightproof.breach.asked import FACTS_BEHIND, NATURES, Asked, keys, natures_of, said
from lightproof.breach.facts import BreachFacts
from lightproof.breach.words import body_text
from lightproof.law.forms import Proposal
from lightproof.locale import gettext as _

# 10 and 11. Consequences


def consequences(asked: Asked) -> dict[str, Answer]:
    natures = natures_of(asked.facts)
    found: dict[str, Answer] = {}
    for key, nature in zip(("conf_effects", "int_effects", "avail_effects"), NATURES, strict=True):
        if nature in natures:
            found[key] = _chosen(asked, key, keys(asked.facts.effects))
        else:
            found[key] = Answer(applies=False, note=_("The data were not affected in this way, as far as is known."))
    found["harms"] = _chosen(asked, "harms", keys(asked.facts.harms))
    found["severity"] = _severity(asked)
    return found


def _chosen(asked: Asked, key: str, stated: Iterable[str]) -> Answer:
    """What somebody said of the options of this question; else what the law suggests."""
    offered = {option.key for option in asked.form.field(key).options}
    if chosen := tuple(one for one in stated if one in offered):
        return said(asked, FACTS_BEHIND[key], chosen)
    fitting = [one for one in asked.form.proposals if one.field == key and _fits(one, asked.facts)]
    if not fitting:
        return Answer()
    suggested = {option for proposal in fitting for option in proposal.options}
    return Answer(
        value=tuple(option.key for option in asked.form.field(key).options if option.key in suggested),
        source="law",
        proposed=True,
        note=" ".join(dict.fromkeys(str(proposal.because) for proposal in fitting)),
    )


def _fits(proposal: Proposal, facts: BreachFacts) -> bool:
    traits: Mapping[str, tuple[str, ...]] = {
        "nature": natures_of(facts),
        "data": keys(facts.data),
        "sensitive": keys(facts.sensitive),
        "recipients": keys(facts.recipients),
        "care": (str(facts.care),),
    }
    return all(set(wanted) & set(traits[trait]) for trait, wanted in proposal.when.items())


def _severity(asked: Asked) -> Answer:
    judged = asked.judgement
    level = next((option for name, option in asked.form.levels.items() if judged and name == judged.level), None)
    if judged is None or level is None:
        return Answer(note=_("Assess the breach first."))
    refs = (f"entry {judged.entry}",) if judged.entry is not None else ()
    return Answer(value=level, source="register", evidence=refs, note=_("From the severity by the method of ENISA."))


# 13. Communication


def communication(asked: Asked) -> dict[str, Answer]:
    state = _communicated(asked)
    not_due = Answer(applies=False, note=_("Nothing was sent."))
    found = {
        "communicated": state,
        "comm_date": not_due,
        "comm_count": not_due,
        "comm_means": not_due,
        "comm_text": not_due,
        "exemption": Answer(applies=False, note=_("The persons are told, or nobody has decided otherwise.")),
    }
    if state.value == "yes":
        found |= _sent(asked)
    elif state.value == "not_yet_but_will_be":
        direct = _("A message to each person comes before a public notice.")
        found["comm_date"] = Answer()
        found["comm_means"] = Answer(value=("post", "email"), source="law", proposed=True, note=direct)
    elif state.value == "no_and_will_not_be":
        found["exemption"] = _exemption(asked)
    return found


def _communicated(asked: Asked) -> Answer:
    if order := asked.told.ordered:
        note = _("Ordered by the authority.")
        return Answer(value="not_yet_but_will_be", source="register", evidence=(f"entry {order.entry}",), note=note)
    if sent := asked.told.communications:
        return Answer(value="yes", source="register", evidence=tuple(f"entry {one.entry}" for one in sent))
    decided = asked.told.decisions.get("communicate")
    if decided is not None and decided.choice != "undetermined":
        value = "not_yet_but_will_be" if decided.choice == "yes" else "no_and_will_not_be"
        return Answer(value=value, source="register", evidence=(f"entry {decided.entry}",))
    if asked.judgement is not None and asked.judgement.communicate == "yes":
        note = _("Proposed by the assessment. Decide, then tell the persons.")
        return Answer(value="not_yet_but_will_be", source="law", proposed=True, note=note)
    return Answer(value="undetermined", source="default", proposed=True, note=_("Nobody has decided yet."))


def _sent(asked: Asked) -> dict[str, Answer]:
    sent = asked.told.communications
    refs = tuple(f"entry {one.entry}" for one in sent)
    counts = [one.count for one in sent if one.count is not None]
    letters = tuple(dict.fromkeys(f"sha256:{digest}" for one in sent for digest in one.letters_sha256))
    means = tuple(dict.fromkeys(means for one in sent for means in one.means))
    return {
        "comm_date": Answer(value=max(one.at for one in sent).date(), source="register", evidence=refs),
        "comm_count": Answer(value=sum(counts) if counts else None, source="register", evidence=refs),
        "comm_means": Answer(value=means, source="register", evidence=refs),
        "comm_text": Answer(
            value=", ".join(letters) or None,
            source="evidence",
            evidence=letters,
            note=_("Attach the letter that was sent."),
        ),
    }


def _exemption(asked: Asked) -> Answer:
    decided = asked.told.decisions["communicate"]
    options = [option.key for option in asked.form.field("exemption").options]
    wanted = decided.exemption or "no_high_risk"
    value = next((option for option in options if option.startswith(wanted)), None)
    refs = tuple(dict.fromkeys((f"entry {decided.entry}", *decided.evidence)))
    return Answer(value=value, source="register", evidence=refs, note=decided.reason)


# 14. Other countries and bodies


def elsewhere(asked: Asked) -> dict[str, Answer]:
    facts, behind = asked.facts, FACTS_BEHIND
    abroad = Answer(applies=False, note=_("No person in another member state is known."))
    crossing = said(asked, behind["cross_border"], bool(facts.other_countries) or None)
    if not facts.other_countries:
        crossing = Answer(value=False, source="default", proposed=True, note=_("None is known."))
    authority = (facts.lead_authority,) if facts.lead_authority else ()
    return {
        "cross_border": crossing,
        "countries": said(asked, behind["countries"], facts.other_countries) if facts.other_countries else abroad,
        "lead_authority": said(asked, behind["lead_authority"], authority)
        if facts.other_countries or authority
        else abroad,
        "third_countries": said(asked, behind["third_countries"], facts.third_countries),
        "other_bodies": said(asked, behind["other_bodies"], tuple(body_text(body) for body in facts.other_bodies)),
    }
