"""The account of parts always balances."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.errors import RunError
from shopfloor.order import Ledger
from shopfloor.types import Outcome, UnitOutcome

STATES = ("good", "scrap", "wip", "quarantine", "bystander")


def outcome(states: list[str]) -> Outcome:
    units = tuple(UnitOutcome(f"p{i}", state) for i, state in enumerate(states))
    good = all(state in ("good", "bystander") for state in states)
    return Outcome(good, good, None if good else "infra", None if good else 1, units, 10)


@given(st.lists(st.lists(st.sampled_from(STATES), max_size=10), max_size=8))
def test_it_always_balances(shift: list[list[str]]) -> None:
    ledger = Ledger.of(outcome(states) for states in shift)
    flat = [state for states in shift for state in states]
    assert ledger.entered == len(flat) - flat.count("bystander")
    assert ledger.entered == ledger.good + ledger.scrap + ledger.wip + ledger.quarantine
    for state in STATES[:4]:
        assert getattr(ledger, state) == flat.count(state)
    assert ledger.bystanders == flat.count("bystander")


@given(st.lists(st.lists(st.sampled_from(STATES), max_size=6), max_size=6), st.integers(0, 6))
def test_workers_accounts_can_be_joined(shift: list[list[str]], cut: int) -> None:
    outcomes = [outcome(states) for states in shift]
    assert Ledger.of(outcomes[:cut]) + Ledger.of(outcomes[cut:]) == Ledger.of(outcomes)


def test_a_lost_part_is_noticed() -> None:
    with pytest.raises(RunError, match="does not balance"):
        Ledger(entered=3, good=2)
    with pytest.raises(RunError, match="does not balance"):
        Ledger(entered=0, good=1, scrap=-1)
    with pytest.raises(RunError, match="does not balance"):
        Ledger().add(outcome(["good", "wip"]), entered=3)


def test_a_part_counted_twice_is_noticed() -> None:
    unit = UnitOutcome("p0", "good")
    with pytest.raises(RunError, match="p0 are listed twice"):
        Ledger().add(Outcome(True, True, None, None, (unit, unit)))


def test_a_good_order_has_good_units_only() -> None:
    with pytest.raises(RunError, match="not good"):
        Ledger().add(Outcome(True, True, None, None, (UnitOutcome("p0", "wip"),)))


def test_unknown_states_are_refused() -> None:
    bad = UnitOutcome("p0", "missing")  # type: ignore[arg-type]
    with pytest.raises(RunError, match="'missing'"):
        Ledger().add(Outcome(False, False, "infra", 1, (bad,)))
