"""Brains that a process of a live cell may have to put up with."""

import os
import signal
import socket
import sys
import threading

from shopfloor.types import Exchange, Finish, Needs, Reply

SAID = Exchange("", "", "test", 0.0)
PICKLED = b"cos\nsystem\n(S'touch pwned'\ntR."
"""What Python's own unpickler would carry out."""


class Plain:
    """Does as the order's words say."""

    needs = Needs(cameras=("overview",))
    facts = {"id": "plain/1", "size": 7}  # noqa: RUF012

    def __init__(self, context):
        self.limbs = sorted(context.cell.body.limbs)

    def reset(self, order, *, seed):
        self.words = order.instruction
        if self.words == "fail to begin":
            raise OSError("no room")

    def act(self, observation, events, *, deadline_s):
        if self.words == "hang":
            threading.Event().wait()
        elif self.words == "raise":
            error = ValueError("no idea")
            error.exchange = SAID
            raise error
        elif self.words == "exit":
            os._exit(3)
        elif self.words == "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.words == "pickle":
            _line().sendall(PICKLED * 100)
        elif self.words == "unspeakable":
            return Reply(Finish("done", "\ud800"), SAID)
        note = f"tick {observation.tick}, {len(events)} events, {self.limbs}"
        return Reply(Finish("done", note), SAID)

    def close(self):
        pass


class Unmade(Plain):
    def __init__(self, context):
        raise OSError("no weights")


def _line():
    """The line that the process was handed, past everybody who keeps its form."""
    return socket.socket(fileno=os.dup(int(sys.argv[2])))
