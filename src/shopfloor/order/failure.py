"""Failure codes: exactly one root code for each failed order, from physics and logs."""

from __future__ import annotations

__all__ = ["FAILURE_CODES", "FAILURE_MEANINGS"]

FAILURE_MEANINGS = {
    "perception.miss": "a part that the order names was never reached for",
    "perception.wrong_object": "a part that the order leaves alone was picked up",
    "perception.out_of_range": "a position outside the picture or the cell was asked for",
    "plan.invalid": "a skill call that cannot be carried out was made",
    "plan.wrong_step": "a part went where the call said, and the order wants it elsewhere",
    "plan.gave_up": "the brain gave up, and nothing else had gone wrong",
    "grasp.miss": "the jaw closed and did not lift the part",
    "grasp.slip": "a held part left the closed jaw",
    "place.miss": "a released part came to rest outside the tote of the call",
    "insert.jam": "an insertion stuck",
    "collision": "a part was pushed, or a limb pressed on what it should not touch",
    "guard.stop": "the guard stopped the motion",
    "brain.timeout": "the brain did not answer before its deadline",
    "brain.malformed": "the brain's answer could not be read",
    "brain.unreachable": "the brain's server could not be reached",
    "brain.refused": "the brain refused the order",
    "brain.false_claim": "the brain said done though it had been told of, or held, a failure",
    "sensor.fault": "a sensor failed",
    "actuator.fault": "a drive or a jaw failed",
    "order.timeout": "the time limit of the order was over",
    "infra": "the house itself failed: simulator, process, disk",
}
"""One line of meaning for each failure code."""

FAILURE_CODES: tuple[str, ...] = tuple(FAILURE_MEANINGS)
"""All failure codes, in the order of the metrics page."""
