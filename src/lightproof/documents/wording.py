"""The words of the records in the reader's language: grades, severities, places, reasons, numbers and dates.

Each sentence is written whole, never put together from pieces: French and English do not share an order of words.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from lightproof.documents.model import Tone
from lightproof.evidence.records import EvidenceClass, Grade, ScopeRecord, Service, Severity, Vantage
from lightproof.locale import gettext as _
from lightproof.locale import language, ngettext

SEVERITY_TONES: Final = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.HIGH: Tone.HIGH,
    Severity.MEDIUM: Tone.MEDIUM,
    Severity.LOW: Tone.LOW,
    Severity.INFO: Tone.INFO,
}

GRADE_TONES: Final = {
    Grade.CLOSED: Tone.GOOD,
    Grade.REACHABLE: Tone.LOW,
    Grade.OPEN: Tone.MEDIUM,
    Grade.LISTABLE: Tone.HIGH,
    Grade.DOWNLOADABLE: Tone.CRITICAL,
    Grade.WRITABLE: Tone.CRITICAL,
}

_LETTER_TONES: Final = {
    "A": Tone.GOOD,
    "B": Tone.GOOD,
    "C": Tone.MEDIUM,
    "D": Tone.HIGH,
    "E": Tone.CRITICAL,
    "F": Tone.CRITICAL,
}


_ASKING: Final = frozenset({"authentication", "mutual-tls", "called-ae-checked", "calling-ae-checked"})
"""Protections that are a question to whoever calls."""
_OF_FILES: Final = frozenset({"ftp", "smb", "nfs", "rsync", "webdav", "s3"})


def letter_sign(letter: str) -> str:
    """The letter, or `?` for what is none: it stands alone on the page, and large."""
    return letter if letter in _LETTER_TONES else "?"


def letter_tone(letter: str) -> Tone:
    """The tone of a letter; an unknown letter has no judgement in it."""
    return _LETTER_TONES.get(letter, Tone.INFO)


def letter_word(letter: str) -> str:
    """The word beside the letter."""
    words = {
        "A": _("Protected"),
        "B": _("Almost protected"),
        "C": _("To be strengthened"),
        "D": _("Fragile"),
        "E": _("Exposed"),
        "F": _("Wide open"),
    }
    return words.get(letter, _("Not graded"))


def severity_word(severity: Severity) -> str:
    """The severity in the reader's language."""
    words = {
        Severity.CRITICAL: _("Critical"),
        Severity.HIGH: _("High"),
        Severity.MEDIUM: _("Medium"),
        Severity.LOW: _("Low"),
        Severity.INFO: _("Note"),
    }
    return words[severity]


def grade_word(grade: Grade) -> str:
    """What a stranger can do at this grade, in two or three words."""
    words = {
        Grade.CLOSED: _("Closed"),
        Grade.REACHABLE: _("Asks who is calling"),
        Grade.OPEN: _("Answers anyone"),
        Grade.LISTABLE: _("Lists what it holds"),
        Grade.DOWNLOADABLE: _("Gives images"),
        Grade.WRITABLE: _("Takes or alters images"),
    }
    return words[grade]


def evidence_word(kind: EvidenceClass) -> str:
    """What kind of evidence a finding rests on."""
    words = {
        EvidenceClass.PROVED: _("proved by the protocol"),
        EvidenceClass.ANNOUNCED: _("announced by the service, not proved"),
        EvidenceClass.PRESUMED: _("presumed, not proved"),
    }
    return words[kind]


def with_evidence(finding: str, kind: EvidenceClass) -> str:
    """A finding's number, and beside it what its evidence falls short of; nothing where it is a proof."""
    match kind:
        case EvidenceClass.PROVED:
            return finding
        case EvidenceClass.ANNOUNCED:
            return _("{finding} (announced)").format(finding=finding)
        case EvidenceClass.PRESUMED:
            return _("{finding} (presumed)").format(finding=finding)


def asks_who_is_calling(service: Service) -> bool:
    """Whether the service was seen to ask: nothing that was merely reached is said to."""
    return service.facts.open is False or not _ASKING.isdisjoint(service.protections)


def service_word(service: Service) -> str:
    """The grade of one service; of one that was only reached, whether it asks or nothing more is known."""
    if service.grade is Grade.REACHABLE and not asks_who_is_calling(service):
        return _("Reached; no more is known")
    return grade_word(service.grade)


