"""What the forwards of a box lead to: a run that swept the port says whether it is closed; silence is not."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from check.internet_boxes import a_box, mapping, soap_of
from check.services import serving, silent
from check.unanswered_ports import closed_port, dropping_calls
from check.watchers import Unwatched
from lightproof.check import run
from lightproof.check.consent import Consent
from lightproof.check.plan import Plan, plan_of_named, plan_of_this_machine
from lightproof.check.reporting import perform
from lightproof.check.targets import Named, Ports, parse_target
from lightproof.check.watching import at_once
from lightproof.evidence.records import ExposureReport, Probe, Severity, Target


def named(*texts: str) -> list[Named]:
    return [parse_target(text, lambda _name: ()) for text in texts]


def a_plan(*texts: str, box: str) -> Plan:
    return plan_of_named(
        named(*texts), Ports(()), boxes=named(box), consent=Consent(), rate=100_000, now=datetime.now(UTC)
    )


class Noting(Unwatched):
    """Keeps what was sent by whom."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []

    def probed(self, probe: Probe) -> None:
        self.probes.append(probe)


async def checked(plan: Plan, journal: Path, watcher: Unwatched | None = None) -> ExposureReport:
    look = at_once(partial(run.opened, plan, journal=journal))
    return await asyncio.to_thread(perform, plan, look, watcher or Unwatched())


def told(report: ExposureReport) -> list[tuple[Target, str]]:
    return [(entry.target, entry.reason) for entry in report.unchecked]


async def test_a_forward_to_a_port_that_refused_is_closed_and_not_unchecked(tmp_path: Path) -> None:
    port, noting = closed_port(), Noting()
    async with a_box(soap=soap_of([mapping(8104, "127.0.0.1", port), mapping(8105, "127.0.0.1", port)])) as box:
        report = await checked(a_plan(f"127.0.0.1:{port}", box=f"127.0.0.1:{box}"), tmp_path / "j", noting)
    assert told(report) == []
    assert [probe.connections for probe in noting.probes if probe.target.port == port] == [1]
    assert [(f.rule, f.severity) for f in report.findings if f.rule.startswith("box-port-leads")] == [
        ("box-port-leads-to-closed", Severity.LOW)
    ] * 2
    assert "forward-unknown" not in {cap.id for cap in report.caps}
    assert all(service.service == "upnp-igd" for service in report.services)  # where nobody listens is no service


async def test_a_forward_to_what_was_not_swept_or_gave_no_answer_stays_unchecked(tmp_path: Path) -> None:
    swept, other = closed_port(), closed_port()
    with dropping_calls() as dropped:
        forwards = [mapping(1, "127.0.0.1", other), mapping(2, "127.0.0.1", dropped)]
        async with a_box(soap=soap_of(forwards)) as box:
            plan = a_plan(f"127.0.0.1:{swept}", f"127.0.0.1:{dropped}", box=f"127.0.0.1:{box}")
            report = await checked(plan, tmp_path / "j")
    assert sorted(told(report)) == sorted(
        (Target("127.0.0.1", port), "forward-not-checked") for port in (other, dropped)
    )
    assert "box-port-leads-to-closed" not in report.rules


async def test_a_forward_to_a_port_of_this_machine_where_no_program_listens_is_closed(tmp_path: Path) -> None:
    def of_this_machine(box: int, **more: object) -> Plan:
        own = {"own_addresses": frozenset({"127.0.0.1"}), "consent": Consent(), "rate": 100_000, **more}
        return plan_of_this_machine((), boxes=named(f"127.0.0.1:{box}"), now=datetime.now(UTC), **own)  # type: ignore[arg-type]

    port, noting = closed_port(), Noting()
    async with a_box(soap=soap_of([mapping(8104, "127.0.0.1", port)])) as box:
        report = await checked(of_this_machine(box), tmp_path / "j", noting)
        narrowed = await checked(of_this_machine(box, ports=Ports((104,))), tmp_path / "k")
    assert told(report) == []
    assert "box-port-leads-to-closed" in report.rules
    assert [probe.connections for probe in noting.probes if probe.target.port == port] == [1]
    assert told(narrowed) == [(Target("127.0.0.1", port), "forward-not-checked")]  # --ports: the others are not called


async def test_a_forward_to_a_port_that_picked_up_is_not_called_closed(tmp_path: Path) -> None:
    async with serving(silent) as port, a_box(soap=soap_of([mapping(1, "127.0.0.1", port)])) as box:
        report = await checked(a_plan(f"127.0.0.1:{port}", box=f"127.0.0.1:{box}"), tmp_path / "j")
    assert (Target("127.0.0.1", port), "forward-not-checked") in told(report)
    assert "box-port-leads-to-closed" not in report.rules
