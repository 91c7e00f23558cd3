"""From spotted words to chunks ("two red cubes", "the rest") and destinations."""

from __future__ import annotations

from dataclasses import replace

from shopfloor.order.node import AND, COLON, COMMA, HARD, Chunk, Dest, Node
from shopfloor.order.token import Token
from shopfloor.types import Select

__all__ = ["chunks"]

_CONTENT = frozenset({"COLOUR", "SIZE", "SHAPE", "PART", "PRON", "NUM", "ONE", "NOT1"})
_KIND = {"COLOUR": "colour", "SIZE": "size", "SHAPE": "shape"}


class _Builder:
    """One pass over the tokens."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self.tokens = tokens
        self.nodes: list[Node] = []
        self.chunk: Chunk | None = None
        self.pending = Node()
        self.det = self.exc = self.rel = self.prep = False
        self.neg = 0  # 0 no, 1 the next property, 2 all properties up to a separator
        self.zip = self.among = self.each = False
        self.at = 0
        self.said: set[str] = set()

    # Separators and state.

    def close(self) -> None:
        self.chunk = None

    def separate(self, gap: int) -> None:
        self.close()
        self.pending.gap = max(self.pending.gap, gap)
        # "not red or blue" goes on being negative, "not red, ..." does not.
        self.neg = 2 if self.neg and gap == AND and self.rel else 0
        if gap == HARD:
            self.rel = self.det = False

    def _adopt(self, node: Node) -> None:
        p = self.pending
        node.gap, node.either, node.verb = p.gap, p.either, p.verb
        node.also, node.closed = node.also or p.also, p.closed
        self.pending = Node()
        self.nodes.append(node)

    def begin(self) -> Chunk:
        chunk = Chunk(det=self.det, exc=self.exc, scope=self.among)
        self.det = self.exc = self.among = False
        self._adopt(chunk)
        self.chunk = chunk
        return chunk

    def last(self) -> Chunk | None:
        """Return the chunk that stands last, if no destination came since."""
        node = self.nodes[-1] if self.nodes else None
        return node if isinstance(node, Chunk) else None

    def ahead(self, i: int) -> str | None:
        """Return the kind of the next token that is not a mere determiner."""
        for token in self.tokens[i + 1 :]:
            if token.kind not in ("DET", "DE", "ALSO") and token.text.lower() != "of":
                return token.kind
        return None

    def describes(self, i: int) -> bool:
        """Return whether a quantity at i stands before what it counts."""
        return self.ahead(i) in _CONTENT | {"REST", "NOT", "ART"}

    # Tokens.

    def attribute(  # noqa: C901 - one case for each way in which words can follow each other
        self, kind: str, value: str, *, strength: int = 0, noun: bool = False
    ) -> None:
        """Take in one colour, size or shape."""
        chunk = self.chunk
        if self.neg:
            self._minus(kind, value)
            return
        if self.rel and not noun and chunk is None and not self.det:
            base = self.last()
            if base is not None and self.pending.gap in (0, AND, COMMA):
                self._describe(base, kind, value, strength)
                return
        if noun and self.rel and self.pending.gap:
            self.rel = False
        before = self.last()
        if (
            chunk is None
            and before is not None
            and before.open_end
            and before.attrs
            and (
                self.pending.gap == AND
                and kind not in before.attrs
                and not (noun or self.det or self.pending.either or self.pending.verb or self.exc)
            )
        ):
            before.attrs[kind] = value  # "anything round and green"
            self.pending.gap = 0
            return
        fresh = chunk is None or (
            chunk.noun and not (chunk.open_end or (self.rel and not self.det))
        )
        if chunk is not None and not fresh and kind in chunk.attrs:
            if kind == "shape" and strength != chunk.strength:
                if strength > chunk.strength:
                    chunk.attrs["shape"], chunk.strength = value, strength
                chunk.noun = chunk.noun or noun
                return
            fresh = chunk.attrs[kind] != value
        elif (
            chunk is not None
            and kind == "shape"
            and noun
            and 0 < chunk.strength < min(strength, 3)
            and not (self.pending.gap or self.det)
        ):  # "block cylinders", whose weaker word is a noun too
            chunk.attrs["shape"], chunk.strength = value, strength
            return
        if chunk is None or fresh:
            chunk = self.begin()
        chunk.attrs[kind] = value
        if kind == "shape":
            chunk.strength = strength
            chunk.noun = chunk.noun or noun
            chunk.tight = not (self.tokens[self.at].text.isascii() or chunk.loose)

    def _minus(self, kind: str, value: str) -> None:
        chunk = self.chunk
        if chunk is None and self.rel:
            chunk = self.last()
        if chunk is None:
            chunk = self.begin()
            chunk.det = True
        same = self.neg == 3 and chunk.minus and getattr(chunk.minus[-1], kind) is None
        if same:
            chunk.minus[-1] = replace(chunk.minus[-1], **{kind: value})
        else:
            chunk.minus.append(Select(**{kind: value}))
        self.neg = 0 if self.neg == 1 else 3
        self.pending.gap = 0
        self.chunk = chunk

    def _describe(self, base: Chunk, kind: str, value: str, strength: int) -> None:
        """Take in a property after the noun: "cubes that are red or blue"."""
        if self.pending.gap and (self.pending.either or base.attrs.get(kind, value) != value):
            said = dict(base.attrs)
            if kind in said:
                said[kind] = value
            else:  # "parts that are red or small"
                said = {k: v for k, v in said.items() if k not in self.said} | {kind: value}
            count, det = base.count, base.det
            chunk = self.begin()
            chunk.attrs, chunk.noun, chunk.generic = said, base.noun, base.generic
            chunk.det, chunk.count, chunk.strength = det, count, base.strength
            self.said = {kind}
        elif base.attrs.get(kind, value) != value and kind != "shape":
            self.attribute_new(kind, value)
            return
        else:
            base.attrs[kind] = value
            self.said = self.said | {kind}
            self.pending.gap = 0
            if kind == "shape":
                base.strength = strength
        self.chunk = None

    def attribute_new(self, kind: str, value: str) -> None:
        self.rel = False
        self.begin().attrs[kind] = value

    def take(self, i: int, token: Token) -> None:  # noqa: C901, PLR0912, PLR0915 - a switch
        """Take in one token."""
        kind, chunk = token.kind, self.chunk
        self.at = i
        if kind in _KIND:
            if isinstance(token.value, tuple):
                value, strength, noun = token.value
                self.attribute("shape", value, strength=strength, noun=noun)
            else:
                self.attribute(_KIND[kind], str(token.value))
        elif kind == "PART":
            if chunk is None or chunk.noun:
                if chunk is not None and chunk.noun and self.pending.gap == 0 and not self.det:
                    return  # "cube parts", "圆柱零件"
                chunk = self.begin()
            chunk.noun, chunk.generic = True, not chunk.attrs.get("shape")
            self.rel, self.neg = False, 0
        elif kind == "PRON":
            if chunk is None:
                self.begin().ellipsis = True
            elif chunk.full:
                chunk.pronoun = True
            elif chunk.count is not None and not chunk.rest:
                chunk.ellipsis = True
        elif kind in ("ALL", "ALLPRON"):
            self._all(i, kind)
        elif kind == "REST":
            if chunk is None or (chunk.full and not chunk.open_end):
                chunk = self.begin()
            chunk.rest = True
        elif kind in ("NUM", "ONE", "ART"):
            self._number(i, token)
        elif kind == "EACHNUM":
            self.each = True
        elif kind == "ANOTHER":
            chunk = self.begin()
            chunk.count = 1
            chunk.ellipsis = not self.describes(i)
        elif kind == "DET":
            if chunk is not None and not chunk.full:
                chunk.det = True
            else:
                self.det = True
        elif kind == "NOT1":
            self.neg = 1
            if chunk is not None and chunk.full and not chunk.open_end:
                self.close()
        elif kind == "NOT":
            if chunk is None and self.nodes and isinstance(self.nodes[-1], Dest):
                self.exc = True  # "everything into A, not the red ones"
            else:
                self.neg = 2
        elif kind == "DE":
            self.neg = 0
            if chunk is not None:
                chunk.loose = True
        elif kind == "REL":
            if (base := self.last()) is not None and base.full and self.pending.gap in (0, COMMA):
                self.rel, self.said = True, set()
                self.close()
        elif kind == "AMONG":
            self.among = True
        elif kind == "SCOPE":
            if (base := self.last()) is not None and self.pending.gap == 0:
                base.scope = True
                self.close()
        elif kind == "EXC":
            self.close()
            self.exc, self.rel = True, False
        elif kind == "CLOSE":
            self.close()
            self.pending.closed = True
        elif kind == "POSTEXC":
            self._post_exception()
        else:
            self._shape_sentence(token)

    def _all(self, i: int, kind: str) -> None:
        chunk = self.chunk
        if self.rel and self.tokens[i].text.lower() == "both":
            return  # "which are both red and small"
        if kind == "ALL" and not self.describes(i):
            if self.last() is None:
                chunk = self.begin()
                chunk.noun = chunk.generic = chunk.all = chunk.open_end = True
            return
        if chunk is None or chunk.full or chunk.count is not None:
            chunk = self.begin()
        self.rel = False
        chunk.all = chunk.det = True
        if kind == "ALLPRON":
            chunk.noun = chunk.generic = chunk.open_end = True

    def _number(self, i: int, token: Token) -> None:  # noqa: C901 - guard clauses
        chunk, value = self.chunk, int(str(token.value))
        if token.kind == "ART":
            if self.neg or self.rel or not self.describes(i):
                return
            if chunk is None or chunk.full:
                chunk = self.begin()
                chunk.count, chunk.det = value, True
            return
        if self.describes(i):
            if chunk is not None and chunk.all and not chunk.full:
                return  # "all three cubes"
            if chunk is None or chunk.full:
                chunk = self.begin()
            if chunk.count is None:
                chunk.count = value
            chunk.det = True
            self.rel = False
            return
        if token.kind == "ONE" and (self.det or chunk is not None):
            self.det = False
            return  # "the red one"
        before = self.last()
        if chunk is None and before is not None and before.count is None and before.full:
            chunk = before
        if chunk is not None and chunk.count is None:
            for one in self._counted(chunk):
                one.count = value
            return
        chunk = self.begin()
        chunk.count, chunk.ellipsis, chunk.det = value, True, True

    def _counted(self, chunk: Chunk) -> list[Chunk]:
        """Return what a number after its noun counts; "各两个" counts every one of a list."""
        found = [] if chunk.all else [chunk]
        if self.each:
            self.each = False
            for node in reversed(self.nodes):
                if not isinstance(node, Chunk):
                    break
                found.append(node)
        return found

    def _post_exception(self) -> None:
        """Mark the chunks before as exceptions, up to the last comma."""
        first: Chunk | None = None
        for node in reversed(self.nodes):
            if not isinstance(node, Chunk):
                break
            first = node
            if node.gap >= COMMA:
                break
        if first is not None:
            first.exc = first.post = True
        self.close()
        self.pending.closed = True

    def _shape_sentence(self, token: Token) -> None:  # noqa: C901 - a switch
        kind = token.kind
        if kind in ("TOTE", "SAME", "STAY", "NEGPUT"):
            self.close()
            dest = Dest(prep=self.prep, same=kind == "SAME", negated=kind == "NEGPUT")
            if kind == "TOTE":
                dest.totes.append(str(token.value))
            dest.zip, self.zip = self.zip, False
            self._adopt(dest)
            self.exc = self.rel = self.prep = self.det = False
            self.neg = 0
        elif kind == "VERB":
            self.close()
            self.pending.verb = True
            self.rel = self.det = False
            self.neg = 0
        elif kind == "PREP":
            self.prep = True
        elif kind == "OR":
            self.separate(AND)
            self.pending.either = True
        elif kind in ("AND", "COMMA", "COLON", "HARD"):
            self.separate({"AND": AND, "COMMA": COMMA, "COLON": COLON, "HARD": HARD}[kind])
        elif kind == "ALSO":
            if self.nodes and self.pending.gap == 0:
                self.nodes[-1].also = True
            self.pending.also = True
        elif kind == "ZIP":
            self.zip = True
            for node in self.nodes:
                if isinstance(node, Dest):
                    node.zip = True


def chunks(tokens: tuple[Token, ...], *, tray: bool) -> list[Node]:
    """Return the chunks and destinations of an instruction, in their order.

    Args:
        tokens: The words that matter.
        tray: Whether "on the tray" is read as a destination.
    """
    builder = _Builder(tokens)
    for i, token in enumerate(tokens):
        if token.kind == "TRAY":
            if tray:
                builder.take(i, Token("STAY", token.value, token.text))
        elif (
            token.text.lower() == "but"
            and builder.chunk is not None
            and builder.ahead(i) not in ("VERB", "STAY", "NEGPUT", "TOTE")
        ):  # "everything but the red ones", not "..., but leave the red ones"
            builder.take(i, Token("EXC", None, token.text))
        else:
            builder.take(i, token)
    return _scoped(builder.nodes)


def _scoped(nodes: list[Node]) -> list[Node]:
    """Apply "among the red parts, ..." to what follows it in the sentence."""
    found: list[Node] = []
    scope: Chunk | None = None
    for node in nodes:
        if isinstance(node, Chunk) and node.scope:
            scope = node
            continue
        if node.gap == HARD:
            scope = None
        if scope is not None and isinstance(node, Chunk):
            for kind, value in scope.attrs.items():
                node.attrs.setdefault(kind, value)
        found.append(node)
    return found
