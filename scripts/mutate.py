"""Mutation testing of the judge: breaks it in a thousand small ways, and sees who notices.

Each mutant (``mutant.py``) is one change of the modules that decide outcomes. It is put in their
place in a forked process and held against the tapes of all cheats and the judge's own fast tests,
until something fails. What nothing notices is a survivor, unless it is listed in
``mutate_equivalent.json`` with the reason why it cannot be noticed. Listed mutants are run, too:
one that a test kills, or that is no longer there, is an error.

    python scripts/mutate.py --out docs/results/mutation.json          # all of them
    python scripts/mutate.py --sample 100                              # a first look

The two well-kept tools were looked at: one leaves constants of modules and dataclasses alone,
which is where a judge keeps its thresholds; the other starts an interpreter for every mutant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import time
import types
from collections import Counter
from pathlib import Path

from mutant import Mutant, mutants

HOME = Path(__file__).parents[1]
ORDER = HOME / "src" / "shopfloor" / "order"
MODULES = ("judge", "incident", "cause", "goal", "ledger", "layout")
JUDGED = (
    "test_judge", "test_judge_edges", "test_judge_jaws", "test_judge_log", "test_judge_rest",
)  # fmt: skip
TESTS = {
    "judge": {"cheats", *JUDGED},
    "incident": {"cheats", *JUDGED},
    "cause": {"cheats", *JUDGED},
    "goal": {"test_goal", "cheats", *JUDGED},
    "ledger": {"test_ledger", "test_judge"},
    "layout": {"test_station", "cheats", *JUDGED},
}
"""Who looks at a mutant of which module: modules of tests, and the tapes of the cheats."""
EQUIVALENT = Path(__file__).with_name("mutate_equivalent.json")
TIMEOUT_S = 60
"""CPU time after which a mutant counts as one that never ends [s]."""


def implant(mutant: Mutant) -> None:
    """Make a loaded module behave as its mutant, for everybody who holds something of it."""
    module = sys.modules[f"shopfloor.order.{mutant.module}"]
    fresh = types.ModuleType(module.__name__)
    fresh.__file__ = module.__file__
    sys.modules[module.__name__] = fresh  # dataclasses look their own module up
    exec(compile(mutant.code, f"<{mutant.module}, mutated>", "exec"), fresh.__dict__)  # noqa: S102
    sys.modules[module.__name__] = module
    for name, new in list(vars(fresh).items()):
        if name.startswith("__"):
            continue
        old = vars(module).get(name)
        if getattr(new, "__module__", None) == module.__name__ and callable(new):
            graft(old, new, vars(module))
        elif isinstance(new, int | float | str | tuple | frozenset | dict) and new != old:
            for other in [
                m for n, m in sys.modules.items() if n.startswith(("shopfloor", "test_"))
            ]:
                if vars(other).get(name) is old:
                    setattr(other, name, new)


def graft(old: object, new: object, namespace: dict) -> None:
    """Give a function or class another's behaviour; names still mean what they meant."""
    if isinstance(new, type):
        for name, member in vars(new).items():
            plain = getattr(member, "__func__", member)
            if isinstance(plain, types.FunctionType):
                there = vars(old)[name]
                graft(getattr(there, "__func__", there), plain, namespace)
            elif isinstance(member, int | float | str | tuple) and not name.startswith("__"):
                setattr(old, name, member)
    elif isinstance(new, types.FunctionType):
        # A dataclass's __init__ takes its defaults from its closure.
        for cell, other in zip(old.__closure__ or (), new.__closure__ or (), strict=True):
            if not isinstance(other.cell_contents, type):
                cell.cell_contents = other.cell_contents
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
        old.__kwdefaults__ = new.__kwdefaults__


class Trials:
    """A plugin of pytest: collects once, and runs what it collected against every mutant."""

    def __init__(self, chosen: list[Mutant], tapes: list, reasons: dict[str, str]) -> None:
        self.chosen, self.tapes, self.reasons = chosen, tapes, reasons
        self.fates: list[tuple[Mutant, str]] = []
        self.failed = False
        self.kills: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report) -> None:
        """Notice a failure."""
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session) -> bool:
        """Take the place of the ordinary run."""
        began = time.monotonic()
        if (killer := self.fork(session, None)) != "nobody":
            raise SystemExit(f"the judge as it is fails: {killer}")
        for i, mutant in enumerate(self.chosen, 1):
            killer = self.fork(session, mutant)
            self.fates.append((mutant, killer))
            self.kills[killer] += 1
            if killer == "nobody" and mutant.key not in self.reasons:
                say(f"SURVIVES {mutant.module}.py:{mutant.line} {mutant.key}")
            if i % 50 == 0:
                say(f"{i}/{len(self.chosen)} in {time.monotonic() - began:.0f} s")
        return True

    def fork(self, session, mutant: Mutant | None) -> str:
        """Try a mutant in a process of its own; who killed it, or "nobody"."""
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(out)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT_S, TIMEOUT_S + 1))
            killer = "crash"
            try:
                killer = self.trial(session, mutant)
            finally:
                os.write(into, killer.encode())
                os._exit(0)
        os.close(into)
        with os.fdopen(out, "rb") as pipe:
            killer = pipe.read().decode()
        _, status = os.waitpid(child, 0)
        return "never ends" if os.WIFSIGNALED(status) else killer

    def trial(self, session, mutant: Mutant | None) -> str:
        """Hold a mutant against everybody; who noticed it. In a process of its own."""
        from _pytest.runner import runtestprotocol

        names = TESTS[mutant.module if mutant else "judge"]
        if mutant is not None:
            try:
                implant(mutant)
            except Exception as error:  # noqa: BLE001
                return f"import: {type(error).__name__}"
        whole = {item.nodeid: item for item in session.items if item.path.stem in names}
        everybody = [*whole, *(f"cheat {i}" for i in range(len(self.tapes)) if "cheats" in names)]
        # Who has noticed much so far looks first.
        for one in sorted(everybody, key=lambda name: -self.kills[name]):
            if one in whole:
                runtestprotocol(whole[one], nextitem=None, log=True)
            else:
                self.failed = self.fails_on(self.tapes[int(one.split()[1])])
            if self.failed:
                return one
        return "nobody"

    @staticmethod
    def fails_on(tape) -> bool:
        """Whether the judge says the wrong thing of a tape."""
        from shopfloor.order.judge import SortingJudge
        from shopfloor.testing.judge import check_verdict

        try:
            check_verdict(tape, SortingJudge(control_dt=tape.control_dt, limbs=tape.limbs))
        except Exception:  # noqa: BLE001 - whatever it raises has been noticed
            return True
        return False


