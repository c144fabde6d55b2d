"""What may be probed, and who allowed it: the one place that says yes.

This machine and its gateway: yes. Private networks: when someone named them. Everything else: only when a scope file,
not yet expired, names it. What is not plainly allowed is refused. Counting and guessing AE titles are allowed where the
systems are somebody's to answer for: on this machine, and where a scope file says whose they are.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeGuard, cast, get_args

from lightproof.check.addresses import LOOPBACK, PRIVATE, AddressRange, common, joined, readable, without
from lightproof.check.consent import Consent
from lightproof.check.targets import Named, Resolver, parse_target
from lightproof.errors import ScopeRefused, UsageRefused, cannot_read
from lightproof.evidence.records import ScopeRecord
from lightproof.locale import gettext as _
from lightproof.toml_lines import places

Basis = Literal["own", "mandate", "public-body"]

_LOCAL_ZONES: Final = ("local", "localhost", "internal", "home", "lan", "home.arpa")
"""Below which names are given inside a network (RFC 6762, RFC 6761, RFC 8375), or by the boxes of providers."""

_TEXTS: Final = ("controller", "authoriser", "reference", "purpose")
_FIELDS: Final = frozenset({*_TEXTS, "basis", "starts", "expires", "targets", "exclude"})
_REQUIRED: Final = _FIELDS - {"starts", "exclude"}
_REQUIRED_AT_HOME: Final = frozenset({"basis", "targets"})
"""Of a file with basis "own" that names private networks alone: whoever may name them there answers for them."""
_LONGEST_FILE: Final = 8 * 1024 * 1024
_LONGEST_TEXT: Final = 500
_PARSERS_LINE: Final = re.compile(r"at line (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A scope file: who answers for the systems, who allowed the check and on what basis, what for, and when.

    Only one of basis "own" for private networks alone may leave the rest out.
    """

    controller: str | None = None
    """The organisation responsible for the systems (GDPR Art. 4(7))."""
    authoriser: str | None = None
    """The person who allowed it, with their function."""
    basis: Basis
    reference: str | None = None
    """Of the contract, mandate or decision."""
    starts: datetime | None = None
    expires: datetime | None = None
    purpose: str | None = None
    targets: tuple[AddressRange, ...]
    """Those that the file writes as addresses."""
    excluded: tuple[AddressRange, ...] = ()
    names: tuple[Named, ...] = ()
    """Those of the targets that the file calls by a name."""

    @property
    def allowed(self) -> tuple[AddressRange, ...]:
        """What the file names, by address or by name, less what it excludes."""
        return without((*self.targets, *(r for target in self.names for r in target.ranges)), self.excluded)

    @property
    def record(self) -> ScopeRecord:
        """What the report keeps."""
        return ScopeRecord(
            basis=self.basis,
            controller=self.controller,
            authoriser=self.authoriser,
            reference=self.reference,
            starts=self.starts,
            expires=self.expires,
        )


def still_allowed(record: ScopeRecord, now: datetime) -> bool:
    """Whether `now` is a time for which the permission was given: asked before a run, and again throughout it."""
    return (record.starts is None or record.starts <= now) and (record.expires is None or now < record.expires)


def authorise(
    targets: Iterable[AddressRange],
    scope: Scope | None,
    *,
    now: datetime,
    own_addresses: Iterable[str] = (),
    gateways: Iterable[str] = (),
    named: Iterable[AddressRange] | None = None,
) -> ScopeRecord:
    """Says on whose authority all of `targets` may be probed at `now`; raises ScopeRefused when any may not.

    `own_addresses` and `gateways` are this machine's, as the system tells; `named` are those that somebody wrote on the
    command line, all of them unless told. The others are what another tool once found, in whichever network it stood:
    private addresses among them are refused too, unless the scope names them.
    """
    wanted = joined(targets)
    written = wanted if named is None else tuple(named)
    if scope is not None and scope.starts is not None and now < scope.starts:
        raise ScopeRefused(
            "scope-not-begun",
            _("The permission in the scope file begins on {when}.").format(when=_instant(scope.starts)),
            _("Wait until then, or ask whoever gave it for an earlier date."),
        )
    if scope is not None and scope.expires is not None and not still_allowed(scope.record, now):
        raise ScopeRefused(
            "scope-expired",
            _("The permission in the scope file ended on {when}.").format(when=_instant(scope.expires)),
            _("Ask whoever gave it for a new one, and write its date into the file."),
        )
    if scope is not None and (spared := common(wanted, scope.excluded)):
        raise ScopeRefused(
            "scope-excludes",
            _("The scope file excludes {targets}.").format(targets=_listed(spared)),
            _("Leave them out, or have the file changed by whoever allowed the check."),
        )
    home = [*LOOPBACK, *readable(own_addresses), *readable(gateways)]
    granted = [*home, *common(PRIVATE, written), *(scope.allowed if scope else ())]
    if refused := without(wanted, granted):
        if not without(refused, PRIVATE):
            raise ScopeRefused(
                "import-needs-scope",
                _("Only an imported file names {targets}, in a private network.").format(targets=_listed(refused)),
                _two_lines(refused),
            )
        raise ScopeRefused(
            "scope-missing" if scope is None else "scope-too-narrow",
            _("Nobody has said that {targets} may be checked.").format(targets=_listed(refused)),
            _("Outside private networks, a scope file (--scope) must say who allowed it and name the addresses."),
        )
    return scope.record if scope is not None else ScopeRecord(basis="own")


