"""The words that rules and caps bring with them, in the reader's language."""

from typing import Final

from lightproof.evidence.records import Cap, ExposureReport, RuleText
from lightproof.locale import gettext as _
from lightproof.locale import language

CAPS_ON_PAGE_ONE: Final = 2


def cap_text(cap: Cap) -> str:
    """Why the letter is no better, in the current language."""
    reason = cap.texts.get(language()) or cap.texts.get("en") or cap.id
    return _("Capped at {letter}: {reason}").format(letter=cap.letter, reason=reason)


def text_of(report: ExposureReport, rule_id: str) -> RuleText | None:
    """The rule's text in the current language, in English failing that; None for a rule the report does not hold."""
    rule = report.rules.get(rule_id)
    return (rule.texts.get(language()) or rule.texts.get("en")) if rule else None


def title_of(report: ExposureReport, rule_id: str) -> str:
    """What the rule says holds; its id where there are no words for it. Never empty: it becomes a heading."""
    text = text_of(report, rule_id)
    return (text.title.strip() if text else "") or rule_id.strip() or "–"


def sources_of(report: ExposureReport, rule_id: str) -> tuple[str, ...]:
    """What was read for the rule, named in the reader's language where it brings that."""
    text, rule = text_of(report, rule_id), report.rules.get(rule_id)
    return (text.references if text else ()) or (rule.references if rule else ())


def action_of(report: ExposureReport, rule_id: str) -> str:
    """What to do, in one order: the rule's own, else its first step."""
    text = text_of(report, rule_id)
    if text is None:
        return rule_id
    return text.action or (text.remedy[0] if text.remedy else text.title)
