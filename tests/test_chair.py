"""A brain in a chair answers in time or is replaced, whatever it does, whatever the clock says."""

import threading
import time
from types import SimpleNamespace

import pytest

from shopfloor.errors import RunError
from shopfloor.shift.chair import Chair, may_wait
from shopfloor.types import Exchange, Finish, Needs, Reply

SAID = Exchange("", "", "test", 0.0)
REPLY = Reply(Finish("done"), SAID)


class Brain:
    """Does what it is told to, and says in which thread."""

    def __init__(self, act=lambda: REPLY, reset=lambda: None):
        self.needs = Needs()
        self.threads = []
        self._act, self._reset = act, reset

    def reset(self, order, *, seed):
        self.threads.append(threading.current_thread())
        return self._reset()

    def act(self, observation, events, *, deadline_s):
        self.threads.append(threading.current_thread())
        return self._act()

    def close(self):
        self.threads.append(threading.current_thread())


def seat(brain, make=Brain, **options):
    options = {"deadline_s": 0.05, "grace_s": 0.0, "pause_s": 0.0} | options
    return Chair(brain, make, **options)


def begin(chair):
    chair.reset(SimpleNamespace(), seed=0)


def ask(chair, deadline_s=0.05):
    return chair.act(SimpleNamespace(), (), deadline_s=deadline_s)


