"""The language of generated orders: one factor, and nothing else changes with it."""

import dataclasses
import json

import pytest

from report_examples import manifest
from shift_examples import make_plan, order_file, silent
from shopfloor.cli import main
from shopfloor.errors import UsageError
from shopfloor.evidence.comparison import compare
from shopfloor.evidence.contestant import contestants
from shopfloor.evidence.match import match
from shopfloor.order import GeneratedOrders
from shopfloor.record import RunFolder
from shopfloor.record.entry import Manifest
from shopfloor.shift import plan_of, run_shift


def lots(seed, language=None, count=60):
    return list(GeneratedOrders(seed, count, language=language).lots())


def test_a_language_changes_the_words_and_nothing_else():
    mixed, english, chinese = (lots(11, language) for language in (None, "en", "zh"))
    for one, en, zh in zip(mixed, english, chinese, strict=True):
        assert (en.orders[0].language, zh.orders[0].language) == ("en", "zh")
        assert en.orders[0].instruction.isascii()
        assert any("\u4e00" <= sign <= "\u9fff" for sign in zh.orders[0].instruction)
        told = {"en": en, "zh": zh}[one.orders[0].language]
        assert told == one  # the same order, word for word, where the dice fell so anyway
        for other in (en, zh):
            (order,) = other.orders
            bare = dataclasses.replace(
                order, instruction=one.orders[0].instruction, language=one.orders[0].language
            )
            assert dataclasses.replace(other, orders=(bare,)) == one


def test_orders_in_another_language_have_another_name():
    names = {GeneratedOrders(3, language=language).sha256 for language in (None, "en", "zh")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"language": "fr"}, "'fr'; it must be one of mixed, en, zh"),
        ({"language": "zh", "order_file": "x.jsonl"}, "as they stand there"),
    ],
)
def test_a_language_that_cannot_be_is_refused(tmp_path, changed, said):
    if "order_file" in changed:
        changed = changed | {"order_file": order_file(tmp_path)}
    with pytest.raises(UsageError, match=said):
        make_plan(**changed)


def test_a_run_from_before_languages_is_read_as_mixed():
    data = json.loads(json.dumps(manifest().to_json()))
    del data["language"]
    assert Manifest.from_json(data) == manifest(language="mixed")


def test_runs_in_two_languages_are_compared_order_by_order(tmp_path):
    for language in ("en", "zh"):
        plan = make_plan(orders=1, language=language)
        assert run_shift(plan, tmp_path / language, resume=False, progress=silent) == "complete"
        assert plan_of(tmp_path / language, workers=1, max_wall_s=None).language == language
        (entry,) = RunFolder.open(tmp_path / language).entries()
        assert entry.language == language
    runs = contestants([tmp_path / "en", tmp_path / "zh"])
    assert [run.label for run in runs] == ["classical en", "classical zh"]
    found = compare(runs)
    assert (found.n, found.matched.by_content) == (1, False)
    differs = dict(found.matched.differs)
    assert differs["language"] == ("en", "zh")
    assert not {"seed", "cell"} & differs.keys()
    # A source that this generator would not make proves nothing about its lots.
    changed = runs[1].manifest
    changed = dataclasses.replace(changed, sha256={**changed.sha256, "orders": "f" * 64})
    with pytest.raises(UsageError, match="no order in common"):
        match([runs[0], dataclasses.replace(runs[1], manifest=changed)])


def test_a_cell_that_knows_no_languages_says_so(tmp_path, monkeypatch, capsys):
    from shopfloor.cell.sorting import SortingCell

    monkeypatch.setattr(
        SortingCell, "orders", lambda _, *, seed, count: GeneratedOrders(seed, count)
    )
    with pytest.raises(SystemExit) as done:
        main(["run", "--orders", "1", "--language", "zh", "--out", str(tmp_path / "run")])
    assert done.value.code == 2
    assert "leave --language out" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
