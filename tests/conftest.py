"""What is dear to make and cheap to share: bodies, their geometry, and cells with a GL context."""

import numpy as np
import pytest
from hypothesis import settings

from body_examples import Arms
from shopfloor.body.bench import Bench
from shopfloor.body.geometry import Geometry
from shopfloor.guard import load_limits

# The same examples every time: a change is judged by what it changes, not by luck. To look for new
# ones, run pytest with --hypothesis-profile=default.
settings.register_profile("house", derandomize=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def bench():
    return Bench()


@pytest.fixture(scope="session")
def geometry(bench):
    return Geometry(bench)


@pytest.fixture(scope="session")
def arms(bench):
    return Arms(bench)


@pytest.fixture(scope="session")
def fenced(bench):
    return load_limits("sorting", bench.spec, "fenced")


@pytest.fixture(scope="session")
def collaborative(bench):
    return load_limits("sorting", bench.spec, "collaborative")


@pytest.fixture(scope="session")
def cell(bench):
    """The sorting cell with its cameras; every test resets it for itself."""
    from shopfloor.cell.sorting import SortingCell

    cell = SortingCell(bench)
    yield cell
    cell.close()


@pytest.fixture(scope="session")
def dark_cell(bench):
    """The sorting cell without cameras, where only motion matters."""
    from shopfloor.cell.sorting import SortingCell

    return SortingCell(bench, render=False)


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)
