"""The random order: a permutation, the same for the same seed, and well spread."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightproof.check.sweeping.order import LARGEST, Order


@given(st.integers(0, 3_000), st.integers())
def test_every_number_comes_once(size: int, seed: int) -> None:
    order = Order(size, seed)
    assert sorted(image for _, image in order.walk(range(size))) == list(range(size))


@given(st.integers(1, LARGEST), st.integers(), st.data())
def test_each_number_tells_where_it_stands(size: int, seed: int, data: st.DataObject) -> None:
    order = Order(size, seed)
    position = data.draw(st.integers(0, size - 1))
    assert order.position(order[position]) == position


def test_the_order_depends_on_the_seed_alone() -> None:
    first, again, other = Order(1_000, 7), Order(1_000, 7), Order(1_000, 8)
    images = [first[p] for p in range(1_000)]
    assert images == [again[p] for p in range(1_000)]
    assert images != [other[p] for p in range(1_000)]


def test_a_walk_may_begin_anywhere_and_take_strides() -> None:
    order = Order(1_000, 3)
    assert [i for _, i in order.walk(range(1, 1_000, 4))] == [order[p] for p in range(1, 1_000, 4)]


def test_the_largest_order_answers_at_both_ends() -> None:
    order = Order(LARGEST, 1)
    assert all(0 <= order[p] < LARGEST for p in (0, 1, LARGEST - 1))
    with pytest.raises(IndexError):
        order[LARGEST]
    with pytest.raises(ValueError, match=str(LARGEST + 1)):
        Order(LARGEST + 1, 1)


def test_neighbours_do_not_follow_one_another() -> None:
    order = Order(254 * 60, 5)
    hosts = [order[p] // 60 for p in range(254 * 60)]
    assert sum(a == b for a, b in pairwise(hosts)) < 254
