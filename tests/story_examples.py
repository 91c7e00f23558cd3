"""Small real runs with something to tell: orders that fail, a brain that lies, a chat brain."""

from contextlib import ExitStack

import numpy as np
import pytest

from shift_examples import ORDERS, make_plan, order_file, work
from shopfloor import plugins
from shopfloor.brain.chat.convention import convention
from shopfloor.record import RunFolder
from shopfloor.testing.standin import StandIn
from shopfloor.types import ActionChunk, Exchange, Finish, Needs, Reply, SkillCall

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b[31mall is well\x1b[0m\r\n\x9b2K\x00\x7f"
    "\u202esdrawkcab\u202c [bold red]markup[/] :skull: <script>x()</script> \ud800 tail"
)
"""What a model could answer to take over a terminal, or to look like something else."""

MODEL = "qwen2.5-vl-7b"


class Liar:
    """Moves too fast, calls what cannot be done, and says that it is done; and how it says it."""

    needs = Needs(cameras=("overview",), refresh="decision", skills=("wait",))

    def __init__(self, context):
        self.asked = 0

    def reset(self, order, *, seed):
        self.asked = 0

    def act(self, observation, events, *, deadline_s):
        self.asked += 1
        said = Exchange(
            HOSTILE, HOSTILE * 40, HOSTILE, 1.5, (1200, 34), 0.0021, {"energy_j": float("nan")}
        )
        if self.asked == 1:
            q = observation.limbs["left"].q
            rows = np.stack([*[q] * 6, *[q + 0.8] * 14])
            return Reply(ActionChunk({"left": rows}, {}, 0.02, observation.tick), said)
        if self.asked == 2:
            return Reply((SkillCall(HOSTILE, HOSTILE, ("left",), {HOSTILE: HOSTILE}),), said)
        return Reply(Finish("done", HOSTILE), said)

    def close(self):
        pass


def late_run(folder):
    """Work three orders with the classical brain; the time of the first two is too short."""
    orders = [
        ORDERS[0] | {"time_limit_s": 1.3},
        ORDERS[1] | {"time_limit_s": 3.0},
        ORDERS[2],
    ]
    plan = make_plan(order_file=order_file(folder, orders), video=True)
    work(plan, folder / "late")
    return folder / "late"


def lying_run(folder):
    """Work one order with a brain that lies, in words that no terminal should see."""
    known = plugins.factory
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            plugins, "factory", lambda kind, name: Liar if kind == "brains" else known(kind, name)
        )
        plan = make_plan(order_file=order_file(folder, ORDERS[:1]), brain="liar", video=True)
        work(plan, folder / "lying")
    return folder / "lying"


def chat_run(folder):
    """Work one order with a chat brain whose model is the stand-in, over HTTP."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPFLOOR_PROOFS", str(folder / "proofs"))
        server = stack.enter_context(StandIn(convention("qwen2.5-vl"), model_id=MODEL))
        plan = make_plan(
            brain=f"{MODEL}@{server.base_url}",
            order_file=order_file(folder, ORDERS[:1]),
            allow_unproven=True,
        )
        work(plan, folder / "chat")
    return folder / "chat"


def opened(path):
    return RunFolder.open(path)
