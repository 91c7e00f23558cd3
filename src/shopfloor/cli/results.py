"""The page of measured results: every figure comes from a JSON file that a command wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shopfloor.evidence.verdict import p_words
from shopfloor.report import reference

__all__ = ["page"]


def page(folder: Path) -> str:
    """Return the page as Markdown; a file that is not there is said to be missing."""
    lines = [
        "# Measured results",
        "",
        _HEAD,
        "",
    ]
    for title, name, command, rows in (
        ("Sorting, fenced limits (tool speed 1 m/s)", "sorting-fenced", _RUN, _shift),
        (
            "Sorting, collaborative limits (tool speed 250 mm/s)",
            "sorting-collaborative",
            _RUN.replace("300", "100") + " --limits collaborative",
            _shift,
        ),
        (
            "A whole shift of eight hours on two cores, worked and reported",
            "shift",
            "shopfloor bench shift",
            _whole,
        ),
        ("Benchmark v0: the classical brain", "v0-classical", "shopfloor bench v0", _suite),
        (
            "Benchmark v0: the stand-in, a program that sees what a model sees",
            "v0-stand-in",
            "shopfloor bench v0 --brain stand-in",
            _suite,
        ),
        (
            "The classical brain at each [level of sensor noise](../noise.md)",
            "noise",
            "make results-noise",
            _noise,
        ),
        ("Speed", "bench-sim", "shopfloor bench sim --orders 6", _speed),
        (
            "Speed on one core",
            "bench-sim-one-core",
            "taskset -c 0 shopfloor bench sim --orders 6 --no-pair",
            _speed,
        ),
        (
            "Speed beside other simulators, as they come",
            "bench-sim-beside",
            "make results-beside",
            _others,
        ),
        ("The same shift five ways", "repeat", "shopfloor bench repeat", _repeat),
        (
            "Every run that the tests make, repeated",
            "replicate",
            "make results-replicate",
            _replicate,
        ),
        (
            "From a model's decision to the cell: a stand-in over HTTP against itself in process",
            "chat-path",
            "shopfloor bench path --orders 60 --workers 2",
            _path,
        ),
        (
            "What it costs to record",
            "recording",
            "shopfloor bench recording --orders 20",
            _recording,
        ),
        (
            "What it costs to record depth, too",
            "recording-depth",
            "shopfloor bench recording --orders 6 --depth",
            _recording,
        ),
        ("Killed again and again", "crash", "shopfloor bench crash --kills 500", _crash),
        (
            "Lots spread by Ray, against processes of the same machine",
            "ray",
            "shopfloor bench ray",
            _ray,
        ),
        (
            "A live cell that loses its brain, its control loop or its watchdog",
            "loss",
            "shopfloor bench loss",
            _loss,
        ),
        ("Export for viewers", "export", "shopfloor bench export", _export),
        (
            "From pictures in memory to a LeRobot dataset, beside LeRobot's own recorder",
            "record",
            "shopfloor bench record --beside .venv-lerobot/bin/python",
            _record,
        ),
        (
            "The same on one core",
            "record-one-core",
            "taskset -c 0 shopfloor bench record --beside .venv-lerobot/bin/python",
            _record,
        ),
        (
            "Hostile commands through guard and physics",
            "fuzz",
            "shopfloor bench fuzz --commands 3000000 --workers 2",
            _fuzz,
        ),
        ("Statistics", "statistics", "shopfloor bench statistics", _statistics),
        ("Papers", "papers", "shopfloor bench papers", _papers),
        ("Start", "start", "shopfloor bench start", _start),
    ):
        path = folder / f"{name}.json"
        link = f" → [{name}.json]({name}.json)" if path.exists() else ""
        result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        how = _HOW[name](result) if result is not None and name in _HOW else ""
        lines += [f"## {title}", "", f"`{command}`{link}{how}", ""]
        if result is not None:
            lines += ["| figure | value |", "|---|---|"]
            lines += [f"| {what} | {value} |" for what, value in rows(result)]
        else:
            lines.append("Not measured: the file is not there.")
        lines.append("")
    lines += ["## Beside it", "", *_beside()]
    return "\n".join(lines) + "\n"


_HEAD = (
    "Written by `make results` from the JSON files beside this page; no figure is typed by hand. "
    "**All of these are simulation results.** The machine is named in each run's manifest; wall "
    "times are of a shared machine, so ratios say more than seconds."
)
_HOW: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "noise": lambda result: f", measured with {result['orders']} orders a level"
}
"""Where the command that is named leaves open how much was measured, the file says it."""
_RUN = "shopfloor run --orders 300 --seed 1000 --audit --workers 2 --json"


def _shift(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    units = result["units"]
    if result["ended"] != "complete":
        asked = result["orders_asked"]
        yield (
            "**not whole**",
            f"{result['ended'] or 'cut off'} after {result['good']['n']} of {asked}",
        )
    yield "orders good at the end", _rate(result["good"])
    yield "orders ever good", f"{result['ever']['k']}/{result['ever']['n']}"
    yield (
        "units in = good + scrap + wip + quarantine",
        " / ".join(str(units[k]) for k in ("in", "good", "scrap", "wip", "quarantine")),
    )
    yield "good units per hour, changeovers included", f"{result['uph']:.0f}"
    cycle = result["cycle_s"]
    times = (f"{cycle[k]:.2f} s" for k in ("p50", "p90", "p99"))
    yield "cycle time p50 / p90 / p99", " / ".join(times)
    yield "ticks with a limit left, by an independent reader", str(result["breaches"])
    yield "peak tool speed", f"{result['peak_tool_speed_m_s']:.3f} m/s"
    yield "guard: limited / stopped", f"{result['guard']['limited']} / {result['guard']['stopped']}"
    yield "failures", ", ".join(f"{k} {v}" for k, v in result["failures"].items()) or "none"
    yield "assists", str(result["assists"])
    yield "simulated, wall time", f"{result['sim_s']:.0f} s, {result['wall_s']:.0f} s"
    yield "log_sha256", f"`{result['log_sha256']}`"


def _whole(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    workers = "1 worker" if result["workers"] == 1 else f"{result['workers']} workers"
    hours = f"{result['hours']:g} h with two cameras at 10 Hz on {workers}"
    if result["minutes"] is not None:
        yield f"wall time of {hours}", f"**{result['minutes']:.1f} min**"
    yield "of that the report", f"{result['report_s']:.1f} s"
    yield "size of the page", f"{result['report_bytes'] / 1e6:.1f} MB"
    yield "frames recorded", f"{result['frames']:,}"
    yield "orders worked", str(result["shift"]["orders"])
    yield from _shift(result["shift"])


def _noise(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "what is compared",
        f"{result['brain']}, the same {result['orders']} orders at every level, paired with 0",
    )
    for step in result["steps"]:
        words = [_rate(step["good"]), f"{step['uph']:.0f} good units an hour"]
        if step["level"]:
            lost, won = step["paired"]["only_a"], step["paired"]["only_b"]
            words.append(f"{lost} lost and {won} won against level 0, {_p_of(step)}")
        if step["failures"]:
            words.append(", ".join(f"{k} {v}" for k, v in step["failures"].items()))
        words.append(f"guard limited {step['limited']}, stopped {step['stopped']}")
        if step["breaches"] is not None:
            words.append(f"{step['breaches']} ticks outside a limit")
        yield f"level {step['level']} ({step['name']})", "; ".join(words)
    sizes = result.get("frame_px", {})
    stream, view = (_px(sizes.get(kind)) for kind in ("stream", "view"))
    yield (
        f"processor time of the noise for one{stream} frame of a stream, by level",
        ", ".join(f"{k}: {v['stream']:.1f} ms" for k, v in result["frame_ms"].items()),
    )
    yield (
        f"for one{view} view, by level",
        ", ".join(f"{k}: {v['view']:.0f} ms" for k, v in result["frame_ms"].items()),
    )


def _px(size: Sequence[int] | None) -> str:
    """Say a size [px]; files of before do not state it."""
    return "" if size is None else f" {size[0]} x {size[1]}"


def _p_of(step: dict[str, Any]) -> str:
    alone, adjusted = f"p = {step['p']:.3g} alone", step.get("p_adjusted")
    return f"{alone}, {'not corrected' if adjusted is None else f'{adjusted:.3g} after Holm'}"


def _rate(rate: dict[str, Any]) -> str:
    share, low, high = (100 * rate[key] for key in ("rate", "lo", "hi"))
    return f"{rate['k']}/{rate['n']} = {share:.1f} % (95 % Wilson {low:.1f}-{high:.1f} %)"


def _suite(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from shopfloor.evidence.suite import load_suite

    suite, resolves = result["suite"], result["resolves"]
    named = f"{suite['name']} of {suite['version']}, `{suite['sha256'][:12]}`"
    if suite["sha256"] != load_suite(suite["name"]).sha256:
        yield "**of another suite**", f"{named}: not comparable with this version's"
    else:
        yield "suite", f"{named}{'' if suite['frozen'] else ', not frozen yet'}"
    if result["extent"] != "full":
        yield "**not the benchmark**", f"a {result['extent']} look"
    found = f"{100 * resolves['lost']:.0f} % of orders with a chance of"
    yield "orders for each condition", f"{result['orders']}, the same ones throughout"
    yield "finds a loss of", f"{found} {100 * resolves['power']:.0f} %"
    for each in result["conditions"]:
        uph = "not measured" if each["uph"] is None else f"{each['uph']:.0f} units/h"
        yield each["name"], f"{_rate(each['good'])}, {uph}{_against(each['against_base'])}"
    failures = Counter[str]()
    for each in result["conditions"]:
        failures.update(each["failures"])
    yield "failures in all", ", ".join(f"{k} {v}" for k, v in failures.most_common()) or "none"
    yield (
        "ticks with a limit left",
        str(sum(each["breaches"] or 0 for each in result["conditions"])),
    )
    yield "machine", "; ".join(result["machines"])


def _against(held: dict[str, Any] | None) -> str:
    if held is None:
        return ""
    p = held["p_adjusted"]
    moved = f"lost {held['lost']}, won {held['won']}, {p_words(p)} after Holm"
    decided = held["decision"]
    pace = held["throughput"]
    if pace["decision"] != "not resolved":
        moved += f"; **{pace['decision']}**, {pace['ratio']:.2f} times the units/h"
    return f"; {decided if decided == 'not resolved' else f'**{decided}**'} ({moved})"


def _speed(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "run without encoding over the bare loop", f"{result['run_over_bare']:.2f}"
    yield "real-time factor of the shift, encoding and disk included", f"{result['rtf_shift']:.1f}"
    yield "the same without charged changeovers", f"{result['rtf_worked']:.1f}"
    ratio = result["two_workers_over_two_bare_loops"]
    if ratio is not None:
        yield "throughput of two workers over one", f"{result['two_workers_gain']:.2f}"
        yield "throughput of two bare loops over one", f"{result['two_bare_loops_gain']:.2f}"
        yield "ratio of the two", f"{ratio:.2f}"
    if "run_ms_a_tick" in result:
        yield "one tick of ours (20 ms), without encoding", f"{result['run_ms_a_tick']:.1f} ms"
    for name, value in result["others"].items():
        yield name, value if isinstance(value, str) else f"{value:.1f} ms a step"


def _others(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "where", "a virtual environment of their own, with MuJoCo 3.8.1; ours needs a newer one"
    for name, value in result["others"].items():
        yield name, value if isinstance(value, str) else f"{value:.1f} ms a step"


def _repeat(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "all the same", "yes" if result["same"] else "**no**"
    for way, digest in result["log_sha256"].items():
        yield way, f"`{digest}`"


def _replicate(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "different runs", f"{result['runs']}, {result['lots']} lots"
    for verdict, what in (
        ("identical", "identical: every lot has the same log"),
        ("equivalent", "equivalent"),
        ("different", "different, and nobody planted it"),
        ("planted", "tampered with or cut by a test, which was named"),
        ("refused", "refused: what a test made up or broke cannot be repeated elsewhere"),
        ("failed", "replicate failed"),
    ):
        yield what, str(result["verdicts"].get(verdict, 0))


def _path(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "what it proves", "the path, not any model: the stand-in is a program of ours"
    overhead = result["overhead"]
    many, px = overhead.get("pictures", "some"), _px(overhead.get("picture_px"))
    yield (
        f"adapter alone on {many}{px} pictures, median / p95",
        f"{overhead['median_ms']:.1f} / {overhead['p95_ms']:.1f} ms",
    )
    for one in result["pairings"]:
        hits, asked = one["probe_hits"]
        counts = (
            f"good in both {one['both']}/{one['orders']}, only in process "
            f"{one['only_in_process']}, only over HTTP {one['only_over_http']}"
        )
        yield (
            f"`{one['model']}` ({one['convention']}, {one['mode']})",
            f"{counts}: {100 * one['discordance']:.1f} % discordant; probe {hits}/{asked}",
        )


def _recording(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "what is compared",
        f"{result['lots']} orders, recorded and forgotten by turns; both draw all pictures",
    )
    yield (
        "wall time recorded / forgotten, of all orders and median of each",
        f"{result['recorded_over_forgotten']:.3f} / {result['recorded_over_forgotten_median']:.3f}",
    )
    yield (
        f"MB for a simulated minute ({_streams(result.get('streams'))}, views, log, truth)",
        f"{result['mb_per_simulated_minute']:.2f}",
    )
    yield "the same without charged changeovers", f"{result['mb_per_worked_minute']:.2f}"
    if (depth := result["depth_mb_per_worked_minute"]) is not None:
        yield "MB of depth for a minute, without changeovers", f"{depth:.2f}"
    total = sum(result["size_bytes"].values())
    shares = (f"{k} {100 * v / total:.0f} %" for k, v in sorted(result["size_bytes"].items()))
    yield "what the disk holds", ", ".join(shares)


def _streams(streams: dict[str, Any] | None) -> str:
    if streams is None:
        return "streams of all cameras"
    each = (f"{name}{_px(s['px'])} at {s['hz']:g} Hz" for name, s in streams.items())
    return ", ".join(each)


def _crash(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "processes killed (SIGKILL)", f"{result['kills']} in {result['runs']} runs"
    if "in_lot" in result:
        yield "of those in the middle of a lot", str(result["in_lot"])
    yield "of those together with their encoder", str(result["with_encoder"])
    yield "episodes committed in the end", str(result["committed"])
    for name, what in (
        ("lost", "committed episodes lost or changed"),
        ("twice", "episodes counted twice"),
        ("wrong", "logs that differ from those of a shift in peace"),
        ("unbalanced", "moments at which the ledger did not add up"),
        ("torn", "interrupted lots that are not the beginning of what happened"),
    ):
        yield what, str(len(result[name]))
    yield (
        "interrupted lots read back",
        f"{result['interrupted']} with {result['interrupted_ticks']:,} ticks",
    )


def _ray(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    shift = f"{result['orders']} orders, {result['slots']} side by side"
    yield "what is compared", f"{shift}; medians of {result['rounds']} by turns; all on one machine"
    yield "the same log", "yes" if result["same_log"] else "**no**"
    for ratio, name, what in (
        ("ratio", "whole_s", "wall time on Ray over processes, start and end included"),
        ("ratio_without_start", "working_s", "the same from the first committed lot to the last"),
    ):
        minutes = (result[way][name]["median"] / 60 for way in ("cluster", "processes"))
        yield what, f"**{result[ratio]:.3f}** ({' / '.join(f'{m:.2f} min' for m in minutes)})"


def _loss(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "brain's deadline, watchdog's patience",
        (f"{result['deadline_s']:g} s, {result['patience_s']:g} s"),
    )
    for row in result["rows"]:
        if row["stood_s"] is None:
            yield f"`{row['way']}`", f"**never stood** in {row['n']}"
            continue
        middle, most = (1000 * seconds for seconds in row["stood_s"])
        told = [f"{row['stood']}/{row['n']}, median {middle:.0f} ms, most {most:.0f} ms"]
        told.append(f"{row['within']}/{row['n']} within {1000 * row['bound_s']:.0f} + 100 ms")
        if row["again"]:
            told.append(f"**moved again {row['again']}**")
        if row["starved"]:
            told.append(f"besides, {row['starved']} stopped before, starved")
        what = f"`{row['way']}`: joints measured to stand, since the {row['counted_from']}"
        yield what, "; ".join(told)


def _export(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "run", f"{result['orders']} orders, {result['ticks']:,} ticks of 20 ms"
    yield "what is timed", "whole exports: a robot pose a tick, curves, log, pictures, fsync"
    for one in result["formats"]:
        rates = f"{one['images_per_s']:,.0f} / {one['images_per_cpu_s']:,.0f}"
        size = f"{one['images']:,} images, {one['size_bytes'] / 1e6:.1f} MB"
        yield f"`{one['format']}`: images a second of wall / processor time", f"{rates} ({size})"


def _record(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    pictures = f"{result['pictures']} pictures of {' x '.join(map(str, result['size']))}"
    cameras = (
        f"{result['cameras']} cameras, rendered, with noise of {result['noise']:g} grey levels"
    )
    yield "what is recorded", f"{result['episodes']} episodes, {pictures} from {cameras}"
    yield "cores, rounds", f"{result['cores']}, median of {result['rounds']}"
    for way, figures in result["ways"].items():
        size, quality = figures["size_bytes"] / 1e6, figures["psnr_db"]
        yield way, f"{figures['pictures_per_s']:.0f} pictures/s, {size:.1f} MB, {quality:.1f} dB"
    for way, ratio in (result["ratios"] or {}).items():
        yield f"ours over LeRobot's, {way}", f"**{ratio:.1f}**"


def _fuzz(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "body, limits, seed", f"{result['body']}, {result['limits']}, {result['seed']}"
    yield "hostile commands", f"{result['commands']:,}"
    yield "ticks with a limit left, by an independent reader", f"**{result['breaches']}**"
    rules = sorted(result["rules"].items(), key=lambda rule: -rule[1])
    yield "decided by", ", ".join(f"{rule} {count:,}" for rule, count in rules)
    for what, margin in result["margin"].items():
        yield f"least margin: {what}", f"{margin:.4f}"
    guard = result["guard_ms"]
    yield "guard, CPU time a command, p50 / p99", f"{guard['p50']:.3f} / {guard['p99']:.3f} ms"
    yield "commands a second", f"{result['commands_per_s']:.0f}"
    for one in result["failing"]:
        yield f"failing: `{one['again']}`", f"{one['ticks']} ticks"


def _statistics(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "how", "exact sums over every outcome; nothing is simulated"
    grid = f"{len(result['trials'])} numbers of trials up to {max(result['trials']):,}"
    for name, what in (("clopper_pearson", "Clopper-Pearson"), ("wilson", "Wilson")):
        one = result[name]
        at = f"n = {one['least_at']['n']}, truth {one['least_at']['truth']:g}"
        least, mean = 100 * one["least"], 100 * one["mean"]
        yield (
            f"coverage of {what}'s 95 % interval, {grid}, {result['truths']:,} truths",
            f"least {least:.2f} % ({at}), mean {mean:.2f} %",
        )
    watched = result["watched"]
    for name, what in (("anytime_misses", "anytime-valid sequence"), ("wilson_misses", "Wilson")):
        yield (
            f"{what}, looked at after every one of {watched['looks']:,} orders: ever misses",
            ", ".join(f"{100 * m:.2f} % at {t}" for t, m in watched[name].items()),
        )
    one = result["mcnemar"]
    yield (
        f"McNemar's exact test: false positives, at most (1 to {one['discordant']:,} discordant)",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    yield (
        f"the same, if somebody looked after each of {one['watched_looks']:,} discordant orders",
        f"{100 * one['watched_false_positive_rate']:.2f} %",
    )
    one = result["sequence"]
    yield (
        f"the sequence that may stop a comparison: false positives in {one['discordant']:,} looks",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    one = result["boschloo"]
    yield (
        f"Boschloo's test with {one['each']} orders each: false positives, at most",
        f"{100 * one['false_positive_rate']:.2f} %",
    )
    needed = result["orders_each_for_80_power"].items()
    yield (
        "different orders for each that 80 % power takes",
        ", ".join(f"{n} for {rates}" for rates, n in needed),
    )


def _papers(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        f"hashing {result['megabytes']:,} MB of weights as the gate does over a bare loop",
        f"{result['ratio']:.2f} ({result['gate_mb_s']:.0f} and {result['bare_mb_s']:.0f} MB/s)",
    )
    yield (
        "`shopfloor papers check`, interpreter included: wall, processor",
        f"{result['check_s']:.2f} s, {result['check_cpu_s']:.2f} s",
    )
    yield "asking all rules", f"{1000 * result['rules_s']:.1f} ms"


def _start(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "`import shopfloor`, interpreter included", f"{result['import_s']:.3f} s"
    yield "`shopfloor --help`, interpreter included", f"{result['help_s']:.3f} s"


def _beside() -> Iterator[str]:
    yield "Real robots and people on a comparable but different task; ours is simulation."
    yield ""
    yield "| who | units per hour | source |"
    yield "|---|---|---|"
    for line in reference.UNITS_PER_HOUR:
        figure = f"{line.lo:g}" if line.lo == line.hi else f"{line.lo:g}-{line.hi:g}"
        yield f"| {line.name} | {figure} | {line.source} |"