def protection_word(protection: str) -> str:
    """What protects a service; a protection that is not known here is shown as it is."""
    words = {
        "tls": _("encryption (TLS)"),
        "mutual-tls": _("certificates of callers demanded"),
        "authentication": _("sign-in demanded"),
        "called-ae-checked": _("own AE title checked"),
        "calling-ae-checked": _("AE title of callers checked"),
        "signing": _("signed messages"),
    }
    return words.get(protection, protection)


def vantage_word(vantage: Vantage) -> str:
    """Who can reach a service, as far as was measured."""
    words = {
        Vantage.INTERNET: _("anyone on the Internet"),
        Vantage.LOCAL_NETWORK: _("anyone on the local network"),
        Vantage.THIS_MACHINE: _("programs on this machine"),
    }
    return words[vantage]


def allowed_by(scope: ScopeRecord) -> str:
    """On whose authority a check was made: all that its scope file names."""
    named = [part for part in (scope.controller, scope.authoriser, scope.reference) if part]
    if scope.basis == "own" and not named:
        return _("the person who ran the check, on their own machine and network")
    words = {"own": _("own systems"), "mandate": _("mandate"), "public-body": _("public body")}
    if scope.expires:
        named.append(_("until {when}").format(when=instant(scope.expires)))
    return ", ".join([words[scope.basis], *named])


def lists_files(service: Service) -> bool:
    """Whether what it lists are names of files, which show neither patients nor that images are among them."""
    return service.service in _OF_FILES


def sentence(grade: Grade, vantage: Vantage, *, images_readable: bool, asks: bool, of_files: bool = False) -> str:
    """What the gravest fact means, in one sentence to the person whose images they are.

    `asks`: all that could be reached was seen to ask who is calling. `of_files`: all that lists, lists files.
    """
    internet, local = vantage is Vantage.INTERNET, vantage is Vantage.LOCAL_NETWORK
    match grade:
        case Grade.WRITABLE if images_readable:
            if internet:
                return _("Your images can be read and altered from the Internet.")
            if local:
                return _("Anyone on your network can read and alter your images.")
            return _("Any program on this machine can read and alter your images.")
        case Grade.WRITABLE:
            if internet:
                return _("Strangers on the Internet can plant images in your archive.")
            if local:
                return _("Anyone on your network can plant images in your archive.")
            return _("Any program on this machine can plant images in your archive.")
        case Grade.DOWNLOADABLE:
            if internet:
                return _("Your images can be read from the Internet.")
            if local:
                return _("Anyone on your network can read your images.")
            return _("Any program on this machine can read your images.")
        case Grade.LISTABLE if of_files:
            if internet:
                return _("Files of yours can be listed from the Internet; whether images are among them is not known.")
            if local:
                return _("Anyone on your network can list files of yours; whether images are among them is not known.")
            return _("Any program on this machine can list files; whether images are among them is not known.")
        case Grade.LISTABLE:
            if internet:
                return _("Your patients and their examinations can be listed from the Internet.")
            if local:
                return _("Anyone on your network can list your patients and their examinations.")
            return _("Any program on this machine can list your patients and their examinations.")
        case Grade.OPEN:
            if internet:
                return _("A service of yours answers anyone on the Internet without asking who is calling.")
            if local:
                return _("A service of yours answers anyone on your network without asking who is calling.")
            return _("A service of yours answers any program on this machine without asking who is calling.")
        case Grade.REACHABLE if not asks:
            if internet:
                return _("Services of yours can be reached from the Internet; what they let strangers do is not known.")
            if local:
                return _("Services of yours can be reached from your network; what they let strangers do is not known.")
            return _("Services of yours answer programs on this machine; what they let them do is not known.")
        case Grade.REACHABLE:
            if internet:
                return _("Your services can be reached from the Internet, and ask who is calling before they answer.")
            if local:
                return _("Your services can be reached from your network, and ask who is calling before they answer.")
            return _("Your services ask who is calling before they answer.")
        case Grade.CLOSED:
            return _("Nothing that holds medical images answered.")


def survey_sentence(found: int) -> str:
    """What a survey says: who answers, and that nothing more was asked."""
    if not found:
        return _("No service answered as DICOM does. This was a survey: nothing else was looked for.")
    return ngettext(
        "{n} DICOM service answers. This was a survey: what it lets strangers do was not asked.",
        "{n} DICOM services answer. This was a survey: what they let strangers do was not asked.",
        found,
    ).format(n=number(found))


