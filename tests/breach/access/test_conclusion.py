"""What logs prove: one line is enough to prove access; that there was none, only logs that would have shown it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.breach.access.conclusion import Conclusion, conclusion, first_taken, summary
from lightproof.breach.access.log_lines import Act, LogLine
from lightproof.breach.access.tally import INSIDE, Exposure, Place, Tally, hasher, networks
from lightproof.breach.facts import Access
from lightproof.errors import UsageRefused

BEGIN = datetime(2026, 11, 20, 8, tzinfo=UTC)
END = datetime(2026, 11, 23, 8, tzinfo=UTC)
CHECK = (BEGIN + timedelta(hours=30), BEGIN + timedelta(hours=30, seconds=20))
DICOM = Place(service="dicom", address="192.168.1.10", port=11112)
WEB = Place(service="dicomweb", address="192.168.1.10", port=8042)
EXPOSURE = Exposure(begin=BEGIN, begin_known=True, end=END, ongoing=False, places=(DICOM,), checks=(CHECK,))


def line(hours: float, act: Act | None, source: str | None, kind: str = "orthanc", port: int | None = None) -> LogLine:
    return LogLine(
        at=BEGIN + timedelta(hours=hours),
        kind=kind,
        act=act,
        sources=(ip_address(source),) if source else (),
        ports=frozenset((port,)) if port else frozenset(),
    )


def quiet(kind: str = "orthanc", port: int | None = None) -> list[LogLine]:
    """A log over the whole time, with our own check and two workstations in it."""
    alive = [line(hour, None, None, kind) for hour in range(-1, 74)]
    check = line(30.001, Act.QUERIED, "192.168.1.10", kind, port)
    return [*alive, check, line(5, Act.FETCHED, "192.168.1.7", kind, port)]


def tallied(lines: Iterable[LogLine], exposure: Exposure = EXPOSURE) -> Tally:
    tally = Tally(exposure=exposure, own=INSIDE, hashed=hasher(b"k" * 32))
    for one in lines:
        tally.add(one)
    return tally


def concluded(lines: Iterable[LogLine], exposure: Exposure = EXPOSURE, **also: bool | int) -> Conclusion:
    return conclusion(
        tallied(lines, exposure), unreadable=int(also.get("unreadable", 0)), own_named=bool(also.get("own_named"))
    )


def names(found: Conclusion) -> set[str]:
    return {reason.name for reason in found.reasons}


def test_a_whole_log_with_our_check_in_it_and_no_stranger_proves_that_none_came() -> None:
    found = concluded([*quiet(), line(7, Act.REFUSED, "203.0.113.5")])
    assert (found.access, names(found)) == (Access.PROVED_NONE, {"none-answered"})


@pytest.mark.parametrize(("act", "reason"), [(Act.FETCHED, "images-given"), (Act.LISTED, "lists-given")])
def test_one_line_proves_that_a_stranger_was_given_data(act: Act, reason: str) -> None:
    found = concluded([line(7, act, "203.0.113.5")])
    assert (found.access, names(found)) == (Access.PROVED, {reason})


CASES = [
    ("strangers-answered", [*quiet(), line(7, Act.QUERIED, "203.0.113.5")]),
    ("unattributed", [*quiet(), line(7, Act.CONTACT, None)]),
    ("check-not-in-log", [one for one in quiet() if one.act is not Act.QUERIED]),
    ("begins-late", [one for one in quiet() if one.at > BEGIN + timedelta(hours=2)]),
    ("ends-early", [one for one in quiet() if one.at < END - timedelta(hours=2)]),
    ("no-log", []),
    ("no-log", quiet("combined")),
    ("one-inside-source", [one for one in quiet() if one.act is not Act.FETCHED]),
]


@pytest.mark.parametrize(("reason", "lines"), CASES)
def test_whatever_leaves_a_doubt_proves_nothing(reason: str, lines: list[LogLine]) -> None:
    found = concluded(lines)
    assert found.access is Access.UNKNOWN
    assert reason in names(found)


def test_a_long_silence_proves_nothing() -> None:
    exposure = Exposure(
        begin=BEGIN, begin_known=True, end=END + timedelta(days=9), ongoing=False, places=(DICOM,), checks=(CHECK,)
    )
    after = [line(hour, None, None) for hour in range(200, 290)]
    assert names(concluded([*quiet(), *after], exposure)) == {"silence"}


@pytest.mark.parametrize("change", ["ongoing", "begin-unknown", "places-unknown"])
def test_what_is_not_known_of_the_exposure_proves_nothing(change: str) -> None:
    exposure = Exposure(
        begin=BEGIN,
        begin_known=change != "begin-unknown",
        end=END,
        ongoing=change == "ongoing",
        places=() if change == "places-unknown" else (DICOM,),
        checks=(CHECK,),
    )
    found = concluded(quiet(), exposure)
    assert (found.access, names(found)) == (Access.UNKNOWN, {change})


def test_every_exposed_service_needs_its_log() -> None:
    both = Exposure(begin=BEGIN, begin_known=True, end=END, ongoing=False, places=(DICOM, WEB), checks=(CHECK,))
    assert names(concluded(quiet(), both)) == {"no-log"}
    assert concluded([*quiet(), *quiet("combined")], both).access is Access.PROVED_NONE


def test_a_log_without_ports_cannot_stand_for_two_services_of_a_sort() -> None:
    other = Place(service="http-listing", address="192.168.1.10", port=80)
    both = Exposure(begin=BEGIN, begin_known=True, end=END, ongoing=False, places=(WEB, other), checks=(CHECK,))
    assert names(concluded(quiet("combined"), both)) == {"no-log"}
    named = tallied([], both)
    for port in (8042, 80):
        for one in quiet("combined"):
            named.add(one, port)
    assert conclusion(named, unreadable=0, own_named=False).access is Access.PROVED_NONE


def test_visits_to_other_ports_and_other_times_do_not_count() -> None:
    strangers = [
        line(7, Act.FETCHED, "203.0.113.5", "text", 443),
        line(-0.5, Act.QUERIED, "203.0.113.5"),
        line(73, Act.FETCHED, "203.0.113.5"),
    ]
    assert concluded([*quiet(), *strangers]).access is Access.PROVED_NONE


def test_data_given_before_the_stated_beginning_are_data_given() -> None:
    tally = tallied([*quiet(), line(-40, Act.FETCHED, "203.0.113.5")])
    assert conclusion(tally, unreadable=0, own_named=False).access is Access.PROVED
    assert first_taken(tally) == BEGIN - timedelta(hours=40)


def test_lines_that_nobody_understood_and_a_crowd_leave_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(concluded(quiet(), unreadable=3)) == {"unreadable"}
    monkeypatch.setattr("lightproof.breach.access.tally._MOST_SOURCES", 2)
    crowd = [line(7, Act.REFUSED, f"203.0.113.{n}") for n in range(1, 6)]
    assert names(concluded([*quiet(), *crowd])) == {"crowd"}


def test_no_address_is_kept() -> None:
    tally = tallied([*quiet(), line(7, Act.FETCHED, "203.0.113.5"), line(9, Act.LISTED, "203.0.113.6")])
    kept = summary(tally, conclusion(tally, unreadable=0, own_named=False))
    assert "203.0.113" not in str(kept)
    assert "192.168" not in str(kept)
    assert [source["acts"] for source in kept["sources"]] == [{"fetched": 1}, {"listed": 1}]  # type: ignore[union-attr,index]
    assert first_taken(tally) == BEGIN + timedelta(hours=7)


def test_addresses_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(UsageRefused) as refused:
        networks(["192.168.1.0/24", "the office"])
    assert refused.value.error_id == "own-address-unreadable"
    assert "the office" in refused.value.cause


@pytest.mark.parametrize(
    "wide", ["0.0.0.0/0", "::/0", "203.0.0.0/16", "203.0.113.0/23", "2001:db8::/32", "192.0.0.0/8", "100.64.0.0/10"]
)
def test_a_range_that_holds_strangers_is_nobodys_own(wide: str) -> None:
    with pytest.raises(UsageRefused) as refused:
        networks(["192.168.1.0/24", wide])
    assert refused.value.error_id == "own-range-too-wide"
    assert wide in refused.value.cause


def test_a_private_range_may_be_as_wide_as_it_is_and_a_public_one_as_a_site() -> None:
    ours = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.1", "fc00::/7", "203.0.113.0/24", "2001:db8::/48"]
    assert [str(network) for network in networks(ours)] == [*ours[:3], "127.0.0.1/32", *ours[4:]]


STRANGE = st.builds(
    line,
    st.floats(0, 72),
    st.sampled_from(list(Act)),
    st.sampled_from(["203.0.113.5", "203.0.113.6", "2001:db8::1", None]),
    st.sampled_from(["orthanc", "combined", "text"]),
    st.sampled_from([None, 11112]),
)


@given(st.lists(STRANGE, max_size=8), STRANGE)
def test_more_visits_never_lighten_the_answer(strange: list[LogLine], more: LogLine) -> None:
    gravity = [Access.PROVED_NONE, Access.UNKNOWN, Access.PROVED]
    before, after = concluded([*quiet(), *strange]), concluded([*quiet(), *strange, more])
    assert gravity.index(after.access) >= gravity.index(before.access)
    if any(one.act is not Act.REFUSED for one in strange):
        assert before.access is not Access.PROVED_NONE
