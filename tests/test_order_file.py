"""Order files: what is read, and what is refused with its line."""

from __future__ import annotations

import json
from hashlib import sha256
from math import pi
from pathlib import Path
from typing import Any

import pytest

from shopfloor.errors import OrderError
from shopfloor.order import OrderFile, parse
from shopfloor.types import Goal, OrderSource, Rule, Select

RED = {"colour": "red", "shape": "cube", "size": "small"}
BLUE = {"color": "blue", "shape": "bar", "size": "large"}


def line(**changed: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"instruction": "red cubes to A, the rest to B", "parts": [RED, BLUE]}
    data |= changed
    return {key: value for key, value in data.items() if value != "-"}


def write(folder: Path, *lines: Any) -> Path:
    path = folder / "orders.jsonl"
    shown = [
        text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for text in lines
    ]
    path.write_text("\n".join(shown), encoding="utf-8")
    return path


def test_a_line_with_only_what_is_needed(tmp_path: Path) -> None:
    path = write(tmp_path, line(), "", line(instruction="把所有零件放进丙箱"))
    source = OrderFile(path, seed=3)
    assert isinstance(source, OrderSource)
    assert len(source) == 2
    assert source.sha256 == sha256(path.read_bytes()).hexdigest()
    first, second = source.lots()
    order = first.orders[0]
    assert order.goal == parse("red cubes to A, the rest to B")
    assert (order.id, order.language, order.time_limit_s) == ("orders-0000", "en", 44.0)
    assert first.totes == ("A", "B")
    assert [part.id for part in first.parts] == ["p0", "p1"]
    assert first.parts[1].colour == "blue"
    assert (second.orders[0].language, second.orders[0].id) == ("zh", "orders-0001")
    assert second.totes == ("A", "C")
    assert source.lot(1) == second


def test_everything_can_be_given(tmp_path: Path) -> None:
    lying = RED | {"id": "first", "x_m": 0.05, "y_m": -0.02, "yaw_deg": 90}
    data = line(
        instruction="do as the sheet says",
        language="en",
        parts=[lying, BLUE],
        goal=[
            {"select": {"color": "red"}, "tote": "D", "count": 1},
            {"select": {}, "tote": None},
        ],
        totes=["D", "B", "A"],
        id="morning",
        time_limit_s=30,
    )
    (lot,) = OrderFile(write(tmp_path, data), seed=1).lots()
    assert lot.orders[0].goal == Goal((Rule(Select(colour="red"), "D", 1), Rule(Select(), None)))
    assert lot.totes == ("D", "B", "A")
    assert lot.orders[0].id == "morning"
    assert lot.orders[0].time_limit_s == 30.0
    assert (lot.parts[0].id, lot.parts[0].x_m, lot.parts[0].y_m) == ("first", 0.05, -0.02)
    assert lot.parts[0].yaw_rad == pytest.approx(pi / 2)


def test_missing_places_come_from_the_seed(tmp_path: Path) -> None:
    path = write(tmp_path, line())
    again = OrderFile(path, seed=3).lot(0)
    assert OrderFile(path, seed=3).lot(0) == again
    assert OrderFile(path, seed=4).lot(0).parts != again.parts


BAD: list[tuple[Any, str]] = [
    ("{", "not JSON"),
    ("[1]", "an object with"),
    (line(colour="red"), "unknown key 'colour'; allowed: instruction, parts"),
    (line(parts="-"), "parts is missing"),
    (line(instruction=""), "not empty"),
    (line(instruction="put red in the bag"), "no tote"),
    (line(language="fr"), "allowed: en, zh"),
    (line(parts=[]), "a list of 1 to 24"),
    (line(parts=[RED] * 25), "25 entries"),
    (line(parts=[{"colour": "red"}]), "allowed: cube, cylinder, bar"),
    (line(parts=[RED | {"colour": "pink"}]), "'pink'; allowed: red, orange"),
    (line(parts=[RED | {"size": ["small"]}]), "allowed: small, large"),
    (line(parts=[RED | {"color": "red"}]), "colour and color"),
    (line(parts=[RED | {"weight": 1}]), "unknown key 'weight'"),
    (line(parts=[RED | {"x_m": 0.1}]), "half a position"),
    (line(parts=[RED | {"x_m": 0.18, "y_m": 0}]), "reaches out of the tray"),
    (line(parts=[RED | {"x_m": "left", "y_m": 0}]), "a number below"),
    (line(parts=[RED | {"x_m": True, "y_m": 0}]), "a number below"),
    (line(parts=[RED | {"x_m": 0, "y_m": 0}, RED | {"x_m": 0.02, "y_m": 0}]), "0 and 1 overlap"),
    (line(parts=[RED | {"id": "p"}, RED | {"id": "p"}]), "'p' is used twice"),
    (line(parts=[BLUE] * 24), "no place on the tray"),
    (line(totes=["A", "A"]), "different ones of A, B, C, D"),
    (line(totes=["A", "E"]), "different ones of A, B, C, D"),
    (line(totes=["A", "C"]), "this lot has totes A, C"),
    (line(goal=[]), "a list of 1 to 64"),
    (line(goal=[{"tote": "A"}]), "select and tote are needed"),
    (line(goal=[{"select": {"colour": "red"}, "tote": "Z"}]), "'Z'; allowed: A, B, C, D, null"),
    (line(goal=[{"select": {"taste": "x"}, "tote": "A"}]), "unknown key 'taste'"),
    (line(goal=[{"select": {}, "tote": "A", "count": 0}]), "whole number from 1"),
    (line(goal=[{"select": {"colour": "red"}, "tote": "A", "count": 2}]), "1 to 1 are possible"),
    (line(goal=[{"select": {"colour": "green"}, "tote": "A"}]), "moves no part"),
    (line(time_limit_s=0), "more than 0"),
    (line(time_limit_s=float("nan")), "a number below"),
    (line(id=7), "a text"),
]


