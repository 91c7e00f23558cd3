"""The page of results says what the files say, and no more."""

import json

from shift_examples import ORDERS, make_plan, order_file
from shopfloor.cli.results import page
from shopfloor.shift.cost import recording_cost
from shopfloor.testing.path import overhead_ms


def test_the_page_says_on_what_pictures_it_was_measured_and_makes_none_up(tmp_path, cell):
    overhead = overhead_ms(rounds=2)
    assert overhead["pictures"] == 2
    result = {"overhead": overhead | {"picture_px": [97, 65]}, "pairings": []}
    (tmp_path / "chat-path.json").write_text(json.dumps(result))
    plan = make_plan(order_file=order_file(tmp_path, ORDERS[:1]), record_fps=12.5)
    cost = json.loads(json.dumps(recording_cost(plan, lots=1, say=lambda _: None).to_json()))
    assert {name: (*each["px"], each["hz"]) for name, each in cost["streams"].items()} == {
        name: (each.stream.width, each.stream.height, 12.5)
        for name, each in cell.spec.cameras.items()
    }
    cost["streams"] = {"left": {"px": [30, 20], "hz": 7.0}, "right": {"px": [3, 2], "hz": 8.0}}
    (tmp_path / "recording.json").write_text(json.dumps(cost))
    said = page(tmp_path)
    assert "| adapter alone on 2 97 x 65 pictures, median / p95 |" in said
    assert "minute (left 30 x 20 at 7 Hz, right 3 x 2 at 8 Hz, views, log, truth) |" in said
    del cost["streams"]  # as files of before are
    (tmp_path / "recording.json").write_text(json.dumps(cost))
    assert "minute (streams of all cameras, views, log, truth) |" in page(tmp_path)
