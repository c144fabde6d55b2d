"""The structured facts of a breach: what the legal test reads, the notification says and the register keeps.

Rules of this file:
- a fact that nobody established is `None` or empty, never a guess: the judges read silence as "not proved";
- every instant names its time zone; every number of persons or records is a range with the way it was found;
- a fact that was measured names its evidence in `evidence` (entry of the ledger, digest of a file): what rests on a
  person's word alone has no line there, and a line of any other form shows nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from lightproof.errors import UsageRefused
from lightproof.locale import gettext as _

SCHEMA_ID: Final = "urn:lightproof:schema:breach-facts:1"

EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Instants outside are slips of the hand: no image of ours is older, no breach that far."""
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.]\d{1,9})?)?(?P<zone>[Zz]|[+-]\d\d:\d\d)?", re.ASCII
)


def _written(value: object) -> object:
    """A number is no instant: nobody sees what it says, nor in which zone."""
    if isinstance(value, datetime):
        return value
    found = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("instant", "an instant as RFC 3339 writes it")
    if found["zone"] is None:
        raise PydanticCustomError("timezone_aware", "a time zone")
    return value


def _bounded(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise PydanticCustomError("instant_range", "an instant between 1990 and 2200")
    return at


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_written, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
    AfterValidator(_bounded),
]
Text = Annotated[str, StringConstraints(max_length=10_000)]
Line = Annotated[str, StringConstraints(max_length=300)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Certainty(StrEnum):
    """How sure it is that the data were affected in one way (Art. 4(12))."""

    PRESUMED = "presumed"
    ESTABLISHED = "established"


class DataCategory(StrEnum):
    """Kinds of data, as the CNIL's form lists them."""

    CIVIL_STATUS = "civil_status"
    NIR = "nir_social_security_number"
    CONTACT = "contact"
    IDENTIFICATION_OR_ACCESS = "identification_or_access"
    FINANCIAL = "financial_economic"
    OFFICIAL_DOCUMENTS = "official_documents"
    LOCATION = "location"
    OFFENCES = "offences_convictions"
    OTHER = "other"
    UNKNOWN = "unknown_for_now"


class SensitiveCategory(StrEnum):
    """Special categories of Art. 9."""

    RACIAL_ETHNIC = "racial_ethnic"
    POLITICAL = "political"
    PHILOSOPHICAL_RELIGIOUS = "philosophical_religious"
    UNION = "union"
    SEXUAL_ORIENTATION = "sexual_orientation"
    HEALTH = "health"
    BIOMETRIC = "biometric"
    GENETIC = "genetic"


class PersonKind(StrEnum):
    """Kinds of persons, as the CNIL's form lists them."""

    EMPLOYEES = "employees"
    USERS = "users"
    MEMBERS = "members"
    STUDENTS = "students"
    CUSTOMERS = "customers"
    PATIENTS = "patients"
    MINORS = "minors"
    VULNERABLE = "vulnerable"
    MILITARY = "military"
    OTHER = "other"
    UNKNOWN = "unknown_for_now"


class Medium(StrEnum):
    """What the data were on."""

    SERVER = "server"
    DESKTOP = "desktop"
    LAPTOP = "laptop"
    BACKUP_DISK = "backup_disk"
    USB = "usb"
    PHONE = "phone"
    PAPER = "paper"
    UNKNOWN = "unknown_for_now"


class Origin(StrEnum):
    """How it happened."""

    DEVICE_LOST_OR_STOLEN = "device_lost_or_stolen"
    PAPER_LOST = "paper_lost_stolen_or_left_open"
    MAIL_LOST = "mail_lost_or_opened"
    HACKING = "hacking_malware_phishing"
    PAPER_DISCARDED = "paper_discarded_undestroyed"
    DEVICE_DISCARDED = "device_discarded_unwiped"
    UNINTENDED_PUBLICATION = "unintended_publication"
    WRONG_DATA_SHOWN = "wrong_persons_data_shown_on_portal"
    WRONG_RECIPIENT = "sent_to_wrong_recipient"
    ORAL_DISCLOSURE = "oral_disclosure"
    OTHER = "other"
    UNKNOWN = "unknown_for_now"


class Cause(StrEnum):
    """Who caused it, and whether they meant to."""

    INTERNAL_MALICIOUS = "internal_malicious"
    INTERNAL_ACCIDENTAL = "internal_accidental"
    EXTERNAL_MALICIOUS = "external_malicious"
    EXTERNAL_ACCIDENTAL = "external_accidental"
    OTHER = "other"
    UNKNOWN = "unknown_for_now"


class Identifiability(StrEnum):
    """How directly the data name a person; graver ones later."""

    NOT_LINKABLE = "not_linkable"
    """Pseudonyms whose key is elsewhere, nothing else that tells."""
    IMAGES_ONLY = "images_only"
    """Images without names: a head's volume can give a face back."""
    NUMBER_ONLY = "number_only"
    """A patient's number without name."""
    NAME = "name"
    NAME_AND_BIRTH_DATE = "name_and_birth_date"


class Protection(StrEnum):
    """What made the data unreadable, before the breach, for the data affected."""

    NONE = "none"
    ENCRYPTED = "encrypted"
    HASHED = "hashed"
    PSEUDONYMISED = "pseudonymised"


class KeyState(StrEnum):
    """Where the key of that protection was."""

    SAFE = "safe"
    WITH_THE_DATA = "with_the_data"
    UNKNOWN = "unknown"


class Recipient(StrEnum):
    """Who could have the data, or has them."""

    INTERNAL = "internal"
    KNOWN_TRUSTED = "known_trusted"
    KNOWN = "known"
    UNKNOWN = "unknown"
    PUBLIC = "public"
    MALICIOUS = "malicious"


class Recovery(StrEnum):
    """What became of the data that left."""

    NONE = "none"
    RECOVERED = "recovered"
    DELETION_CONFIRMED = "deletion_confirmed"


class Access(StrEnum):
    """What is known of a stranger's access while the data were within reach."""

    UNKNOWN = "unknown"
    PROVED = "proved"
    PROVED_NONE = "proved_none"


class IntegrityEffect(StrEnum):
    """What became of altered data."""

    RECOVERED_UNUSED = "recovered_unused"
    RECOVERABLE = "recoverable"
    NOT_RECOVERABLE = "not_recoverable"


class AvailabilityEffect(StrEnum):
    """What became of data that could not be had."""

    WITHOUT_DIFFICULTY = "without_difficulty"
    TEMPORARY = "temporary"
    LOST = "lost"


class CareEffect(StrEnum):
    """What it did to the care of patients."""

    NONE = "none"
    DELAYED = "delayed"
    ENDANGERED = "endangered"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What the organisation is for these data (Art. 4(7), 4(8), 26)."""

    CONTROLLER = "controller"
    JOINT_CONTROLLER = "joint_controller"
    PROCESSOR = "processor"


class ControllerKind(StrEnum):
    """What kind of organisation: its special traits weigh (Guidelines 9/2022, IV.B)."""

    INDIVIDUAL_DOCTOR = "individual_doctor"
    GROUP_PRACTICE = "group_practice"
    IMAGING_CENTRE = "imaging_centre"
    HOSPITAL = "hospital"
    PROVIDER = "provider"
    OTHER = "other"


class Effect(StrEnum):
    """Likely consequences, as the CNIL's form lists them."""

    SPREAD = "spread_wider_than_needed"
    LINKED = "linked_with_other_data"
    OTHER_PURPOSES = "used_for_other_purposes_or_unfairly"
    MODIFIED_INVALID = "modified_then_used_though_invalid"
    MODIFIED_VALID = "modified_into_other_valid_data"
    NO_CRITICAL_SERVICE = "cannot_provide_critical_service"
    SERVICE_DEGRADED = "service_degraded"


class Harm(StrEnum):
    """Harms to persons, as the CNIL's form lists them."""

    LOSS_OF_CONTROL = "loss_of_control"
    LIMITED_RIGHTS = "limited_rights"
    DISCRIMINATION = "discrimination"
    IDENTITY_THEFT = "identity_theft"
    FRAUD = "fraud"
    REVERSED_PSEUDONYMS = "unauthorised_reversal_of_pseudonymisation"
    FINANCIAL_LOSS = "financial_loss"
    REPUTATION = "reputation"
    SECRECY = "breach_of_professional_secrecy"
    PRIVACY = "privacy"
    OTHER = "other"
    UNKNOWN = "unknown_for_now"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Range(_Facts):
    """A number as it is known: at least, at most, and how it was found."""

    at_least: Annotated[int, Field(ge=0)]
    at_most: Annotated[int, Field(ge=0)] | None = None
    """None: nobody knows an upper bound."""
    estimated: bool = True
    method: Line = ""


class ContextStep(_Facts):
    """A whole step of the severity method's data score, for a reason (ENISA 2013)."""

    category: Literal["simple", "behavioural", "financial", "sensitive"]
    steps: Annotated[int, Field(ge=-3, le=3)]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Intelligibility(_Facts):
    """Whether those who have the data can read them (Art. 34(3)(a))."""

    protection: Protection = Protection.NONE
    state_of_the_art: bool | None = None
    """Whether the cipher or hash is held sound today."""
    key: KeyState = KeyState.UNKNOWN


class Measure(_Facts):
    """Something done, or to be done, after the breach (Art. 33(3)(d))."""

    what: Text
    at: Instant | None = None
    planned: bool = False
    owner: Line = ""


class OtherBody(_Facts):
    """A processor, a joint controller, or another authority that was told."""

    name: Line
    role: Line
    contact: Line = ""
    informed_at: Instant | None = None
    """When it told us (a processor, Art. 33(2): the controller is aware from then), or when we told it."""
    aware_at: Instant | None = None
    """When it became aware itself."""
    window_hours: Annotated[int, Field(gt=0, le=10_000)] | None = None
    """Within which the contract wants it to tell us."""


class Revealed(_Facts):
    """The authority itself told the controller of the breach (Conseil d'État, 22 July 2022, 449694)."""

    at: Instant
    authority: Line = "CNIL"
    reference: Line = ""
    own_information: bool | None = None
    """Whether the authority had opened its control on information that it got elsewhere; None: nobody has said."""


class PublicNotice(_Facts):
    """Why each person cannot be told, and the notice given instead (Art. 34(3)(c))."""

    effort: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    notice: Text = ""


class BreachFacts(_Facts):
    """All that is known of one breach, in the words of the law and of the form."""

    title: Line = ""
    description: Text = ""
    """What happened, in plain words; never a patient's name."""

    confidentiality: Certainty | None = None
    integrity: Certainty | None = None
    availability: Certainty | None = None

    data: tuple[DataCategory, ...] = ()
    sensitive: tuple[SensitiveCategory, ...] = ()
    data_context: tuple[ContextStep, ...] = ()
    identifiability: Identifiability | None = None
    intelligibility: Intelligibility = Intelligibility()
    records: Range | None = None
    persons: Range | None = None
    person_kinds: tuple[PersonKind, ...] = ()
    media: tuple[Medium, ...] = ()
    systems: tuple[Line, ...] = ()
    """What held the data: service, product, address and port inside."""

    origin: tuple[Origin, ...] = ()
    cause: tuple[Cause, ...] = ()
    malicious: bool | None = None
    recipients: tuple[Recipient, ...] = ()
    access: Access = Access.UNKNOWN
    recovery: Recovery = Recovery.NONE
    integrity_effect: IntegrityEffect | None = None
    availability_effect: AvailabilityEffect | None = None
    care: CareEffect = CareEffect.UNKNOWN

    started_at: Instant | None = None
    """When the data came within reach; the earliest instant that evidence shows."""
    ended_at: Instant | None = None
    ongoing: bool | None = None
    hint_at: Instant | None = None
    """First sign that something may be wrong: an alarm, a message, the press."""
    aware_at: Instant | None = None
    """Reasonable certainty that personal data were compromised (Guidelines 9/2022)."""
    aware_basis: Text = ""
    aware_by: Line = ""
    internal_messages_at: tuple[Instant, ...] = ()
    """Older messages inside the organisation that show knowledge."""
    discovery: Text = ""

    role: Role = Role.CONTROLLER
    controller_kind: ControllerKind | None = None
    country: Country = "FR"
    other_countries: tuple[Country, ...] = ()
    """Other states where persons concerned live."""
    third_countries: tuple[Country, ...] = ()
    lead_authority: Line = ""
    others: tuple[OtherBody, ...] = ()
    other_bodies: tuple[OtherBody, ...] = ()
    """Others that were told: CSIRT, police, insurer."""
    revealed_by_authority: Revealed | None = None

    prior_measures: tuple[Line, ...] = ()
    missing_measures: tuple[Line, ...] = ()
    measures: tuple[Measure, ...] = ()
    effects: tuple[Effect, ...] = ()
    harms: tuple[Harm, ...] = ()
    risk_removed: Text = ""
    """What was done after the breach so that the high risk is no longer likely (Art. 34(3)(b))."""
    disproportionate_effort: PublicNotice | None = None

    evidence: Mapping[Line, tuple[Line, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    """Fact name -> what shows it: `entry 12`, `sha256:…`. A key that names no fact is refused."""

    def shown(self, name: str) -> tuple[str, ...]:
        """What shows this fact and can be looked up: entries of the ledger, digests of files."""
        return tuple(ref for ref in self.evidence.get(name, ()) if REFERENCE.fullmatch(ref))


REFERENCE: Final = re.compile(r"entry (?P<entry>\d{1,15})|sha256:(?P<digest>[0-9a-f]{64})", re.ASCII)
"""What evidence looks like, for it to be looked up."""

FACT_NAMES: Final = frozenset(BreachFacts.model_fields) - {"evidence"}


def read_facts(content: bytes, *, now: datetime) -> BreachFacts:
    """The facts in this JSON document.

    Raises UsageRefused naming the field: unknown facts, impossible dates, a missing time zone, a key that is there
    twice, any other shape.
    """
    from_json(content, "JSON")
    try:
        facts = BreachFacts.model_validate_json(content)
    except ValidationError as error:
        raise refusal_of(error) from error
    check_facts(facts, now=now)
    return facts


def from_json(text: str | bytes, place: str) -> Any:
    """The value of this JSON text. Raises UsageRefused naming the key that is there twice, else the place."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise refused(key[:100], _("this key is there twice"))
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise refused(place, _("this is not JSON")) from None


def reported_facts(known: BreachFacts, description: str, *, by: str, now: datetime) -> BreachFacts:
    """What a person's report makes known, beside the facts in `known`; the clock runs from it unless these say when.

    A controller is aware once a processor, or a joint controller, told it (Guidelines 9/2022): that counts first.
    """
    said: dict[str, object] = {
        "description": known.description or description,
        "title": known.title or description[:100],
    }
    if known.aware_at is None:
        brought = [(body.informed_at, told_by(body.name)) for body in known.others if body.informed_at is not None]
        at, basis = min(brought, default=(now, reported_to(by)))
        said |= {"aware_at": at, "aware_by": by, "aware_basis": known.aware_basis or basis}
    return known.model_copy(update=said)


def told_by(name: str) -> str:
    """Why a controller is aware of what its processor told it."""
    return _("{name} told us (Article 33(2)).").format(name=name)


def reported_to(who: str) -> str:
    """Why somebody is aware of what they were told."""
    return _("Reported to {who}.").format(who=who)


def check_facts(facts: BreachFacts, *, now: datetime) -> None:
    """Refuses facts that cannot be true together.

    Raises UsageRefused naming the field.
    """
    for place, instant in _past(facts):
        if instant is not None and instant > now:
            raise refused(place, _("this instant is in the future"))
    if facts.started_at is not None and facts.aware_at is not None and facts.aware_at < facts.started_at:
        raise refused("aware_at", _("nobody can be aware of a breach before it started (started_at)"))
    if facts.started_at is not None and facts.ended_at is not None and facts.ended_at < facts.started_at:
        raise refused("ended_at", _("a breach cannot end before it started"))
    if facts.hint_at is not None and facts.aware_at is not None and facts.aware_at < facts.hint_at:
        raise refused("hint_at", _("the first sign cannot come after awareness: it is the moment of awareness then"))
    if facts.ongoing and facts.ended_at is not None:
        raise refused("ongoing", _("a breach that has ended is not going on"))
    for name in ("persons", "records"):
        number: Range | None = getattr(facts, name)
        if number is not None and number.at_most is not None and number.at_most < number.at_least:
            raise refused(name, _("the upper bound is below the lower one"))
    for name in facts.evidence:
        if name not in FACT_NAMES:
            raise refused(f"evidence.{name[:40]}", _("there is no such fact"))


def _past(facts: BreachFacts) -> Iterator[tuple[str, datetime | None]]:
    """The instants at which something happened, each with its place; what is planned may lie ahead."""
    for name in ("started_at", "ended_at", "hint_at", "aware_at"):
        yield name, getattr(facts, name)
    if facts.revealed_by_authority is not None:
        yield "revealed_by_authority.at", facts.revealed_by_authority.at
    for number, at in enumerate(facts.internal_messages_at):
        yield f"internal_messages_at.{number}", at
    for number, measure in enumerate(facts.measures):
        if not measure.planned:
            yield f"measures.{number}.at", measure.at
    for name in ("others", "other_bodies"):
        bodies: tuple[OtherBody, ...] = getattr(facts, name)
        for number, body in enumerate(bodies):
            yield f"{name}.{number}.informed_at", body.informed_at
            yield f"{name}.{number}.aware_at", body.aware_at


def refusal_of(error: ValidationError) -> UsageRefused:
    """What a person is told of facts of another shape: the first field that is wrong, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "JSON"
    why = _REASONS.get(first["type"], _unreadable)()
    if first["type"] in ("enum", "literal_error"):
        known = str(first.get("ctx", {}).get("expected", "")).replace(" or ", ", ").replace("'", "")
        why = _("this is none of the words that are known: {words}").format(words=known)
    return refused(place[:100], why)


def refused(place: str, why: str) -> UsageRefused:
    """The error for one field of the facts."""
    return UsageRefused(
        "facts-refused",
        _("The facts cannot be used: “{place}”: {why}.").format(place=place, why=why.rstrip(".")),
        _("Correct that field; “lightproof breach assess --schema” describes each one."),
    )


def schema() -> dict[str, object]:
    """JSON Schema (2020-12) of the facts."""
    described = BreachFacts.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **described}


def dumped(facts: BreachFacts) -> dict[str, object]:
    """The facts as JSON values, without those that say nothing."""
    values: dict[str, object] = json.loads(facts.model_dump_json(exclude_defaults=True))
    return values


def _unreadable() -> str:
    return _("this value is not of the kind that belongs here")


_REASONS: Final = {
    "extra_forbidden": lambda: _("there is no such fact"),
    "timezone_aware": lambda: _("the time zone is missing: write 2026-11-23T10:00:00+01:00"),
    "json_invalid": lambda: _("this is not JSON"),
    "instant": lambda: _("write an instant as 2026-11-23T10:00:00+01:00"),
    "instant_range": lambda: _("an instant lies between the years 1990 and 2200"),
    "missing": lambda: _("this is missing"),
    "greater_than_equal": lambda: _("this number is too small"),
    "less_than_equal": lambda: _("this number is too large"),
    "string_too_long": lambda: _("this text is too long"),
}
"""Kind of error of the validator -> what a person is told."""
