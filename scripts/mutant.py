"""The ways to break a module: one change of one expression or statement at a time.

Not changed: docstrings, annotations, decorators, imports, ``__all__`` and the words of errors.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants"]

_COMPARE = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.BitXor: ast.BitOr, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
}  # fmt: skip
_TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_ERRORS = {"SpecMismatch", "OrderError", "RunError", "cast"}
_NO_BEHAVIOUR = {"annotation", "returns", "decorator_list", "type_params"}

Change = tuple[str, "ast.AST | None"]
"""What kind of change, and what takes the node's place; None removes a statement."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        module: Name of the module that was changed.
        where: Class and function in it, or ``module``.
        operator: What kind of change.
        line: Where.
        before, after: The expression or statement, the first line of it.
        number: Which of several that read alike in the same function, from 1.
        code: The whole module, changed.
    """

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
        change = f"[{self.operator}] {self.before} -> {self.after}"
        return f"{self.module}.{self.where} {change} #{self.number}"


def mutants(path: Path) -> list[Mutant]:
    """Return all mutants of a module, in the order of its lines."""
    return list(_Breaker(path.stem, ast.parse(path.read_text(encoding="utf-8"))).visit())


class _Breaker:
    """Walks a module and makes each change in turn."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self.module, self.tree = module, tree
        self.alike: Counter[tuple[str, ...]] = Counter()

    def visit(self, node: ast.AST | None = None, where: tuple[str, ...] = ()) -> Iterator[Mutant]:
        node = node or self.tree
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            where = (*where, node.name)
        for field, value in ast.iter_fields(node):
            if field in _NO_BEHAVIOUR:
                continue
            for i, child in enumerate(value) if isinstance(value, list) else ((None, value),):
                if not isinstance(child, ast.AST) or _spared(child):
                    continue
                line = getattr(child, "lineno", getattr(node, "lineno", 0))
                for operator, new in _changes(child):
                    _set(node, field, i, new or ast.Pass())
                    code = ast.unparse(ast.fix_missing_locations(self.tree))
                    _set(node, field, i, child)
                    yield self.mutant(where, operator, line, child, new, code)
                yield from self.visit(child, where)

    def mutant(
        self,
        where: tuple[str, ...],
        operator: str,
        line: int,
        old: ast.AST,
        new: ast.AST | None,
        code: str,
    ) -> Mutant:
        before, after = _brief(old), "nothing" if new is None else _brief(new)
        name = ".".join(where) or "module"
        alike = name, operator, before, after
        self.alike[alike] += 1
        return Mutant(self.module, name, operator, line, before, after, self.alike[alike], code)


def _set(parent: ast.AST, field: str, i: int | None, node: ast.AST) -> None:
    if i is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[i] = node


def _brief(node: ast.AST) -> str:
    if isinstance(node, ast.comprehension):
        return ast.unparse(ast.ListComp(ast.Name("_", ast.Load()), [node]))
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]


def _spared(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name) and node.value.id == "Literal"
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id == "__all__"
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS
    )


def _changes(node: ast.AST) -> Iterator[Change]:
    change = _CHANGES.get(type(node))
    return iter(()) if change is None else change(node)


def _compare(node: ast.Compare) -> Iterator[Change]:
    for i, op in enumerate(node.ops):
        for other in _COMPARE[type(op)]:
            changed = copy.deepcopy(node)
            changed.ops[i] = other()
            yield "comparison", changed


def _and_or(node: ast.BoolOp) -> Iterator[Change]:
    yield "and/or", ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
    for i in range(len(node.values)):
        left = node.values[:i] + node.values[i + 1 :]
        yield "dropped operand", left[0] if len(left) == 1 else ast.BoolOp(node.op, left)


def _sign(node: ast.UnaryOp) -> Iterator[Change]:
    yield "dropped sign", node.operand


def _arithmetic(node: ast.BinOp) -> Iterator[Change]:
    if type(node.op) in _ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)


def _in_place(node: ast.AugAssign) -> Iterator[Change]:
    if type(node.op) in _ARITHMETIC:
        yield "arithmetic", ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
    yield "removed", None


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    others: tuple[object, ...] = ()
    if isinstance(value, bool):
        others = (not value,)
    elif isinstance(value, int):
        others = (value + 1, value - 1)
    elif isinstance(value, float):
        others = (round(value * 1.2, 12), round(value * 0.8, 12))
    elif isinstance(value, str):
        others = (value + "?",)
    return (("constant", ast.Constant(other)) for other in others)


def _if_else(node: ast.IfExp) -> Iterator[Change]:
    yield "negated", ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _condition(node: ast.If) -> Iterator[Change]:
    for test in (True, False):
        yield "condition", ast.If(ast.Constant(test), node.body, node.orelse)


def _loop(node: ast.While) -> Iterator[Change]:
    yield "condition", ast.While(ast.Constant(False), node.body, node.orelse)


def _filter(node: ast.comprehension) -> Iterator[Change]:
    if node.ifs:
        yield "dropped filter", ast.comprehension(node.target, node.iter, [], node.is_async)


def _return(node: ast.Return) -> Iterator[Change]:
    empty = isinstance(node.value, ast.Constant) and node.value.value is None
    if node.value is not None and not empty:
        yield "return value", ast.Return(ast.Constant(None))


def _name(node: ast.Name) -> Iterator[Change]:
    if isinstance(node.ctx, ast.Load) and node.id in _TWINS:
        yield "min/max, any/all", ast.Name(_TWINS[node.id], ast.Load())


def _statement(_node: ast.AST) -> Iterator[Change]:
    yield "removed", None


def _called(node: ast.Expr) -> Iterator[Change]:
    if isinstance(node.value, ast.Call):
        yield "removed", None


def _assigned(node: ast.Assign) -> Iterator[Change]:
    if not all(isinstance(target, ast.Name) for target in node.targets):  # those would be missed
        yield "removed", None


_CHANGES: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Compare: _compare, ast.BoolOp: _and_or, ast.UnaryOp: _sign, ast.BinOp: _arithmetic,
    ast.AugAssign: _in_place, ast.Constant: _constant, ast.IfExp: _if_else, ast.If: _condition,
    ast.While: _loop, ast.comprehension: _filter, ast.Return: _return, ast.Name: _name,
    ast.Raise: _statement, ast.Delete: _statement, ast.Continue: _statement,
    ast.Break: _statement, ast.Expr: _called, ast.Assign: _assigned,
}  # fmt: skip
