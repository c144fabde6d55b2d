"""A plan holds what was asked for, and nothing that nobody allowed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lightproof.check.consent import Consent
from lightproof.check.plan import BOX_PORTS, Plan, boxes_at, plan_of_named, plan_of_this_machine
from lightproof.check.scope import Scope, load_scope
from lightproof.check.targets import Named, Ports, Resolver, parse_target
from lightproof.check.this_machine import ListeningSocket
from lightproof.errors import ScopeRefused, UsageRefused
from lightproof.evidence.records import Target, Vantage

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PORTS = Ports.of((104, 11112))


def named(*texts: str) -> list[Named]:
    return [parse_target(text, lambda _name: ("192.168.1.7",)) for text in texts]


def plan(*texts: str, **more: Any) -> Plan:
    return plan_of_named(named(*texts), PORTS, rate=100, now=NOW, **{"consent": Consent(), **more})


def this_machine(sockets: Sequence[ListeningSocket] = (), ports: Ports | None = None, **more: Any) -> Plan:
    given: dict[str, Any] = {"own_addresses": frozenset({"192.168.1.5"}), "boxes": (), **more}
    return plan_of_this_machine(sockets, ports, rate=100, now=NOW, **{"consent": Consent(), **given})


def bound_to(address: str, port: int = 104) -> ListeningSocket:
    return ListeningSocket(address=address, port=port, process=None, reached_at=(address,))


def a_scope(tmp_path: Path, targets: str = '["203.0.113.0/30"]', resolver: Resolver = lambda _name: ()) -> Scope:
    file = tmp_path / "scope.toml"
    file.write_text(
        'controller = "Practice"\nauthoriser = "Dr A"\nbasis = "mandate"\nreference = "M-1"\npurpose = "audit"\n'
        f"expires = {(NOW + timedelta(days=1)).isoformat()}\ntargets = {targets}\n"
    )
    return load_scope(file, resolver)


def test_this_machine_is_known_whole_but_for_what_is_excluded_or_narrowed() -> None:
    own = frozenset({"192.168.1.5", "127.0.0.1"})
    assert this_machine(own_addresses=own).known_whole == own
    assert this_machine(own_addresses=own, excluded=named("192.168.1.0/24")).known_whole == {"127.0.0.1"}
    assert not this_machine(ports=PORTS, own_addresses=own).known_whole
    assert not plan("192.168.1.5", own_addresses=own).known_whole


def test_ranges_meet_all_ports_and_a_named_port_only_itself() -> None:
    made = plan("192.168.1.0/31", "192.168.9.9:8042", "pacs.lan")
    targets = {made.space[index] for index in range(len(made.space))}
    assert Target("192.168.9.9", 8042) in targets
    assert Target("192.168.9.9", 104) not in targets
    assert Target("192.168.1.7", 104) in targets
    assert len(targets) == 2 * 2 + 1 + 2


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"imported": [("8.8.8.8", 80)]},
        {"boxes": boxes_at(["9.9.9.9"])},
    ],
)
def test_nothing_public_is_planned_without_a_scope(more: dict[str, object]) -> None:
    texts = ("127.0.0.1",) if more else ("8.8.4.4",)
    with pytest.raises(ScopeRefused):
        plan(*texts, **more)


INSIDE = ("10.0.0.5", "127.0.0.1", "169.254.169.254", "::1", "fd00::5", "::ffff:192.168.1.1")


@pytest.mark.parametrize("answer", INSIDE)
def test_a_public_name_does_not_bring_inside_machines_into_a_plan(answer: str, tmp_path: Path) -> None:
    def leading(text: str) -> Named:
        return parse_target(text, lambda _name: ("203.0.113.1", answer))

    scope = a_scope(tmp_path)
    own = frozenset({"10.0.0.5"})
    for text in ("practice.example", "practice.example:104", "local.example"):
        with pytest.raises(ScopeRefused, match=r"name-leads-inside.*\.example"):
            plan_of_named([leading(text)], PORTS, scope=scope, own_addresses=own, consent=Consent(), rate=1, now=NOW)
    with pytest.raises(ScopeRefused, match="name-leads-inside"):
        plan("127.0.0.1", boxes=[leading("box.example")], scope=scope)
    with pytest.raises(ScopeRefused, match="name-leads-inside"):
        this_machine(boxes=[replace(leading("box.example"), ranges=named(answer)[0].ranges)])
    for text in (
        "pacs",
        "pacs.local",
        "pacs.home",
        "pacs.lan",
        "pacs.internal",
        "x.localhost",
        "nas.home.arpa",
        "me.example",
    ):
        assert plan_of_named(
            [leading(text)], PORTS, scope=scope, own_names=frozenset({"me.example"}), consent=Consent(), rate=1, now=NOW
        ).targets == 2 * len(PORTS.numbers)
    spared = plan_of_named(
        [leading("practice.example")], PORTS, excluded=named(answer), scope=scope, consent=Consent(), rate=1, now=NOW
    )
    assert spared.targets == len(PORTS.numbers)


@pytest.mark.parametrize("answer", INSIDE)
def test_a_name_in_the_scope_file_does_not_bring_inside_machines_into_a_plan(answer: str, tmp_path: Path) -> None:
    def resolver(_name: str) -> Sequence[str]:
        return ("203.0.113.1", answer)

    scope = a_scope(tmp_path, '["pacs.client.example"]', resolver)
    leading = parse_target("pacs.client.example", resolver)
    for asked in ([], [leading], named("203.0.113.1")):
        with pytest.raises(ScopeRefused, match=r"name-leads-inside.*pacs\.client\.example"):
            plan_of_named(asked, PORTS, scope=scope, consent=Consent(), rate=1, now=NOW)
    written = a_scope(tmp_path, f'["pacs.client.example", "{answer}"]', resolver)
    local = a_scope(tmp_path, '["pacs.lan"]', resolver)
    spared = a_scope(tmp_path, f'["pacs.client.example"]\nexclude = ["{answer}"]', resolver)
    assert [len(plan(scope=scope).space) for scope in (written, local, spared)] == [4, 4, 2]
    assert len(plan(scope=scope, excluded=named(answer)).space) == 2


def test_a_public_name_may_lead_to_an_address_that_the_scope_file_writes(tmp_path: Path) -> None:
    inside = a_scope(tmp_path, '["10.0.0.5"]')
    leading = parse_target("practice.example", lambda _name: ("10.0.0.5",))
    assert plan_of_named([leading], PORTS, scope=inside, consent=Consent(), rate=1, now=NOW).targets


def test_a_scope_alone_plans_all_that_it_allows(tmp_path: Path) -> None:
    made = plan(scope=a_scope(tmp_path))
    assert len(made.space) == 4 * len(PORTS.numbers)
    assert made.scope.basis == "mandate"
    assert made.vantage(Target("203.0.113.1", 104)) is not Vantage.THIS_MACHINE


def test_what_a_scope_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScopeRefused):
        plan("203.0.113.9", scope=a_scope(tmp_path))


def test_excluded_targets_are_not_there() -> None:
    made = plan("192.168.1.0/30", excluded=named("192.168.1.2"))
    assert "192.168.1.2" not in {made.space[index].address for index in range(len(made.space))}


def test_what_is_excluded_is_not_touched_however_it_came_to_be_planned() -> None:
    spared = named("192.168.1.2")
    for made in (
        plan("192.168.1.2:8042", "192.168.1.3", excluded=spared),
        plan("192.168.1.2", "192.168.1.3", boxes=named("192.168.1.2", "192.168.1.2:19000"), excluded=spared),
        plan("192.168.1.0/24", imported=[("192.168.1.2", 8042)], excluded=[*spared, *named("192.168.1.5")]),
        plan("192.168.1.0/30", excluded=named("192.168.1.2:104")),
        this_machine([bound_to("192.168.1.5"), bound_to("127.0.0.1")], excluded=named("192.168.1.5")),
        this_machine(boxes=named("192.168.1.2", "192.168.1.1"), excluded=spared),
    ):
        assert made.targets > 0
        touched = {made.space[index].address for index in range(len(made.space))} | {b.address for b in made.boxes}
        assert not touched & {"192.168.1.2", "192.168.1.5"}


def test_a_plan_of_nothing_is_refused() -> None:
    for more in (
        {"excluded": named("192.168.1.0/24")},
        {"excluded": named("192.168.1.1"), "boxes": named("192.168.1.1")},
    ):
        with pytest.raises(UsageRefused, match="nothing-to-check"):
            plan("192.168.1.1", **more)


def test_private_addresses_of_imported_files_need_a_scope_or_a_name(tmp_path: Path) -> None:
    imported = [("192.168.1.7", 104), ("127.0.0.1", 104)]
    with pytest.raises(ScopeRefused, match="import-needs-scope"):
        plan("192.168.2.0/24", imported=imported)
    assert plan("192.168.1.0/24", imported=imported).targets
    assert plan(imported=imported, scope=a_scope(tmp_path, '["192.168.1.0/24"]')).targets == 2


def test_files_that_hold_no_target_do_not_stand_for_all_that_a_scope_allows(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused, match="nothing-to-check"):
        plan(imported=[], scope=a_scope(tmp_path))


def test_a_box_is_asked_on_its_usual_ports_or_on_the_one_named() -> None:
    asked = this_machine(boxes=named("192.168.1.1", "192.168.1.2:19000")).boxes
    usual = tuple(Target("192.168.1.1", port, "udp") for port in BOX_PORTS)
    assert asked == (*usual, Target("192.168.1.2", 19_000, "udp"))


def test_a_network_is_not_taken_address_by_address() -> None:
    assert plan("10.0.0.0/16:104").targets == 65_536
    with pytest.raises(UsageRefused, match="too-many-targets"):
        plan("10.0.0.0/15:104")
    for made in (lambda: plan("127.0.0.1", boxes=named("10.0.0.0/8")), lambda: this_machine(boxes=named("10.0.0.0/8"))):
        with pytest.raises(UsageRefused, match="too-many-targets"):
            made()


def test_this_machine_is_looked_at_on_the_ports_that_were_asked_for() -> None:
    made = this_machine([bound_to("127.0.0.1", 104), bound_to("127.0.0.1", 8042)], Ports.of((104, 11112)))
    assert [made.space[index] for index in range(len(made.space))] == [Target("127.0.0.1", 104)]


def test_this_machine_is_seen_from_where_its_sockets_are_bound() -> None:
    sockets = [
        ListeningSocket(address="0.0.0.0", port=104, process="Orthanc", reached_at=("192.168.1.5",)),
        ListeningSocket(address="127.0.0.1", port=8042, process=None, reached_at=("127.0.0.1",)),
    ]
    made = this_machine(sockets)
    assert made.vantage(Target("192.168.1.5", 104)) is Vantage.LOCAL_NETWORK
    assert made.vantage(Target("127.0.0.1", 8042)) is Vantage.THIS_MACHINE
    assert made.processes == {Target("192.168.1.5", 104): "Orthanc"}


def test_a_public_box_is_not_asked_beside_this_machine_either() -> None:
    with pytest.raises(ScopeRefused, match="scope-missing"):
        this_machine(boxes=boxes_at(["9.9.9.9"]))
    assert this_machine(boxes=boxes_at(["192.168.1.1"])).boxes
    assert this_machine(boxes=boxes_at(["203.0.113.1"]), gateways=("203.0.113.1",)).boxes


def test_an_address_that_this_machine_does_not_have_is_not_tried_for_a_socket_bound_to_it() -> None:
    assert this_machine([bound_to("203.0.113.9")]).targets == 0


def test_counting_is_planned_for_this_machine_and_refused_where_nobody_answers_for_the_systems(tmp_path: Path) -> None:
    counting = Consent(count=True)
    assert this_machine([bound_to("192.168.1.5")], consent=counting, boxes=named("192.168.1.1")).targets
    assert plan("127.0.0.1", "192.168.1.5", consent=counting, own_addresses=frozenset({"192.168.1.5"})).targets
    with pytest.raises(ScopeRefused, match="consent-needs-scope"):
        plan("192.168.1.1", consent=counting)
    assert plan("192.168.1.1", consent=counting, scope=a_scope(tmp_path, '["192.168.1.0/24"]')).targets


def test_equal_plans_share_a_journal_and_others_do_not() -> None:
    assert plan("192.168.1.1").digest == plan("192.168.1.1").digest
    assert plan("192.168.1.1").digest != plan("192.168.1.2").digest
