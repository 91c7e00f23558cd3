"""Text of others never drives a terminal, and can still be read."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from shopfloor.report.printable import ascii_only, folded, json_text, printable, shortened
from story_examples import HOSTILE

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ANY = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY, inner, max_size=4),
)  # fmt: skip


def hidden(text):
    return {letter for letter in text if unicodedata.category(letter) in HIDDEN}


@given(ANY)
def test_nothing_that_is_printed_is_hidden(text):
    assert not hidden(printable(text))
    assert hidden(printable(text, lines=True)) <= {"\n"}
    printable(text).encode()  # half a surrogate pair could not be


@given(ANY)
def test_what_is_printable_stays_as_it_is(text):
    once = printable(text)
    assert printable(once) == once


def test_every_script_can_be_read():
    text = "把红色方块放进 A 箱，其余放进 B 箱。 für Größe, ящик А 🤖"
    assert printable(text) == text


def test_what_was_there_can_be_told():
    assert printable("\x1b[31m\r\n\t\x9b\u202e\U000e0041") == r"\x1b[31m⏎ \x9b\u202e\U000e0041"
    assert printable("a\r\nb", lines=True) == "a\nb"


@given(ANY, st.integers(1, 60))
def test_a_shortened_text_is_one_line_that_fits(text, cells):
    line = shortened(text, cells)
    assert cell_len(line) <= cells
    assert not hidden(line)


def test_a_very_long_text_is_not_looked_at_as_a_whole():
    assert shortened("x" * 10_000_000, 5) == "xxxx…"
    assert folded("ab" * 5_000_000, 3) == "aba … (9,999,997 more characters)"
    assert folded("short", 5) == "short"


@given(JSON)
def test_json_is_read_back_by_any_parser_and_holds_nothing_hidden(value):
    text = json_text(value)
    assert json.loads(text) == value
    assert not hidden(text)


def test_json_has_no_numbers_that_json_does_not_have():
    value = {"a": float("nan"), "b": [float("inf")], "c": b"abc", "d": (1, 2)}
    assert json.loads(json_text(value)) == {"a": "nan", "b": ["inf"], "c": "3 bytes", "d": [1, 2]}


@given(ANY)
def test_letters_for_drawing_are_ascii(text):
    drawn = ascii_only(text)
    assert drawn.isascii()
    assert drawn.isprintable()


def test_the_hostile_example_is_hostile():
    assert len(hidden(HOSTILE)) >= 8


@pytest.mark.parametrize(("text", "drawn"), [("→ A", "-> A"), ("é", "e"), ("箱子", "??")])
def test_letters_that_are_missing_are_replaced(text, drawn):
    assert ascii_only(text) == drawn