@pytest.mark.parametrize(("bad", "said"), BAD)
def test_every_error_names_its_line(tmp_path: Path, bad: Any, said: str) -> None:
    path = write(tmp_path, line(), "", bad)
    with pytest.raises(OrderError) as caught:
        OrderFile(path, seed=0)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: ")
    assert said in message
    assert "\n" not in message


def test_all_wrong_lines_are_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, line(id=1), line(), line(id=2), *[line(id=3)] * 20)
    with pytest.raises(OrderError) as caught:
        OrderFile(path, seed=0)
    lines = str(caught.value).split("\n")
    assert lines[0].startswith(f"{path}:1: ")
    assert lines[1].startswith(f"{path}:3: ")
    assert lines[-1].endswith("12 more lines are wrong")


def test_ids_must_differ(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match=":2: the id 'x' is that of line 1"):
        OrderFile(write(tmp_path, line(id="x"), line(id="x")), seed=0)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match="cannot be read"):
        OrderFile(tmp_path / "nothing.jsonl", seed=0)
    with pytest.raises(OrderError, match="no order"):
        OrderFile(write(tmp_path, "", "  "), seed=0)
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'{"instruction": "\xff"}')
    with pytest.raises(OrderError, match="not UTF-8"):
        OrderFile(path, seed=0)


def test_no_such_lot(tmp_path: Path) -> None:
    with pytest.raises(OrderError, match="lots 0 to 0"):
        OrderFile(write(tmp_path, line()), seed=0).lot(1)


GOAL = [{"select": {}, "tote": "A"}]


def test_documents_are_read_and_part_of_the_hash(tmp_path: Path) -> None:
    (tmp_path / "sheets").mkdir()
    sheet = tmp_path / "sheets" / "17.txt"
    sheet.write_bytes(b"all to A")
    path = write(tmp_path, line(documents=["sheets/17.txt"], goal=GOAL), line())
    source = OrderFile(path, seed=3)
    assert source.lot(0).orders[0].documents == (b"all to A",)
    assert source.lot(1).orders[0].documents == ()
    assert source.documents == {"sheets/17.txt": b"all to A"}
    sheet.write_bytes(b"all to B")
    assert OrderFile(path, seed=3).sha256 != source.sha256


@pytest.mark.parametrize(
    ("documents", "why"),
    [
        (["missing.png"], "is no file"),
        (["../outside.txt"], "lies outside"),
        (["a/../sheet.txt"], "lies outside"),
        (["/etc/hostname"], "lies outside"),
        (["."], "is no file"),
        ([""], "a document's name is ''"),
        ("sheet.txt", "a list of 0 to 8"),
        ([17], "a document's name is 17"),
    ],
)
def test_a_document_that_is_not_there_is_refused(tmp_path: Path, documents: Any, why: str) -> None:
    (tmp_path / "sheet.txt").write_bytes(b"x")
    with pytest.raises(OrderError, match=f"orders.jsonl:1: .*{why}"):
        OrderFile(write(tmp_path, line(documents=documents, goal=GOAL)), seed=0)


def test_documents_without_a_goal_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sheet.txt").write_bytes(b"x")
    with pytest.raises(OrderError, match="documents without a goal"):
        OrderFile(write(tmp_path, line(documents=["sheet.txt"])), seed=0)