def sentence_of_nothing(reasons: Iterable[str], *, nobody: bool) -> str:
    """What it means that no service was seen, when these were the reasons why something could not be checked.

    `nobody`: nothing at all could be checked.
    """
    if not (left := frozenset(reasons)):
        return sentence(Grade.CLOSED, Vantage.THIS_MACHINE, images_readable=False, asks=False)
    if not left <= _UNMET:
        return _("What answered could not be checked: whether strangers can reach images is not known.")
    if nobody and left <= _SILENT:
        return _("Nothing answered, and silence is no proof: whether strangers can reach images is not known.")
    if nobody:
        return _("Nothing could be checked: whether strangers can reach images is not known.")
    return _("Nothing that holds medical images answered, but not everything could be checked.")


def who_word(who: str | None) -> str:
    """Who carries a remedy out."""
    words = {
        "practice": _("You"),
        "it-provider": _("Your IT provider"),
        "manufacturer": _("The manufacturer"),
    }
    return words.get(who or "", _("Whoever maintains it"))


def by_when(severity: Severity) -> str:
    """How soon a finding of this severity is dealt with."""
    words = {
        Severity.CRITICAL: _("Today"),
        Severity.HIGH: _("This week"),
        Severity.MEDIUM: _("This month"),
        Severity.LOW: _("When convenient"),
        Severity.INFO: _("When convenient"),
    }
    return words[severity]


def duty_word(duty: str) -> str:
    """The article of law behind a duty; a duty that is not known here is shown as it is."""
    words = {
        "gdpr-5-1-f": _("GDPR Art. 5(1)(f)"),
        "gdpr-25-2": _("GDPR Art. 25(2)"),
        "gdpr-32-1-a": _("GDPR Art. 32(1)(a)"),
        "gdpr-32-1-b": _("GDPR Art. 32(1)(b)"),
        "gdpr-32-1-d": _("GDPR Art. 32(1)(d)"),
        "gdpr-32-2": _("GDPR Art. 32(2)"),
        "gdpr-33-candidate": _("to be assessed as a breach (GDPR Art. 33)"),
        "gdpr-35-input": _("to be taken into the DPIA (GDPR Art. 35)"),
    }
    return words.get(duty, duty)


_SILENT: Final = frozenset({"no-answer", "unreachable", "box-silent"})
_UNMET: Final = _SILENT | {"not-tried", "scope-expired", "forward-not-checked"}
"""Reasons that speak of nothing that answered."""


def reason_word(reason: str) -> str:
    """Why a target could not be checked. The words that are not listed name broken rules of the many protocols."""
    words = {
        "deadline": _("did not finish answering in the time allowed"),
        "byte-budget": _("sent more than a check accepts"),
        "line-too-long": _("sent more than a check accepts"),
        "pdu-too-long": _("sent more than a check accepts"),
        "answer-too-long": _("sent more than a check accepts"),
        "command-too-long": _("sent more than a check accepts"),
        "data-set-too-long": _("sent more than a check accepts"),
        "ftp-reply-too-long": _("sent more than a check accepts"),
        "rsync-list-too-long": _("sent more than a check accepts"),
        "xml-limit": _("sent more than a check accepts"),
        "mappings-endless": _("listed more port forwards than a check reads"),
        "mappings-refused": _("did not tell its port forwards"),
        "location-elsewhere": _("pointed to another machine, which was not asked"),
        "connection-budget": _("needed more connections than a check makes"),
        "connection-refused": _("stopped accepting connections during the check"),
        "connection-reset": _("broke the connection off"),
        "closed-early": _("broke the connection off"),
        "association-aborted": _("broke the DICOM association off before saying who may come in"),
        "server-busy": _("said that it was too busy"),
        "packed-answer": _("packed its answer, which is not unpacked"),
        "certificate-unreadable": _("showed a certificate that cannot be read"),
        "description-unreadable": _("described itself in a way that cannot be read"),
        "smb-shares-untold": _("did not tell which folders it shares"),
        "exports-unknown": _("did not tell which folders it exports"),
        "length-beyond-belief": _("declared an answer longer than a check accepts"),
        "service-unavailable": _("said that its service was not available"),
        "query-unclear": _("answered so that nothing shows whether it lets strangers in"),
        "unreachable": _("could not be reached"),
        "silent": _("accepted the connection and said nothing"),
        "no-answer": _("gave no answer at all, not even a refusal"),
        "box-silent": _("answered no question about its port forwards (UPnP, NAT-PMP): its own pages show them"),
        "not-tried": _("was not tried: this machine could not place the call"),
        "forward-not-checked": _("is where the internet box leads strangers, and nothing was checked there"),
        "scope-expired": _("was left when the permission to check ended"),
        "detector-fault": _("the check itself failed there"),
    }
    return words.get(reason) or _("broke the rules of its own protocol ({reason})").format(reason=reason)