def authorise_names(named: Iterable[Named], scope: Scope | None, *, own_names: Iterable[str] = ()) -> None:
    """Raises ScopeRefused when a public name leads to a private, link-local or loopback address.

    Whoever answers for the name would choose which machines inside are probed. Plainly local names and this machine's
    own do stand for what they lead to, and so does any whose addresses the scope file writes as addresses: a name in
    that file says who may be checked, not where the name leads.
    """
    allowed = without(scope.targets, scope.excluded) if scope else ()
    local = frozenset(own_names)
    for target in named:
        if target.name is None or target.name in local or _is_plainly_local(target.name):
            continue
        inside = common(target.ranges, (*LOOPBACK, *PRIVATE))
        if refused := without(inside, allowed):
            raise ScopeRefused(
                "name-leads-inside",
                _("The public name {name} leads to {targets}, which lies inside a network.").format(
                    name=target.name, targets=_listed(refused)
                ),
                _("If you mean this address, name the address itself, or write the address into the scope file."),
            )


def _is_plainly_local(name: str) -> bool:
    return "." not in name or any(name.endswith(f".{zone}") for zone in _LOCAL_ZONES)


def authorise_consent(
    consent: Consent, targets: Iterable[AddressRange], scope: Scope | None, *, own_addresses: Iterable[str] = ()
) -> None:
    """Raises ScopeRefused when more than zero-match proofs is asked of systems that nobody said to answer for.

    This machine is its user's own; that a private network may be probed once it is named does not say whose it is.
    """
    if not consent.beyond_proofs:
        return
    answered_for = [*LOOPBACK, *readable(own_addresses), *(scope.allowed if scope else ())]
    if refused := without(targets, answered_for):
        raise ScopeRefused(
            "consent-needs-scope",
            _("--count and --called-ae need a scope file that names {targets}: somebody must answer for them.").format(
                targets=_listed(refused)
            ),
            _two_lines(refused),
        )


def _two_lines(refused: Sequence[AddressRange]) -> str:
    """How a scope file is written for a private network."""
    return _("For a private network two lines in a file are enough, {basis} and {targets}; add --scope FILE.").format(
        basis='basis = "own"', targets="targets = [{}]".format(", ".join(f'"{found}"' for found in refused[:3]))
    )


def _listed(ranges: Sequence[AddressRange]) -> str:
    first = ", ".join(map(str, ranges[:3]))
    return first if len(ranges) <= 3 else first + _(" and others")