@pytest.fixture
def hang():
    """Blocks whoever waits for it until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def test_all_calls_come_from_one_thread_that_is_not_ours():
    brain = Brain()
    chair = seat(brain)
    begin(chair)
    assert ask(chair) is REPLY
    chair.close()
    assert len(brain.threads) == 3
    assert len(set(brain.threads)) == 1
    assert brain.threads[0] is not threading.current_thread()


def test_what_a_brain_raises_is_raised_where_it_is_asked():
    error = ValueError("no idea")
    error.exchange = SAID

    def raises():
        raise error

    chair = seat(Brain(raises))
    begin(chair)
    with pytest.raises(ValueError, match="no idea") as caught:
        ask(chair)
    assert caught.value is error
    with pytest.raises(ValueError, match="no idea"):
        ask(chair)  # an error is no reason to lose the brain
    assert chair.given_up == 0
    chair.close()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_brain_that_wants_to_end_the_process_only_fails(error):
    def raises():
        raise error

    chair = seat(Brain(raises))
    begin(chair)
    with pytest.raises(RuntimeError, match=type(error).__name__):
        ask(chair)
    chair.close()


def test_who_hangs_is_given_up_at_the_deadline_and_made_anew_for_the_next_order(hang):
    made = []

    def make():
        made.append(Brain())
        return made[-1]

    chair = seat(Brain(hang), make)
    begin(chair)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        ask(chair)
    assert 0.05 <= time.monotonic() - began < 2
    with pytest.raises(ConnectionError, match="next order"):
        ask(chair)  # nobody sits there now
    assert made == []
    begin(chair)
    assert ask(chair) is REPLY
    assert len(made) == 1
    chair.close()
    assert len(made[0].threads) == 3


def test_a_hang_at_the_beginning_of_an_order_is_ended_too(hang):
    chair = seat(Brain(reset=hang))
    with pytest.raises(TimeoutError):
        begin(chair)
    begin(chair)
    assert ask(chair) is REPLY
    chair.close()


def test_a_late_answer_reaches_nobody():
    late, go = Reply(Finish("gave_up", "late"), SAID), threading.Event()
    first = Brain(lambda: go.wait() and late)
    chair = seat(first)
    begin(chair)
    with pytest.raises(TimeoutError):
        ask(chair)
    go.set()
    first.threads[-1].join(5)
    assert not first.threads[-1].is_alive()  # it came back, and its thread ended
    begin(chair)
    assert [ask(chair) for _ in range(3)] == [REPLY] * 3
    chair.close()


def test_a_jump_of_the_wall_clock_neither_shortens_nor_lengthens_a_wait(hang, monkeypatch):
    real = time.time
    for jump in (-3600.0, 3600.0):
        began = time.monotonic()
        # The clock jumps while the loop is waiting, and keeps jumping.
        monkeypatch.setattr(
            time, "time", lambda jump=jump, began=began: real() + jump * (time.monotonic() - began)
        )
        slow = Brain(lambda: time.sleep(0.1) or REPLY)
        chair = seat(slow)
        begin(chair)
        assert ask(chair, deadline_s=5.0) is REPLY  # no false timeout
        chair.close()
        chair = seat(Brain(hang))
        begin(chair)
        began_waiting = time.monotonic()
        with pytest.raises(TimeoutError):
            ask(chair, deadline_s=0.2)
        assert 0.2 <= time.monotonic() - began_waiting < 2
        chair.close()


def test_whoever_waits_can_be_interrupted_and_the_chair_still_closes(hang):
    def interrupt():
        raise KeyboardInterrupt

    brain = Brain(hang)
    chair = seat(brain, meanwhile=interrupt)
    begin(chair)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ask(chair, deadline_s=60.0)
    chair.close()
    assert time.monotonic() - began < 2
    assert len(brain.threads) == 3  # closed, though it still hangs


def test_only_so_many_may_hang_and_then_the_shift_ends(hang):
    chair = seat(Brain(hang), lambda: Brain(hang), deadline_s=0.01)
    for _ in range(8):
        begin(chair)
        with pytest.raises(TimeoutError):
            ask(chair, deadline_s=0.01)
    with pytest.raises(RunError, match=r"8 times .* go on with --resume"):
        begin(chair)
    chair.close()


def test_those_that_come_back_late_do_not_add_up():
    def slow():
        time.sleep(0.03)
        return REPLY

    chair = seat(Brain(slow), lambda: Brain(slow), deadline_s=0.01)
    for _ in range(12):
        begin(chair)
        with pytest.raises(TimeoutError):
            ask(chair, deadline_s=0.01)
        time.sleep(0.03)
    assert chair.given_up == 12
    chair.close()


def test_pauses_grow_until_it_answers_again(hang, monkeypatch):
    pauses = []
    monkeypatch.setattr(
        "shopfloor.shift.chair._Thread.wait", lambda _self, s, _meanwhile: pauses.append(s)
    )
    acts = iter([hang, hang, lambda: REPLY, hang])
    chair = seat(Brain(hang), lambda: Brain(next(acts)), pause_s=0.5)
    for _ in range(3):
        begin(chair)
        with pytest.raises(TimeoutError):
            ask(chair)
    begin(chair)
    assert ask(chair) is REPLY
    assert pauses == [0.5, 1.0, 2.0]
    chair.close()


def test_who_cannot_be_made_anew_is_gone_until_he_can(hang):
    tries = []

    def make():
        tries.append(None)
        if len(tries) == 1:
            raise OSError("no weights")
        return Brain()

    chair = seat(Brain(hang), make)
    begin(chair)
    with pytest.raises(TimeoutError):
        ask(chair)
    with pytest.raises(ConnectionError, match="no weights"):
        begin(chair)
    begin(chair)
    assert ask(chair) is REPLY
    chair.close()


def test_a_probe_that_hangs_or_breaks_is_no_answer(hang):
    brain = Brain()
    chair = seat(brain)
    assert chair.reachable(deadline_s=0.05) is None
    for probe, found in ((lambda: True, True), (hang, False), (lambda: 1 / 0, False)):
        brain.reachable = lambda probe=probe, **_: probe()
        assert chair.reachable(deadline_s=0.05) is found
    chair.close()


def test_who_waits_for_nobody_needs_no_chair():
    from shopfloor.brain.chat.brain import ChatBrain
    from shopfloor.brain.classical import ClassicalBrain

    assert may_wait(Brain())
    assert may_wait(ChatBrain)
    assert not may_wait(ClassicalBrain)