def fact_word(fact: bool | None) -> str:
    """Yes, no, or that nobody knows."""
    if fact is None:
        return _("unknown")
    return _("yes") if fact else _("no")


def count_phrase(name: str, n: int) -> str:
    """A count with what was counted: `1,200 studies`."""
    phrases = {
        "patients": ngettext("{n} patient", "{n} patients", n),
        "studies": ngettext("{n} study", "{n} studies", n),
        "series": ngettext("{n} series", "{n} series", n),
        "instances": ngettext("{n} image", "{n} images", n),
        "files": ngettext("{n} file", "{n} files", n),
        "exports": ngettext("{n} exported folder", "{n} exported folders", n),
        "open_exports": ngettext("{n} folder exported to anyone", "{n} folders exported to anyone", n),
        "shares": ngettext("{n} shared folder", "{n} shared folders", n),
        "readable_shares": ngettext("{n} shared folder that anyone reads", "{n} shared folders that anyone reads", n),
        "modules": ngettext("{n} rsync folder", "{n} rsync folders", n),
        "open_modules": ngettext("{n} rsync folder without a password", "{n} rsync folders without a password", n),
        "protected_modules": ngettext("{n} protected rsync folder", "{n} protected rsync folders", n),
    }
    phrase = phrases.get(name)
    return f"{number(n)} {name}" if phrase is None else phrase.format(n=number(n))


def number(n: int) -> str:
    """A whole number with the reader's thousands separator."""
    return f"{n:,}".replace(",", "\u202f") if language() == "fr" else f"{n:,}"


def decimal(text: str) -> str:
    """A decimal text of a record (`4.5`) with the reader's decimal sign."""
    return text.replace(".", ",") if language() == "fr" else text


def instant(at: datetime) -> str:
    """Date and time in UTC, to the minute."""
    at = at.astimezone(UTC)
    return _("{day} {month} {year}, {hour:02d}:{minute:02d} UTC").format(
        day=_day(at.day), month=_month(at.month), year=at.year, hour=at.hour, minute=at.minute
    )


def local_instant(at: datetime, zone: tzinfo) -> str:
    """Date and time as the clocks of a zone show them, to the minute, with their distance from UTC."""
    at = at.astimezone(zone)
    return _("{day} {month} {year}, {hour:02d}:{minute:02d} (UTC{offset})").format(
        day=_day(at.day),
        month=_month(at.month),
        year=at.year,
        hour=at.hour,
        minute=at.minute,
        offset=at.isoformat()[-6:],
    )


def day(at: date) -> str:
    """A date."""
    return _("{day} {month} {year}").format(day=_day(at.day), month=_month(at.month), year=at.year)


def _day(of_month: int) -> str:
    return "1er" if of_month == 1 and language() == "fr" else str(of_month)


def _month(number_in_year: int) -> str:
    months = (
        _("January"), _("February"), _("March"), _("April"), _("May"), _("June"), _("July"), _("August"),
        _("September"), _("October"), _("November"), _("December"),
    )  # fmt: skip
    return months[number_in_year - 1]


def duration(elapsed: timedelta) -> str:
    """Elapsed time in the largest fitting units."""
    seconds = max(0, round(elapsed.total_seconds()))
    if seconds < 120:
        return ngettext("{n} second", "{n} seconds", seconds).format(n=number(seconds))
    minutes = round(seconds / 60)
    if minutes < 120:
        return ngettext("{n} minute", "{n} minutes", minutes).format(n=number(minutes))
    hours = round(minutes / 60)
    return ngettext("{n} hour", "{n} hours", hours).format(n=number(hours))


def endpoint(address: str, port: int) -> str:
    """`address:port`, an IPv6 address in brackets (RFC 3986, 3.2.2); the address alone when every port is meant."""
    if port == 0:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