def _instant(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def load_scope(path: Path, resolver: Resolver) -> Scope:
    """Reads and checks a scope file. Raises UsageRefused naming the file, the line and the field that does not fit."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise cannot_read(path, error) from error
    if len(raw) > _LONGEST_FILE:
        raise _refused(path, _("the file is too long"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _refused(_at_line(path, line), _("not UTF-8 text")) from error
    try:
        table: Mapping[str, object] = tomllib.loads(text)
    except RecursionError as error:
        raise _refused(path, _("lists within lists, deeper than lightproof reads")) from error
    except tomllib.TOMLDecodeError as error:
        # Its words are English, and of a parser; its line is all that helps.
        told = _PARSERS_LINE.search(str(error))
        line = int(told[1]) if told else text.rstrip().count("\n") + 1
        raise _refused(
            _at_line(path, line),
            _("not TOML: a text without its quotes, something not closed, or a field that is there twice?"),
        ) from error
    return _ScopeFile(path, text, table, resolver).scope()


def _at_line(path: Path, line: int) -> str:
    return _("{file}, line {line}").format(file=path, line=line)


def _refused(where: object, what: str) -> UsageRefused:
    return UsageRefused(
        "scope-unreadable",
        _("{where}: {what}").format(where=where, what=what),
        _("Correct the scope file; the documentation has a complete example."),
    )


class _ScopeFile:
    """A parsed scope file, asked field by field; every error says where it is."""

    def __init__(self, path: Path, text: str, table: Mapping[str, object], resolver: Resolver) -> None:
        self._path = path
        self._places = places(text)
        self._table = table
        self._resolver = resolver

    def scope(self) -> Scope:
        for field in self._table:
            if field not in _FIELDS:
                raise self._fault(field, _("unknown field"))
        self._demand(_REQUIRED_AT_HOME)
        basis = self._basis()
        named = self._named("targets", at_least=1)
        if basis != "own" or without((r for target in named for r in target.ranges), (*LOOPBACK, *PRIVATE)):
            self._demand(_REQUIRED)
        starts, expires = self._instant("starts"), self._instant("expires")
        if starts is not None and expires is not None and expires <= starts:
            raise self._fault("expires", _("is not after {field}").format(field="starts"))
        return Scope(
            controller=self._text("controller"),
            authoriser=self._text("authoriser"),
            basis=basis,
            reference=self._text("reference"),
            starts=starts,
            expires=expires,
            purpose=self._text("purpose"),
            targets=joined(r for target in named if target.name is None for r in target.ranges),
            excluded=joined(r for target in self._named("exclude", at_least=0) for r in target.ranges),
            names=tuple(target for target in named if target.name is not None),
        )

    def _demand(self, fields: Iterable[str]) -> None:
        for field in sorted(fields):
            if field not in self._table:
                raise _refused(self._path, _("the field {field} is missing").format(field=field))

    def _text(self, field: str) -> str | None:
        if field not in self._table:
            return None
        value = self._table[field]
        if not isinstance(value, str) or not value.strip():
            raise self._fault(field, _("must be a text that is not empty"))
        if len(value) > _LONGEST_TEXT or not value.isprintable():
            raise self._fault(field, _("is too long, or holds characters that cannot be printed"))
        return value.strip()

    def _basis(self) -> Basis:
        value = self._table["basis"]
        if not _is_basis(value):
            raise self._fault("basis", _("must be one of {words}").format(words=", ".join(get_args(Basis))))
        return value

    def _instant(self, field: str) -> datetime | None:
        if field not in self._table:
            return None
        value = self._table[field]
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise self._fault(
                field, _("must be a date and time with its zone, without quotes, as in 2027-01-31T18:00:00+01:00")
            )
        return value

    def _named(self, field: str, *, at_least: int) -> tuple[Named, ...]:
        value = self._table.get(field, [])
        if not isinstance(value, list) or len(cast("list[object]", value)) < at_least:
            raise self._fault(field, _('must be a list of addresses, ranges or names, as in ["192.0.2.0/24"]'))
        found: list[Named] = []
        for number, entry in enumerate(cast("list[object]", value), start=1):
            if not isinstance(entry, str):
                raise self._fault(field, _("entry {number} is not a text").format(number=number), number)
            target = parse_target(entry, self._resolver, self._where(field, number))
            if target.port is not None:
                what = _("entry {number} has a port; a scope names addresses").format(number=number)
                raise self._fault(field, what, number)
            found.append(target)
        return tuple(found)

    def _fault(self, field: str, what: str, entry: int = 0) -> UsageRefused:
        return _refused(self._where(field, entry), _("{where}: {what}").format(where=field, what=what))

    def _where(self, field: str, entry: int = 0) -> str:
        """File and line of a field, or of an entry of its list (1 is the first)."""
        place = self._places.get(field)
        if place is None:
            return str(self._path)
        return _at_line(self._path, place.entries[entry - 1] if 0 < entry <= len(place.entries) else place.line)


def _is_basis(value: object) -> TypeGuard[Basis]:
    return value in get_args(Basis)
