"""Who may work a shift: what is no cell or no brain is refused by name before anything moves."""

from dataclasses import replace

import pytest

from record_examples import cell_spec
from shift_examples import make_plan, silent
from shopfloor import plugins
from shopfloor.errors import SpecMismatch, UsageError
from shopfloor.shift import run_shift
from shopfloor.shift.fit import require_cell
from shopfloor.shift.hire import Staff

PLAN = make_plan(orders=1)
METHODS = ("close", "hold", "judge", "orders", "reset", "step", "stop", "view")


def cell_of(*, spec=None, without=(), **more):
    """A cell that can be asked for everything, but for what is left out."""
    closed = []
    methods = {name: lambda *_, **__: None for name in METHODS if name not in without}
    if "close" in methods:
        methods["close"] = lambda self: closed.append(self)  # noqa: PLW0108 - bound to the cell
    made = type("Bare", (), methods | {"closed": closed} | more)()
    made.spec = cell_spec() if spec is None else spec
    return made


def test_a_whole_cell_is_let_in():
    cell = cell_of()
    assert require_cell(cell, PLAN) is cell
    assert cell.closed == []


@pytest.mark.parametrize("name", METHODS)
def test_a_cell_that_lacks_a_method_is_refused_by_its_name_and_closed(name):
    for cell in (cell_of(without=[name]), cell_of(**{name: None})):
        with pytest.raises(SpecMismatch, match=rf"\(Bare\) is no cell: it lacks {name}; hold it"):
            require_cell(cell, PLAN)
        assert len(cell.closed) == (name != "close")


def test_all_that_a_cell_lacks_is_named_at_once():
    with pytest.raises(SpecMismatch, match=r"lacks spec \(a CellSpec\), hold, view; hold it"):
        require_cell(cell_of(spec="sorting", without=["view", "hold"]), PLAN)


@pytest.mark.parametrize("noise", [0, 3])
def test_a_shift_is_refused_before_anything_is_made(tmp_path, monkeypatch, noise):
    known = plugins.factory
    bare = cell_of(without=["hold"])

    def factory(kind, name):
        return (lambda *_, **__: bare) if kind == "cells" else known(kind, name)

    monkeypatch.setattr(plugins, "factory", factory)
    with pytest.raises(SpecMismatch, match="it lacks hold"):
        Staff(replace(PLAN, noise=noise))
    assert bare.closed == [bare]
    with pytest.raises(SpecMismatch, match="it lacks hold"):
        run_shift(replace(PLAN, noise=noise), tmp_path / "run", resume=False, progress=silent)
    assert not (tmp_path / "run").exists()


def test_a_record_moves_simulated_cells_only():
    record = replace(PLAN, simulated_only=True)
    simulated, real = cell_of(simulated=True), cell_of()
    assert require_cell(simulated, record) is simulated
    with pytest.raises(UsageError, match="only runs of simulated cells"):
        require_cell(real, record)
    assert real.closed == [real]