def say(text: str) -> None:
    """Print past pytest's capturing."""
    print(text, file=sys.__stdout__, flush=True)


def films() -> list:
    """Tapes of all cheats."""
    from shopfloor.body.bench import Bench
    from shopfloor.cell.sorting import SortingCell
    from shopfloor.testing import CHEATS, HONEST
    from shopfloor.testing.cheat_tape import film

    cell = SortingCell(Bench(), render=False)
    return [film(cell, cheat) for cheat in (*CHEATS, *HONEST)]


def run(chosen: list[Mutant], reasons: dict[str, str]) -> list[tuple[Mutant, str]]:
    """Try mutants; what became of each."""
    import hypothesis
    import pytest

    os.chdir(HOME)
    generate = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # no time for small examples
    hypothesis.settings.register_profile(
        "mutate", derandomize=True, phases=generate, deadline=None, database=None
    )
    trials = Trials(chosen, films(), reasons)
    names = sorted({name for some in TESTS.values() for name in some} - {"cheats"})
    quiet = ["-q", "--no-header", "--tb=no", "-s", "-p", "no:cacheprovider", "-W", "ignore"]
    files = [f"tests/{name}.py" for name in names]
    pytest.main([*quiet, "--hypothesis-profile=mutate", *files], plugins=[trials])
    return trials.fates


def main() -> int:
    """Run it; 1 if the list of equivalent mutants is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the result to this JSON file")
    parser.add_argument("--sample", type=int, help="try only so many, evenly spread")
    parser.add_argument("--only", choices=MODULES, action="append", help="these modules only")
    parser.add_argument("--grep", help="only mutants whose key holds this text")
    parser.add_argument("--list", action="store_true", help="say which there are, try none")
    asked = parser.parse_args()
    everything = [m for module in asked.only or MODULES for m in mutants(ORDER / f"{module}.py")]
    chosen = [m for m in everything if not asked.grep or asked.grep in m.key]
    if asked.sample:
        chosen = chosen[:: max(len(chosen) // asked.sample, 1)]
    if asked.list:
        print(*(f"{m.module}.py:{m.line} {m.key}" for m in chosen), sep="\n")
        return 0
    reasons: dict[str, str] = (
        json.loads(EQUIVALENT.read_text("utf-8")) if EQUIVALENT.exists() else {}
    )
    fates = run(chosen, reasons)
    wrong = [m.key for m, killer in fates if killer != "nobody" and m.key in reasons]
    lost = sorted(set(reasons) - {m.key for m in everything}) if not asked.only else []
    result = summary(fates, reasons, whole=len(chosen) == len(everything) and not asked.only)
    text = json.dumps(result, indent=2, ensure_ascii=False)
    if asked.out:
        asked.out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({k: v for k, v in result.items() if not isinstance(v, list)}, indent=2))
    for key in wrong:
        print(f"listed as equivalent, and a test kills it: {key}", file=sys.stderr)
    for key in lost:
        print(f"listed as equivalent, and there is no such mutant: {key}", file=sys.stderr)
    return 1 if wrong or lost else 0


def summary(fates: list[tuple[Mutant, str]], reasons: dict[str, str], *, whole: bool) -> dict:
    """What a run came to, as plain values."""

    def count(some: list[tuple[Mutant, str]]) -> dict[str, float | int | None]:
        equivalent = sum(k == "nobody" and m.key in reasons for m, k in some)
        killed = sum(k != "nobody" for _, k in some)
        counted = len(some) - equivalent
        return {
            "mutants": len(some),
            "killed": killed,
            "survived": counted - killed,
            "equivalent": equivalent,
            "killed_share": round(killed / counted, 4) if counted else None,
        }

    def told(mutant: Mutant) -> dict[str, str | int]:
        return {
            "file": f"src/shopfloor/order/{mutant.module}.py",
            "line": mutant.line,
            "where": mutant.where,
            "operator": mutant.operator,
            "diff": f"- {mutant.before}\n+ {mutant.after}",
        }

    alive = [m for m, killer in fates if killer == "nobody"]
    kinds = Counter(
        "a cheat" if k.startswith("cheat ") else k.split("::")[0] for _, k in fates if k != "nobody"
    )
    return {
        "whole": whole,
        **count(fates),
        "modules": {
            module: count([f for f in fates if f[0].module == module])
            for module in MODULES
            if any(f[0].module == module for f in fates)
        },
        "killed_by": dict(kinds.most_common()),
        "survivors": [told(m) for m in alive if m.key not in reasons],
        "equivalents": [told(m) | {"reason": reasons[m.key]} for m in alive if m.key in reasons],
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
