"""Who works the next lot follows from what is committed, and from nothing else."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from report_examples import entry
from shopfloor.shift.roster import LOST_LOTS, Recorded, Roster

LOST = "brain.timeout"
GONE = "brain.unreachable"


def shift(answers, *, fallback="classical", probe=lambda _lot: None, lots=60, resume_at=()):
    """Work lots; ``answers(lot)`` says how the model is lost in a lot that it works, or None."""
    entries, lot = [], 0

    def anew():
        return Roster(
            "model",
            fallback,
            before=[each.lot for each in entries],
            reachable=lambda _seconds: probe(lot),
        )

    roster = anew()
    for lot in range(lots):
        if lot in resume_at:
            roster = anew()
        by = roster.next(SimpleNamespace(index=lot), entries)
        if by is None:
            break
        lost = answers(lot) if by == "model" else None
        entries.append(entry(lot, worked_by=by, lost=lost))
    return "".join("m" if each.worked_by == "model" else "f" for each in entries)


def test_a_brain_that_answers_works_every_lot():
    assert shift(lambda _: None) == "m" * 60


def test_one_that_is_lost_now_and_then_keeps_its_place():
    assert shift(lambda lot: LOST if lot % 3 else None) == "m" * 60


def test_after_three_in_a_row_the_fallback_works_and_trials_grow_rarer():
    # Nobody can probe it: it gets one lot after 2, 4, 8, 16, 32 and then every 32.
    done = shift(lambda _: LOST, lots=139)
    assert done == "mmm" + "".join("f" * n + "m" for n in (2, 4, 8, 16, 32, 32, 32)) + "fff"


def test_a_probe_that_says_nobody_is_there_saves_the_trials():
    assert shift(lambda _: LOST, probe=lambda _: False) == "mmm" + "f" * 57


def test_one_that_is_proved_gone_is_replaced_at_once():
    assert shift(lambda _: GONE, probe=lambda _: False) == "m" + "f" * 59
    # A deadline that passed proves nothing of the connection.
    assert shift(lambda _: LOST, probe=lambda _: False).startswith("mmmf")
    # Nor does an error, where somebody answers the probe.
    assert shift(lambda _: GONE, probe=lambda _: True).startswith("mmmf")


def test_it_comes_back_when_the_probe_finds_it():
    asked = []

    def probe(lot):
        asked.append(lot)
        return lot >= 10

    done = shift(lambda lot: GONE if lot < 10 else None, probe=probe, lots=30)
    # Lost in lot 0; asked for after 2, then 4, then 8 lots of the fallback.
    assert done == "m" + "f" * 14 + "m" * 15
    assert asked == [1, 3, 7, 15]


def test_one_that_comes_back_only_to_be_lost_again_waits_longer():
    done = shift(lambda _: LOST, probe=lambda _: True, lots=40)
    assert done == "mmmffmffffmffffffffm" + "f" * 16 + "mfff"


def test_without_a_fallback_the_shift_ends_and_a_new_session_is_a_new_attempt():
    assert shift(lambda _: LOST, fallback=None) == "m" * LOST_LOTS
    assert shift(lambda _: LOST, fallback=None, resume_at=(3,)) == "m" * 6
    assert shift(lambda lot: LOST if lot < 4 else None, fallback=None, resume_at=(3,)) == "m" * 60


def test_who_insists_goes_on():
    roster = Roster("model", None, keep_going=True)
    entries = [entry(lot, worked_by="model", lost=LOST) for lot in range(50)]
    assert roster.next(SimpleNamespace(index=50), entries) == "model"


@given(
    st.lists(st.sampled_from([None, LOST, GONE]), min_size=40, max_size=40),
    st.sampled_from([None, False]),
    st.sets(st.integers(1, 39), max_size=6),
)
def test_a_resumed_shift_gives_every_lot_to_whom_it_would_have_gone(fates, found, resume_at):
    # Nothing but the entries is known after a resume; what the probe says is the world's affair.
    whole = shift(lambda lot: fates[lot], probe=lambda _: found, lots=40)
    assert len(whole) == 40
    parts = shift(lambda lot: fates[lot], probe=lambda _: found, lots=40, resume_at=resume_at)
    assert parts == whole


@given(st.lists(st.sampled_from(["m", "mL", "f"]), max_size=30), st.randoms())
def test_the_sequence_in_which_entries_are_known_does_not_matter(story, luck):
    entries = [
        entry(
            lot,
            worked_by="classical" if kind == "f" else "model",
            lost=LOST if kind == "mL" else None,
        )
        for lot, kind in enumerate(story)
    ]
    mixed = luck.sample(entries, len(entries))
    lot = SimpleNamespace(index=len(entries))
    assert Roster("model", "classical").next(lot, entries) == Roster("model", "classical").next(
        lot, mixed
    )


def test_a_repetition_asks_the_record():
    recorded = Recorded(lambda lot: "f" if lot.index % 2 else "m")
    assert [recorded.next(SimpleNamespace(index=i), ()) for i in range(4)] == ["m", "f", "m", "f"]
