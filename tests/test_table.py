"""The report on the terminal."""

from io import StringIO

import pytest
from rich.console import Console

from report_examples import entry, manifest, shift
from shopfloor.report.summary import summarise
from shopfloor.report.table import shift_table


def printed(summary, width=110):
    out = StringIO()
    Console(file=out, width=width, color_system=None).print(shift_table(summary))
    return out.getvalue().replace("\u00a0", " ")


def test_a_good_shift_on_one_screen():
    s = summarise(manifest(), shift(300), wall_s=800.0, ended="complete")
    text = printed(s)
    for words in (
        "This is a simulation result: no real robot moved.",
        "300 of 300, 95 % 98.7 % to 100 %",
        "different task; ours is simulation",
        f"{s.units.good} good + 0 scrap + 0 in progress + 0 quarantine",
        "no equipment failure in",
        "95 % lower bound",
        s.log_sha256,
    ):
        assert words in " ".join(text.split()), words
    assert len(text.splitlines()) <= 32


def test_notes_come_in_the_first_line():
    run = manifest(orders=1, notes=("The world was paused while the brain thought",))
    text = printed(summarise(run, [entry(0)], wall_s=1.0, ended="complete"))
    assert text.splitlines()[0] == "The world was paused while the brain thought."


def test_failures_are_listed_most_frequent_first():
    s = summarise(manifest(), shift(300, failing=0.2), wall_s=1.0, ended="complete")
    text = printed(s)
    assert len(s.failures) > 2
    places = [text.index(code) for code in s.failures]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_shift_at_all_prints_no_number_that_was_not_measured(width):
    text = printed(summarise(manifest(), (), wall_s=None, ended=None), width)
    assert "nan" not in text.lower()
    assert "not measured" in text
    assert "%" not in text.split("PhAIL")[0].split("orders good")[1]
    assert max(map(len, text.splitlines())) <= width


def test_names_are_text_and_not_markup():
    s = summarise(manifest(brain="[bold]x[/bold]"), [entry(0)], wall_s=1, ended="complete")
    assert "[bold]x[/bold]" in printed(s)
