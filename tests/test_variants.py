"""Variants of one brain in a comparison: noise and language, and the pictures of them."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from compare_examples import contestant, read
from shift_examples import ORDERS, order_file
from shopfloor.cli import main
from shopfloor.evidence import page
from shopfloor.evidence.comparison import compare
from shopfloor.record import RunFolder


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Return a function that runs the command line here: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return done.value.code, out, err

    return run


def noisy(brain, levels, **changes):
    return [
        contestant(
            f"{brain} {level}",
            "1" * (12 - level) + "0" * level,
            brain=brain,
            noise=level,
            **changes,
        )
        for level in levels
    ]


def test_noise_is_drawn_against_with_a_line_for_each_brain():
    html = page.render(compare([*noisy("a", (0, 2, 5)), *noisy("b", (0, 2))]))
    text = read(html)
    assert "Against sensor noise" in text
    assert "Against latency" not in text
    good = html[html.index("Share of good orders against sensor noise") :]
    good = good[: good.index("</svg>")]
    assert [good.count(f'<circle class="k{i}"') for i in range(3)] == [3, 2, 0]
    # Good at noise 5: 7 of 12, drawn at 10 + 200 (1 - 7 / 12) from above.
    heights = [float(y) for y in re.findall(r'<circle class="k0" cx="[\d.]+" cy="([\d.]+)"', good)]
    assert heights == pytest.approx([10, 10 + 200 * 2 / 12, 10 + 200 * 5 / 12], abs=0.1)


def test_a_line_is_of_those_that_differ_in_nothing_else():
    html = page.render(compare([*noisy("a", (0, 2)), *noisy("a", (1, 3), latency="fixed:400")]))
    text = read(html)
    assert "a, fixed:40" in text
    assert "a, fixed:400" in text
    # One brain under one noise and one latency each: nothing is a line.
    runs = [*noisy("a", (0,)), *noisy("b", (2,))]
    assert "Against sensor noise" not in read(page.render(compare(runs)))


def test_cost_is_drawn_against_success_and_what_is_not_known_is_a_lower_bound():
    runs = [contestant("classical", "1" * 20), contestant("m@http://x", "1" * 15 + "0" * 5)]
    found = compare(runs)
    html = page.render(found)
    text = read(html)
    known, lacking = (each.summary.cost.columns[0] for each in found.standings)
    assert known.lacks == ()
    assert lacking.lacks == ("model",)
    cost = text[text.index("Cost against success") :]
    assert cost.count("at least") == 2 + 1  # in both columns of the model, and in the legend
    picture = html[html.index("Cost of a good unit against") :]
    picture = picture[: picture.index("</svg>")]
    assert picture.count('<circle class="hollow') == 2
    assert picture.count("<title>") == 2


def test_who_delivered_nothing_has_no_cost_and_is_not_drawn():
    nothing = tuple(
        dataclasses.replace(e, good=False, units=(), delivered=(), cycles_s=())
        for e in contestant("a", "0" * 5).entries
    )
    runs = [contestant(name, nothing) for name in ("a", "b")]
    assert "Cost against success" not in read(page.render(compare(runs)))
    text = read(page.render(compare([runs[0], contestant("b", "11111")])))
    assert "Cost against success" in text
    assert "not measured" in text[text.index("Cost against success") :]


def test_a_brain_is_worked_at_two_levels_of_noise(cli, tmp_path):
    path = order_file(tmp_path, ORDERS[:1])
    code, out, _ = cli("compare", "--brain", "classical", "--noise", 0, "--noise", 2,
                       "--order-file", path, "--out", "out", "--json")  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert [each["label"] for each in found["contestants"]] == [
        "classical noise 0", "classical noise 2",
    ]  # fmt: skip
    assert found["differs"]["noise"] == ["0", "2"]
    runs = [RunFolder.open(Path(each["run"])) for each in found["contestants"]]
    assert [run.manifest.noise for run in runs] == [0, 2]
    text = read(Path("out/compare.html").read_text("utf-8"))
    assert "Against sensor noise" in text
    assert "Sensor noise level 2 of 5" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--noise", "0", "--noise", "9"), "noise level 9 does not exist"),
        (("--language", "en", "--language", "fr"), "'fr'; it must be one of mixed, en, zh"),
        (("--noise", "2"), "--language, --latency or --noise"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(cli, arguments, said):
    code, out, err = cli("compare", "--brain", "classical", *arguments, "--out", "out")
    assert (code, out) == (2, "")
    assert said in err
    assert not Path("out").exists()


def test_faults_are_a_difference_that_names_a_run():
    faults = ("camera.freeze@12s", "gripper.slip~40/h")
    runs = [
        contestant("clean", "1" * 12, brain="classical"),
        contestant("bad day", "1" * 9 + "000", brain="classical", faults=faults),
    ]
    found = compare(runs)
    assert dict(found.matched.differs)["faults"] == ("none", ", ".join(faults))
    assert "camera.freeze@12s" in read(page.render(found))
