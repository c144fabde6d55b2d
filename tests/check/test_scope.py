"""Who may be probed: nothing that nobody allowed, whatever the file and the target."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.addresses import AddressRange, NotAnAddress, range_of
from lightproof.check.consent import Consent
from lightproof.check.scope import Scope, authorise, authorise_consent, load_scope, still_allowed
from lightproof.errors import ScopeRefused, UsageRefused
from lightproof.evidence.records import ScopeRecord
from lightproof.locale import speaking

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
COMPLETE = """\
controller = "Clinique Exemple"
authoriser = "A. Martin, director"
basis = "mandate"
reference = "2026-117"
expires = 2026-12-31T18:00:00+01:00
purpose = "Yearly exposure check"
targets = [
  "203.0.113.0/28",
  "pacs.example.org",
]
exclude = ["203.0.113.7"]
"""


def resolver(name: str) -> Sequence[str]:
    return {"pacs.example.org": ("198.51.100.9",)}.get(name, ())


def a_scope(*targets: str, excluded: Sequence[str] = (), ends: datetime = NOW + timedelta(days=1)) -> Scope:
    return Scope(
        controller="Clinique Exemple",
        authoriser="A. Martin",
        basis="mandate",
        reference="2026-117",
        expires=ends,
        purpose="Yearly",
        targets=tuple(map(range_of, targets)),
        excluded=tuple(map(range_of, excluded)),
    )


def written(folder: Path, text: str) -> Path:
    path = folder / "scope.toml"
    path.write_text(text)
    return path


def test_a_complete_file_is_read(tmp_path: Path) -> None:
    scope = load_scope(written(tmp_path, COMPLETE), resolver)
    assert scope.record == ScopeRecord(
        basis="mandate",
        controller="Clinique Exemple",
        authoriser="A. Martin, director",
        reference="2026-117",
        expires=datetime(2026, 12, 31, 17, 0, tzinfo=UTC),
    )
    assert scope.allowed == (
        range_of("198.51.100.9"),
        range_of("203.0.113.0-6"),
        range_of("203.0.113.8-15"),
    )


@pytest.mark.parametrize(
    ("before", "after", "line", "word"),
    [
        ('"2026-117"', "2026", 4, "reference"),
        ('"2026-117"', '" "', 4, "reference"),
        ('"2026-117"', '"a\\u001b[31m"', 4, "reference"),
        ('"mandate"', '"because"', 3, "basis"),
        ("2026-12-31T18:00:00+01:00", "2026-12-31T18:00:00", 5, "expires"),
        ("2026-12-31T18:00:00+01:00", "2026-12-31", 5, "expires"),
        ("2026-12-31T18:00:00+01:00", '"2026-12-31T18:00:00Z"', 5, "expires"),
        ('"pacs.example.org"', '"nowhere.example"', 9, "nowhere.example"),
        ('"pacs.example.org"', '"0.0.0.0/0"', 9, "0.0.0.0/0"),
        ('"pacs.example.org"', '"192.0.2.1:104"', 9, "entry 2"),
        ('"pacs.example.org"', "7", 9, "entry 2"),
        ('"203.0.113.0/28"', '"203.0.113.0/28", "pacs.example.org:80"', 8, "entry 2"),
        ('exclude = ["203.0.113.7"]', 'exclude = "203.0.113.7"', 11, "exclude"),
        ("purpose", "porpoise", 6, "porpoise"),
        ("purpose =", "purpose", 6, "line 6"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, before: str, after: str, line: int, word: str
) -> None:
    path = written(tmp_path, COMPLETE.replace(before, after))
    with pytest.raises(UsageRefused) as refused:
        load_scope(path, resolver)
    assert refused.value.exit_code == 2
    assert str(path) in refused.value.cause
    assert f"line {line}" in refused.value.cause
    assert word in refused.value.cause


@pytest.mark.parametrize("fault", [b"reference = no quotes", b'reference = "\xe9"', b'basis = "own"', b"targets = ["])
def test_what_is_no_toml_is_told_in_the_readers_own_words_with_its_line(tmp_path: Path, fault: bytes) -> None:
    path = tmp_path / "scope.toml"
    path.write_bytes(b'basis = "own"\ncontroller = "Clinique"\n' + fault + b"\n")
    with speaking("fr"), pytest.raises(UsageRefused) as refused:
        load_scope(path, resolver)
    assert f"{path}, ligne 3\u00a0:" in refused.value.cause
    assert not re.search(r"\b(invalid|line|column|unclosed|value)\b", refused.value.cause, re.IGNORECASE)


@pytest.mark.parametrize("field", ["controller", "authoriser", "basis", "reference", "expires", "purpose", "targets"])
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    text = COMPLETE.replace(f"{field} =", f"# {field} =")
    if field == "targets":
        text = COMPLETE[: COMPLETE.index("targets")]
    with pytest.raises(UsageRefused, match=field):
        load_scope(written(tmp_path, text), resolver)


def test_a_fault_of_a_scope_file_is_typeset_as_french_is(tmp_path: Path) -> None:
    with speaking("fr"), pytest.raises(UsageRefused) as refused:
        load_scope(written(tmp_path, 'basis = "owns"\ntargets = []\n'), resolver)
    assert "ligne 1\u00a0: basis\u00a0: doit" in refused.value.cause


@pytest.mark.parametrize("content", [b"\xff\xfe", b"targets = []" + b" " * 9_000_000, b"a = " + b"[" * 5_000])
def test_what_is_no_scope_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scope.toml"
    path.write_bytes(content)
    with pytest.raises(UsageRefused):
        load_scope(path, resolver)
    with pytest.raises(UsageRefused):
        load_scope(tmp_path / "none.toml", resolver)


def test_this_machine_its_gateway_and_named_private_networks_need_no_file() -> None:
    wanted = map(range_of, ("127.0.0.0/8", "::1", "192.168.1.0/24", "fd00::7", "192.0.2.80", "192.0.2.1"))
    record = authorise(
        wanted, None, now=NOW, own_addresses=("192.0.2.80", "fe80::1%eth0", "nonsense"), gateways=("192.0.2.1",)
    )
    assert record == ScopeRecord(basis="own")


@pytest.mark.parametrize("text", ["192.0.2.80", "100.64.0.1", "172.32.0.1", "2001:db8::1", "10.0.0.0-11.0.0.0"])
def test_everything_else_needs_one(text: str) -> None:
    with pytest.raises(ScopeRefused) as refused:
        authorise([range_of(text)], None, now=NOW)
    assert refused.value.exit_code == 5
    assert authorise([range_of(text)], a_scope(text), now=NOW).basis == "mandate"


SHORT = 'basis = "own"\ntargets = ["192.168.77.0/24"]\n'
BEYOND = (Consent(count=True), Consent(called_aes=("PACS",)))


def test_two_lines_are_a_scope_file_for_networks_of_ones_own(tmp_path: Path) -> None:
    scope = load_scope(written(tmp_path, SHORT), resolver)
    assert scope.record == ScopeRecord(basis="own")
    assert authorise([range_of("192.168.77.1")], scope, now=NOW).basis == "own"
    with pytest.raises(ScopeRefused):
        authorise([range_of("203.0.113.1")], scope, now=NOW)


@pytest.mark.parametrize(
    ("before", "after"), [('"own"', '"mandate"'), ('"192.168.77.0/24"', '"192.168.77.0/24", "203.0.113.1"')]
)
def test_two_lines_are_none_for_what_is_anybody_elses(tmp_path: Path, before: str, after: str) -> None:
    with pytest.raises(UsageRefused, match="authoriser"):
        load_scope(written(tmp_path, SHORT.replace(before, after)), resolver)


@pytest.mark.parametrize("consent", BEYOND)
def test_more_than_proofs_needs_somebody_who_answers_for_the_systems(tmp_path: Path, consent: Consent) -> None:
    archive = [range_of("192.168.77.1")]
    for scope in (None, a_scope("203.0.113.1"), a_scope("192.168.77.0/24", excluded=["192.168.77.1"])):
        with pytest.raises(ScopeRefused) as refused:
            authorise_consent(consent, archive, scope, own_addresses=("192.168.77.5",))
        assert refused.value.error_id == "consent-needs-scope"
        assert 'basis = "own" and targets = ["192.168.77.1"]' in refused.value.fix
    authorise_consent(consent, archive, load_scope(written(tmp_path, SHORT), resolver))
    authorise_consent(Consent(), archive, None)
    authorise_consent(
        consent, map(range_of, ("127.0.0.9", "::1", "192.168.77.5")), None, own_addresses=["192.168.77.5"]
    )


def test_private_addresses_that_nobody_named_need_a_scope_file() -> None:
    found = [range_of("192.168.1.7"), range_of("192.168.1.9"), range_of("127.0.0.1")]
    with pytest.raises(ScopeRefused, match=r"import-needs-scope: .*192\.168\.1\.9") as refused:
        authorise(found, None, now=NOW, named=[range_of("192.168.1.0-8")])
    assert 'basis = "own" and targets = ["192.168.1.9"]' in refused.value.fix
    assert authorise(found, None, now=NOW, named=[range_of("192.168.1.0/24")]).basis == "own"
    assert authorise(found, a_scope("192.168.1.0/24"), now=NOW, named=()).basis == "mandate"


def test_an_expired_scope_allows_nothing_not_even_private_networks() -> None:
    ended = a_scope("203.0.113.0/24", ends=NOW)
    for text in ("203.0.113.1", "192.168.1.1"):
        with pytest.raises(ScopeRefused, match="scope-expired"):
            authorise([range_of(text)], ended, now=NOW)
    assert authorise([range_of("203.0.113.1")], ended, now=NOW - timedelta(seconds=1)).basis == "mandate"


def test_a_scope_that_has_not_begun_allows_nothing_either() -> None:
    later = replace(a_scope("203.0.113.0/24"), starts=NOW + timedelta(hours=1))
    with pytest.raises(ScopeRefused, match=r"scope-not-begun.*2026-11-23 11:00"):
        authorise([range_of("127.0.0.1")], later, now=NOW)
    assert authorise([range_of("203.0.113.1")], later, now=NOW + timedelta(hours=1)).starts == NOW + timedelta(hours=1)


@given(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5))
def test_a_permission_holds_from_its_start_until_just_before_its_end(starts: int | None, expires: int | None) -> None:
    def at(hours: int | None) -> datetime | None:
        return None if hours is None else NOW + timedelta(hours=hours)

    record = ScopeRecord(basis="own", starts=at(starts), expires=at(expires))
    begun, over = starts is None or starts <= 0, expires is not None and expires <= 0
    assert still_allowed(record, NOW) == (begun and not over)


def test_a_file_may_say_when_the_permission_begins(tmp_path: Path) -> None:
    text = COMPLETE + "starts = 2026-12-01T08:00:00+01:00\n"
    assert load_scope(written(tmp_path, text), resolver).record.starts == datetime(2026, 12, 1, 7, tzinfo=UTC)
    for late in ("2026-12-31T18:00:00+01:00", "2027-01-01T00:00:00Z"):
        with pytest.raises(UsageRefused, match="expires: is not after starts"):
            load_scope(written(tmp_path, COMPLETE + f"starts = {late}\n"), resolver)


def test_a_range_only_partly_allowed_is_refused_whole() -> None:
    with pytest.raises(ScopeRefused, match=r"203\.0\.114\.0/24"):
        authorise([range_of("203.0.112.0/22")], a_scope("203.0.112.0-203.0.113.255", "203.0.115.0/24"), now=NOW)


def test_what_the_scope_excludes_is_refused_even_when_it_is_private() -> None:
    with pytest.raises(ScopeRefused, match="scope-excludes"):
        authorise([range_of("192.168.1.0/24")], a_scope("203.0.113.1", excluded=["192.168.1.7"]), now=NOW)


NUMBERS = st.one_of(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [int(ip_address(a)) for a in ("10.0.0.0", "127.0.0.1", "172.31.255.255", "192.168.0.0", "8.8.8.8")]
    ),
)
RANGES = st.builds(
    lambda number, more: AddressRange(4, number, min(number + more, 2**32 - 1)), NUMBERS, st.integers(0, 2**10)
)
FREE = tuple(map(range_of, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")))


@given(
    st.lists(RANGES, min_size=1, max_size=4),
    st.lists(RANGES, max_size=4),
    st.lists(RANGES, max_size=3),
    st.integers(-2, 2),
    st.booleans(),
)
def test_nothing_outside_is_ever_authorised(
    wanted: list[AddressRange], targets: list[AddressRange], excluded: list[AddressRange], hours: int, reuse: bool
) -> None:
    scope = Scope(
        controller="c",
        authoriser="a",
        basis="own",
        reference="r",
        expires=NOW + timedelta(hours=hours),
        purpose="p",
        targets=tuple([*targets, *wanted] if reuse else targets),
        excluded=tuple(excluded),
    )
    try:
        authorise(wanted, scope, now=NOW)
    except ScopeRefused:
        return
    assert hours > 0
    for one in wanted:
        for number in {
            one.first,
            one.last,
            (one.first + one.last) // 2,
            *range(one.first, min(one.first + 50, one.last)),
        }:
            point = AddressRange(4, number, number)
            assert not any(point in e for e in scope.excluded)
            assert any(point in f for f in (*FREE, *scope.targets))


@given(st.ip_addresses(), st.booleans())
def test_no_address_outside_home_and_private_networks_passes_without_a_file(address: object, bracketed: bool) -> None:
    try:
        one = range_of(str(address))
        authorise([one], None, now=NOW)
    except (NotAnAddress, ScopeRefused):
        return
    assert ip_address(str(address)).is_private or ip_address(str(address)).is_link_local
