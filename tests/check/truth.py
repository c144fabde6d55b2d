"""What is true of a server, what a stranger who only reads can know of it, and whether that is what the check says."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from check.services import pass_on
from check.visiting import facts_of, visit
from lightproof.check.consent import Consent
from lightproof.evidence.records import Facts, Target
from peers.processes import ADDRESS
from peers.starts import Ground, Start


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Why a stranger who only reads cannot establish a fact, so that nothing may be said of it."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One configuration of one server, and the truth about it."""

    name: str
    service: str
    start: Start
    truth: Facts | None
    """What the server does for whoever knows no secret, by its configuration: every fact is true or false. AE titles
    are no secrets. None: there is no such service for a stranger to see, and nothing may be said of one."""
    protections: frozenset[str] = frozenset()
    """By its configuration."""
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    """By fact."""
    unseen: Mapping[str, str] = field(default_factory=dict[str, str])
    """Protections that no stranger can tell, and why."""
    why: str = ""
    """Why there is nothing to see, where there is nothing."""
    unchecked: tuple[str, ...] = ()
    """What has to be said to be unchecked: detectors with their reasons. Nothing else may be said of it then."""
    called: str = "ANY-SCP"
    """AE title that it answers to, for whoever knows it."""
    calling: str = "STRANGER"
    """AE title of a caller that it answers, for whoever knows one."""
    asked_as: str | None = None
    """What it is called by whoever names it."""
    on_port: int | None = None
    """Where it has to be seen: some services are known by their port alone."""
    consent: Consent = field(default_factory=Consent)

    @property
    def expected(self) -> Facts | None:
        """The truth, less what cannot be known."""
        if self.truth is None or self.unchecked:
            return None
        return replace(self.truth, **dict.fromkeys(self.limits))

    @property
    def expected_protections(self) -> frozenset[str]:
        """The protections that can be seen."""
        return frozenset() if self.unchecked else self.protections - self.unseen.keys()


FACTS: Final = ("open", "listable", "downloadable", "writable")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The facts of one row, compared with the truth and with nothing else."""

    right: tuple[str, ...]
    not_established: Mapping[str, str]
    """With the reasons."""
    wrong: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the check says of the row's service; no facts when it says nothing of one."""

    facts: Facts | None
    protections: frozenset[str]
    unchecked: tuple[str, ...]
    """Detectors of the service that could not finish, with their reasons."""

    def is_right_for(self, row: Row) -> bool:
        """Every fact and every protection is as expected, and nothing else was left unchecked than had to be."""
        expected = (row.expected, row.expected_protections, row.unchecked)
        return (self.facts, self.protections, self.unchecked) == expected


def judged(row: Row, seen: Found) -> Judged:
    """Each fact, and that there is a service at all: right, not established, or wrong."""
    if row.truth is None:
        return Judged(
            right=("no service",) if seen.facts is None else (),
            not_established={},
            wrong=() if seen.facts is None else ("a service that is none",),
        )
    said = asdict(seen.facts or Facts())
    true = asdict(row.truth)
    why = "; ".join(row.unchecked) or "nothing was said"
    return Judged(
        right=tuple(fact for fact in FACTS if said[fact] is true[fact]),
        not_established={
            fact: row.limits[fact].why if fact in row.limits else why for fact in FACTS if said[fact] is None
        },
        wrong=tuple(fact for fact in FACTS if said[fact] is not None and said[fact] is not true[fact]),
    )


def gives(*facts: str, reachable: bool = True) -> Facts:
    """A server that does these things for anyone, and none of the others."""
    assert set(facts) <= set(FACTS)
    return Facts(reachable=reachable, **{name: name in facts for name in FACTS})


def written(facts: Facts | None) -> str:
    """Facts in few characters: `open not-listable writable?`; reachable goes without saying."""
    if facts is None:
        return "no such service"
    values = {name: value for name, value in asdict(facts).items() if name != "reachable"}
    marks = {True: "{}", False: "not-{}", None: "{}?"}
    return " ".join(marks[value].format(name) for name, value in values.items())


async def found(row: Row, ground: Ground) -> Found:
    """Starts the row's server, looks at it with every detector as the engine does, and stops it."""
    with row.start(ground) as port:
        async with seen_at(port, row.on_port) as target:
            seen = await visit(target, consent=row.consent, names=(row.asked_as,) if row.asked_as else ())
    about = [observation for observation in seen.observations if observation.service == row.service]
    return Found(
        facts=facts_of(seen, row.service) if about else None,
        protections=frozenset(word for observation in about for word in observation.protections),
        unchecked=tuple(f"{unchecked.detector}: {unchecked.reason}" for unchecked in seen.unchecked),
    )


@asynccontextmanager
async def seen_at(port: int, on_port: int | None) -> AsyncGenerator[Target]:
    """The server itself; or, where it must be seen on a port of note, a forward to it from an address of its own."""
    if on_port is None:
        yield Target(ADDRESS, port)
        return

    conversations: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(ADDRESS, port)
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))
        except asyncio.CancelledError:
            pass
        finally:
            conversations.discard(task)

    address = f"127.77.{random.randrange(256)}.{random.randrange(1, 255)}"
    async with await asyncio.start_server(forward, address, on_port):
        yield Target(address, on_port)
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
