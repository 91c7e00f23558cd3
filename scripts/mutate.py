"""Mutation testing of the judge: breaks it in a thousand small ways, and sees who notices.

Each mutant is one change of one expression or statement of the modules that decide outcomes. It
is compiled in a forked process and held against the tapes of all cheats and the judge's own fast
tests, until something fails. What nothing notices is a survivor, unless it is listed in
``mutate_equivalent.json`` with the reason why it cannot be noticed. Listed mutants are run, too:
one that a test kills, or that is no longer there, is an error.

    python scripts/mutate.py --out docs/results/mutation.json          # all of them
    python scripts/mutate.py --sample 100                              # a first look

Not mutated: docstrings, annotations, decorators, imports, ``__all__`` and the words of errors.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import json
import os
import resource
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[1]
ORDER = HOME / "src" / "shopfloor" / "order"
MODULES = ("judge", "incident", "cause", "goal", "ledger", "layout")
TESTS = {
    "judge": {"cheats", "test_judge", "test_judge_edges"},
    "incident": {"cheats", "test_judge", "test_judge_edges"},
    "cause": {"cheats", "test_judge", "test_judge_edges"},
    "goal": {"test_goal", "cheats", "test_judge", "test_judge_edges"},
    "ledger": {"test_ledger", "test_judge"},
    "layout": {"test_station", "cheats", "test_judge", "test_judge_edges"},
}
"""Who looks at a mutant of which module: modules of tests, and the tapes of the cheats."""
EQUIVALENT = Path(__file__).with_name("mutate_equivalent.json")
TIMEOUT_S = 60
"""CPU time after which a mutant counts as one that never ends [s]."""

COMPARE = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.BitXor: ast.BitOr, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change: ``node`` takes the place of what stands at ``field`` of the parent."""

    module: str
    where: str
    operator: str
    line: int
    before: str
    after: str
    number: int
    code: str

    @property
    def key(self) -> str:
        """Names it without line numbers, so that a list of them outlives other changes."""
        return f"{self.module}.{self.where} [{self.operator}] {self.before} -> {self.after} #{self.number}"


def variants(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """What can become of one node; None removes a statement."""
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for other in COMPARE[type(op)]:
                changed = copy.deepcopy(node)
                changed.ops[i] = other()
                yield "comparison", changed
    elif isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield "and/or", changed
        for i in range(len(node.values)):
            left = node.values[:i] + node.values[i + 1 :]
            yield "dropped operand", left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
    elif isinstance(node, ast.UnaryOp):
        yield "dropped sign", node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield "arithmetic", ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)
        yield "removed", None
    elif isinstance(node, ast.Constant):
        yield from (("constant", ast.Constant(value)) for value in constants(node.value))
    elif isinstance(node, ast.IfExp):
        yield "negated", ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.If | ast.While):
        for test in (ast.Constant(True), ast.Constant(False)):
            if isinstance(node, ast.If) or not test.value:
                yield "condition", type(node)(test, node.body, node.orelse)
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield "dropped filter", ast.comprehension(node.target, node.iter, [], node.is_async)
    elif isinstance(node, ast.Return):
        if node.value is not None and not is_none(node.value):
            yield "return value", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in TWINS:
        yield "min/max, any/all", ast.Name(TWINS[node.id], ast.Load())
    elif (
        isinstance(node, ast.Raise | ast.Delete | ast.Continue | ast.Break)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or (isinstance(node, ast.Assign) and not all(isinstance(t, ast.Name) for t in node.targets))
    ):
        yield "removed", None


def constants(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, float):
        yield from (round(value * 1.2, 12), round(value * 0.8, 12))
    elif isinstance(value, str):
        yield value + "?"


def is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def mutants(module: str) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    source = (ORDER / f"{module}.py").read_text(encoding="utf-8")
    found: list[Mutant] = []
    seen: Counter[tuple[str, ...]] = Counter()
    tree = ast.parse(source)

    def visit(node: ast.AST, where: tuple[str, ...]) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            where = (*where, node.name)
        for field, value in ast.iter_fields(node):
            if field in {"annotation", "returns", "decorator_list", "type_params"}:
                continue
            items = value if isinstance(value, list) else [value]
            for i, child in enumerate(items):
                if isinstance(child, ast.AST) and not spared(child):
                    exchange(node, field, i if isinstance(value, list) else None, child, where)
                    visit(child, where)

    def exchange(
        parent: ast.AST, field: str, i: int | None, child: ast.AST, where: tuple[str, ...]
    ) -> None:
        if isinstance(parent, ast.Dict) and field == "keys" and child is None:
            return
        for operator, new in variants(child):
            put = ast.Pass() if new is None else new
            set_(parent, field, i, put)
            code = ast.unparse(ast.fix_missing_locations(tree))
            set_(parent, field, i, child)
            before, after = brief(child), "nothing" if new is None else brief(new)
            name = ".".join(where) or "module"
            mark = (name, operator, before, after)
            seen[mark] += 1
            line = getattr(child, "lineno", getattr(parent, "lineno", 0))
            if isinstance(child, ast.comprehension):
                line = child.target.lineno
            found.append(Mutant(module, name, operator, line, before, after, seen[mark], code))

    visit(tree, ())
    return found


def spared(node: ast.AST) -> bool:
    """What is no behaviour: imports, docstrings, ``__all__``, f-strings, the words of errors."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "__all__"
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (node.func.id in {"SpecMismatch", "OrderError", "RunError", "cast"})
    )


def set_(parent: ast.AST, field: str, i: int | None, node: ast.AST) -> None:
    if i is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[i] = node


def brief(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        return ast.unparse(ast.ListComp(ast.Name("_", ast.Load()), [node]))
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]


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
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session) -> bool:
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
    everything = [m for module in asked.only or MODULES for m in mutants(module)]
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
