"""Targets: how they are written, how they are numbered, and what is said when they cannot be read."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.addresses import AddressRange, range_of
from lightproof.check.targets import Named, Ports, TargetSpace, parse_target, pinned, read_target_list
from lightproof.errors import UsageRefused
from lightproof.evidence.records import Target


def resolver(name: str) -> Sequence[str]:
    return {"pacs.example.org": ("192.0.2.10", "2001:db8::10"), "sly.example": ("0.0.0.0",)}.get(name, ())


def space(*texts: str, ports: str = "104,11112", **more: object) -> TargetSpace:
    return TargetSpace(map(range_of, texts), Ports.parse(ports), **more)  # type: ignore[arg-type]


def test_ports_are_lists_and_ranges() -> None:
    assert Ports.parse("11112, 104,8000-8003,8002").numbers == (104, 8000, 8001, 8002, 8003, 11112)
    assert str(Ports.parse("11112,104,8000-8003")) == "104,8000-8003,11112"


@pytest.mark.parametrize("text", ["", "0", "65536", "104,", "80-79", "a", "-1", "1-2-3", "٨٠", "99999999999999999999"])
def test_ports_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageRefused) as refused:
        Ports.parse(text)
    assert refused.value.error_id == "ports-unreadable"


SPACES = st.builds(
    lambda firsts, ports, pairs: space(
        *(f"10.0.{first}.0-10.0.{first}.{last}" for first, last in firsts),
        ports=",".join(map(str, ports)),
        explicit=[(address, port) for address, port in pairs],
    ),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3),
    st.lists(st.sampled_from([104, 105, 4242]), min_size=1),
    st.lists(
        st.tuples(st.sampled_from(["10.0.1.2", "10.9.0.1", "2001:db8::1", "::1"]), st.sampled_from([104, 2762])),
        max_size=4,
    ),
)


@given(SPACES)
def test_an_address_tells_its_targets(targets: TargetSpace) -> None:
    places = [targets.locate(index) for index in range(len(targets))]
    for address in {address for address, _port in places} | {"10.0.3.3", "2001:db8::2"}:
        assert sorted(targets.at(address)) == sorted(
            (place[1], n) for n, place in enumerate(places) if place[0] == address
        )


@given(SPACES)
def test_a_space_that_was_spelled_is_read_as_it_was(targets: TargetSpace) -> None:
    again = TargetSpace.read(targets.spelled())
    assert [again.locate(n) for n in range(len(again))] == [targets.locate(n) for n in range(len(targets))]
    assert again.description == targets.description


def test_a_target_is_an_address_a_range_a_name_or_one_with_its_port() -> None:
    assert parse_target("10.0.0.0/30", resolver) == Named((range_of("10.0.0.0/30"),))
    assert parse_target("127.0.0.1:4242", resolver) == Named((range_of("127.0.0.1"),), 4242)
    assert parse_target("[::1]:104", resolver) == Named((range_of("::1"),), 104)
    assert parse_target("[::1]", resolver) == Named((range_of("::1"),))
    assert parse_target("pacs.example.org:104", resolver) == Named(
        (range_of("192.0.2.10"), range_of("2001:db8::10")), 104, "pacs.example.org"
    )


def test_a_name_with_very_many_addresses_is_refused_whole() -> None:
    def answering(count: int) -> tuple[str, ...]:
        return tuple(f"192.0.2.{number}" for number in range(count))

    assert parse_target("pacs.example", lambda _name: answering(64)).ranges == (range_of("192.0.2.0/26"),)
    with pytest.raises(UsageRefused, match=r"pacs\.example.*more than 64"):
        parse_target("pacs.example", lambda _name: answering(65))


def test_a_name_that_is_not_resolved_in_time_is_named(tmp_path: Path) -> None:
    def late(_name: str) -> Sequence[str]:
        raise TimeoutError

    path = tmp_path / "list.txt"
    path.write_text("10.0.0.1\npacs.example\n")
    with pytest.raises(UsageRefused, match=r"line 2: .*pacs\.example.* within the time"):
        read_target_list(path, late)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PACS.Example.org.", "pacs.example.org"),
        ("München.example", "xn--mnchen-3ya.example"),
        ("my_pacs", "my_pacs"),
    ],
)
def test_a_name_is_kept_as_it_goes_over_the_wire(text: str, name: str) -> None:
    assert parse_target(text, lambda _name: ("192.0.2.10",)).name == name


# What Unicode compatibility turns into an address, a path, or letters that no name has.
@pytest.mark.parametrize("text", ["①②⑦.⓪.⓪.①", "a.⑴", "pacs.example℀", "pacs.exa mple", "pacs\r\nx: y", "a" * 64])
def test_a_name_that_is_none_on_the_wire_is_refused(text: str) -> None:
    with pytest.raises(UsageRefused, match="target-unreadable"):
        parse_target(text, lambda _name: ("192.0.2.10",))


@pytest.mark.parametrize(
    "text",
    [
        "nowhere.example",
        "sly.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "2001:db8::/64",
        "10.0.0.1:0",
        "10.0.0.1:70000",
        "[::1]:x",
        "[::1",
        "pacs..example",
        "pacs example",
        "-",
        "/",
        ":104",
        "a" * 300,
        "\x1b[31m",
    ],
)
def test_what_is_no_target_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(UsageRefused) as refused:
        parse_target(text, resolver, "list.txt, line 3")
    assert refused.value.error_id == "target-unreadable"
    assert refused.value.cause.startswith("list.txt, line 3: ")
    assert refused.value.cause.isprintable()


def test_names_are_resolved_once() -> None:
    asked: list[str] = []

    def changing(name: str) -> Sequence[str]:
        asked.append(name)
        return (f"10.0.0.{len(asked)}",)

    resolve = pinned(changing)
    assert parse_target("pacs", resolve) == parse_target("pacs", resolve)
    assert asked == ["pacs"]


def test_a_list_of_targets_may_have_comments(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\ufeff# ward 3\n10.0.0.1  # the CT\n\n10.0.0.0/31\n")
    assert read_target_list(path, resolver) == (Named((range_of("10.0.0.1"),)), Named((range_of("10.0.0.0/31"),)))


@pytest.mark.parametrize("content", [b"10.0.0.1\n10.0.0\n", b"10.0.0.1\n\xff\xfe\n", b"10.0.0.1\n" + b"a" * 5_000])
def test_a_bad_line_of_a_list_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(UsageRefused) as refused:
        read_target_list(path, resolver)
    assert f"{path}, line 2" in refused.value.cause


def test_a_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused):
        read_target_list(tmp_path / "none.txt", resolver)


def test_a_space_counts_addresses_times_ports_and_explicit_pairs_once() -> None:
    found = space(
        "10.0.0.0/30",
        "10.0.0.2-5",
        "::1",
        explicit=[("10.0.0.1", 104), ("10.0.0.1", 80), ("10.9.9.9", 104), ("10.9.9.9", 104), ("2001:db8::1", 80)],
        excluded=[range_of("10.0.0.3")],
    )
    every = [(t.address, t.port) for t in map(found.__getitem__, range(len(found)))]
    hosts = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.4", "10.0.0.5", "::1"]
    assert every == [*product(hosts, (104, 11112)), ("10.0.0.1", 80), ("10.9.9.9", 104), ("2001:db8::1", 80)]
    assert all(Target(*pair) in found for pair in every)
    assert Target("10.0.0.3", 104) not in found
    assert Target("10.9.9.9", 80) not in found
    assert Target("pacs", 80) not in found
    with pytest.raises(IndexError):
        found[len(found)]


def test_an_excluded_pair_is_not_a_target() -> None:
    assert len(space(explicit=[("10.0.0.7", 80)], excluded=[range_of("10.0.0.0/24")])) == 0


def test_the_whole_of_a_large_network_takes_no_memory() -> None:
    found = space("10.0.0.0/8", ports="1-60")
    assert len(found) == 60 * 2**24
    assert found[len(found) - 1] == Target("10.255.255.255", 60)


def test_too_many_targets_are_refused() -> None:
    with pytest.raises(UsageRefused, match="too-many-targets"):
        space("1.0.0.0-223.255.255.255", ports="1-65535")


def test_equal_spaces_have_equal_descriptions() -> None:
    one = space("10.0.0.0/25", "10.0.0.128/25", explicit=[("10.1.0.1", 80)])
    assert one.description == space("10.0.0.0/24", explicit=[("10.1.0.1", 80)]).description
    assert one.description != space("10.0.0.0/24", explicit=[("10.1.0.2", 80)]).description
    assert one.description != space("10.0.0.0/24", ports="104").description


def test_what_must_be_authorised_is_every_address() -> None:
    found = space("10.0.0.0/31", explicit=[("10.0.0.2", 80), ("2001:db8::1", 80)])
    assert found.every_range() == (range_of("10.0.0.0-2"), range_of("2001:db8::1"))


RANGES = st.lists(
    st.builds(lambda f, n: AddressRange(4, (10 << 24) + f, (10 << 24) + f + n), st.integers(0, 90), st.integers(0, 9)),
    max_size=8,
)


@given(RANGES, RANGES, st.sets(st.integers(1, 6), max_size=3))
def test_numbering_agrees_with_a_plain_list(
    ranges: list[AddressRange], excluded: list[AddressRange], ports: set[int]
) -> None:
    found = TargetSpace(ranges, Ports.of(ports), excluded=excluded)
    numbers = sorted(
        {n for r in ranges for n in range(r.first, r.last + 1)}
        - {n for r in excluded for n in range(r.first, r.last + 1)}
    )
    plain = [(f"10.0.0.{n - (10 << 24)}", port) for n in numbers for port in sorted(ports)]
    assert [found.locate(index) for index in range(len(found))] == plain
