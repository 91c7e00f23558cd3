"""Episodes are told apart in the same way, however the rows come in batches."""

from itertools import groupby, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.check.lerobot.stretch import Stretches

ROWS = st.lists(st.integers(0, 4), min_size=1, max_size=40)


def run(episodes, actions, cuts):
    found, places = Stretches(), []
    edges = sorted({0, len(episodes), *(cut % (len(episodes) + 1) for cut in cuts)})
    for first, last in pairwise(edges):
        places.extend(found.add(episodes[first:last], 0, actions[first:last]))
    found.close()
    return found, places


@given(rows=ROWS, cuts=st.lists(st.integers(0, 40), max_size=5))
def test_stretches_do_not_depend_on_batches(rows, cuts):
    episodes = np.array(rows)
    found, places = run(episodes, np.zeros((len(rows), 2), np.float32), cuts)
    stretches = [(number, len(list(same))) for number, same in groupby(rows)]
    assert list(zip(found.numbers, found.lengths, strict=True)) == stretches
    assert list(found.firsts) == list(np.cumsum([0, *(n for _, n in stretches)])[:-1])
    assert places == [n for _, length in stretches for n in range(length)]
    assert found.count() == len(set(rows))
    assert list(found.firsts_of(0)) == list(found.firsts)
    assert not len(found.firsts_of(1))


@given(
    lengths=st.lists(st.integers(1, 4), min_size=2, max_size=8),
    kinds=st.data(),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
def test_twins_are_those_of_two_rows_or_more_that_act_alike(lengths, kinds, cuts):
    moves = [kinds.draw(st.integers(0, 1)) for _ in lengths]
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    actions = np.repeat(np.array(moves, np.float32), lengths)[:, None]
    found, _ = run(episodes, actions, cuts)
    first, twins = {}, []
    for number, what in enumerate(zip(lengths, moves, strict=True)):
        if what[0] > 1 and first.setdefault(what, number) != number:
            twins.append((first[what], number))
    assert found.twins == twins


def test_an_episode_that_goes_on_in_the_next_file_is_two_stretches_and_one_count():
    found = Stretches()
    assert list(found.add(np.array([0, 0]), 0, None)) == [0, 1]
    assert list(found.add(np.array([0, 1]), 1, None)) == [2, 0]
    found.close()
    assert list(found.numbers) == [0, 0, 1]
    assert list(found.files) == [0, 1, 1]
