"""Turns: one call at a time to a host, at its pace, and nobody is forgotten or served twice."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lightproof.check.sweeping.deadlines import Deadlines
from lightproof.check.sweeping.turns import Turns, unhurried_outside


def test_a_second_call_waits_for_the_first_to_end_and_for_the_pace() -> None:
    turns: Turns[str] = Turns(lambda host: 10.0)
    assert turns.take("10.0.0.1", "first", 1, 0.0)
    assert not turns.take("10.0.0.1", "second", 2, 0.0)
    turns.connected("10.0.0.1", 1)
    assert turns.due(2, 100.0) is None
    turns.ended("10.0.0.1", 1)
    assert turns.due(2, 0.05) is None
    assert turns.due(2, 0.1) == "second"
    assert turns.waiting == 0


def test_a_call_that_nobody_picks_up_frees_its_host_after_half_a_second() -> None:
    turns: Turns[str] = Turns(lambda host: 10.0)
    turns.take("10.0.0.1", "first", 1, 0.0)
    turns.take("10.0.0.1", "second", 2, 0.0)
    assert turns.due(2, 0.49) is None
    assert turns.due(2, 0.5) == "second"


def test_other_hosts_are_not_held_up_and_loopback_never_waits() -> None:
    turns: Turns[str] = Turns(unhurried_outside)
    assert turns.take("192.168.1.1", "x", 1, 0.0)
    assert turns.take("192.168.1.2", "x", 2, 0.0)
    assert all(turns.take(host, "x", 3, 0.0) for host in ("127.0.0.1", "::1", "127.9.9.9") * 3)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["10.0.0.1", "10.0.0.2", "127.0.0.1"]), st.sampled_from(["refused", "slow", "silent"])
        ),
        max_size=40,
    )
)
@settings(max_examples=60)
def test_every_job_gets_exactly_one_turn_and_hosts_are_never_called_twice_at_once(jobs: list[tuple[str, str]]) -> None:
    turns: Turns[int] = Turns(lambda host: 20.0)
    now = call = 0
    started: list[int] = []
    open_calls: dict[int, tuple[str, float]] = {}
    busy: set[str] = set()
    waiting = list(range(len(jobs)))

    def begin(job: int, number: int, at: float) -> None:
        host, manner = jobs[job]
        assert host not in busy
        started.append(job)
        if manner == "refused":
            turns.ended(host, number)
        elif manner == "slow":
            turns.connected(host, number)
            busy.add(host)
            open_calls[number] = host, at + 0.9

    for tick in range(4_000):
        now = tick / 50
        for number, (host, ends) in list(open_calls.items()):
            if ends <= now:
                del open_calls[number]
                busy.discard(host)
                turns.ended(host, number)
        if waiting:
            call += 1
            if turns.take(jobs[waiting[0]][0], waiting[0], call, now):
                begin(waiting[0], call, now)
            waiting.pop(0)
        while (job := turns.due(call + 1, now)) is not None:
            call += 1
            begin(job, call, now)
    assert sorted(started) == list(range(len(jobs)))
    assert turns.waiting == 0


def test_a_neighbourhood_on_the_internet_gets_ten_calls_a_second_together() -> None:
    turns: Turns[str] = Turns(unhurried_outside)
    now = 0.0
    times = [now for n in range(30) if turns.take(f"198.51.100.{n}", "x", n, now)]
    for tick in range(400):
        now = tick / 100
        while turns.due(1_000 + tick, now) is not None:
            times.append(now)
    assert len(times) == 30
    assert all(later - earlier >= 0.09 for earlier, later in pairwise(times))
    assert 2.8 < max(times) < 3.2


def test_the_world_is_asked_less_often_than_one_s_own_network() -> None:
    assert unhurried_outside("127.0.0.1") is None
    assert unhurried_outside("192.168.1.1") == 20
    assert unhurried_outside("fd00::1") == 20
    assert unhurried_outside("198.51.100.1") == unhurried_outside("2001:db8::1") == 2


def test_deadlines_fall_due_in_order_and_at_most_a_basket_late() -> None:
    deadlines = Deadlines(1.0)
    for number in range(100):
        deadlines.add(number, number / 100)
    assert deadlines.next_due is not None
    seen: list[int] = []
    for tick in range(300):
        for number in deadlines.due(tick / 100):
            assert 0 <= tick / 100 - (number / 100 + 1.0) <= 0.07
            seen.append(number)
    assert seen == list(range(100))
    assert deadlines.next_due is None
