"""From an instruction to the words that matter in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from shopfloor.errors import OrderError
from shopfloor.order.lexicon import ALLOWED, PATTERNS, TOTE_NOUN_EN
from shopfloor.types import Language

__all__ = ["TOTE_NAMES", "Token", "detect", "normal", "tokens"]

TOTE_NAMES = ("A", "B", "C", "D")
"""The labels that totes can have."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_SIMPLE = str.maketrans(
    "紅藍綠黃圓長條塊體個兩號將進餘動別盤裡裏對顏類邊給隻幾歸裝請總處無須們這從擺與還開檔間樣狀",
    "红蓝绿黄圆长条块体个两号将进余动别盘里里对颜类边给只几归装请总处无须们这从摆与还开档间样状",
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "`": "'", "′": "'"})
_TELLS = re.compile(
    r"(?:^|(?<=[.;!?。\n]))\s*(?:there (?:is|are|'s)|the tray (?:holds|contains|has|carries)|"
    r"you (?:have|see|will find|can see)|(?:on|in) the tray (?:there )?(?:is|are|lie|you)|"
    r"i (?:have|see)|托盘[上里中]?(?:面)?(?:共)?有|桌上有|这里有|面前有|现在有)"
    r"[^.;!?。\n]*(?:[.;!?。\n]|$)",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"(?<![a-z])(?:not|never|none|without)(?![a-z])|[不别勿莫]", re.IGNORECASE)
"""Where no word around it was understood, reading on would turn the meaning round."""
_FOLLOWS_A = re.compile(
    r"""\s*["')\]]?\s*(?:[:=>→,.;!?)\]、。-]|$|(?:and|or|gets?|takes?|receives?|is|holds?|for|should|must|will|
    collects?|contains?|please|too|also|as|then|while|but|respectively|the|all|every|each|put|goes?|
    everything|place|only|wants?|needs?|belongs?|now|except|apart|instead)(?![a-z]))""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One spotted word: what it is, what it means, and how it was written."""

    kind: str
    value: object
    text: str


def detect(instruction: str) -> Language:
    """Return ``zh`` where the text has a Chinese character, else ``en``."""
    return "zh" if _HAN.search(instruction) else "en"


def normal(instruction: str) -> str:
    """Return the text in half width, simplified characters and plain signs."""
    # Numbers of a list are no quantities: (1), 2., 三、 and ④ each begin a sentence.
    text = re.sub(r"[①-⑳⑴-⒛]", "; ", instruction)
    text = unicodedata.normalize("NFKC", text).translate(_SIMPLE).translate(_QUOTES)
    text = re.sub(
        r"(?:^|(?<=[\s.;,。]))\(?(?:\d{1,2}|[一二三四五六](?=、))[).、](?=\D)", "; ", text
    )
    text = re.sub(r"[-=]+>|→|⇒|➜|➡", " → ", text)
    text = re.sub(r"(?i)\bcannot\b", "can not", text)
    text = re.sub(r"(?i)\bcan't\b", "can not", text)
    text = re.sub(r"(?i)n't\b", " not", text)
    text = re.sub(r"(?i)\bwon not\b", "will not", text)
    text = re.sub(r"\s+[-–—]+\s+|[—–]+", " : ", text)
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(r"[^\S\n]+", " ", text)
    # Spaces between Chinese characters carry no meaning.
    text = re.sub(r"(?<=[\u3000-\u9fff]) +(?=[\u3000-\u9fff])", "", text)
    return _TELLS.sub(
        lambda m: m[0] if re.search(rf"(?i){TOTE_NOUN_EN}s? [a-d]\b|\b[A-D]\b", m[0]) else "",
        text,
    ).strip()


@cache
def _scanner() -> re.Pattern[str]:
    return re.compile(
        "|".join(f"(?P<k{i}>{pattern})" for i, (_, _, pattern) in enumerate(PATTERNS)),
        re.IGNORECASE,
    )


_TOTE_OF = {"甲": "A", "乙": "B", "丙": "C", "丁": "D"}
_CONTENT = frozenset({"COLOUR", "SIZE", "SHAPE", "PART"})


def _label(match: re.Match[str], kind: str) -> str:
    letters = re.findall(r"(?<![a-z])[a-z](?![a-z])|[甲乙丙丁]", match[0], re.IGNORECASE)
    letter: str = (
        letters[-1]
        if kind == "TOTE" and re.match(TOTE_NOUN_EN, match[0], re.IGNORECASE)
        else letters[0]
    )
    return _TOTE_OF.get(letter, letter.upper())


def _is_article(text: str, match: re.Match[str], before: Token | None, language: Language) -> bool:
    """Return whether a lone "a" is the article and not the tote A."""
    if language == "zh":
        return False
    if _FOLLOWS_A.match(text, match.end()):
        return False
    after = next(_scan(text, match.end(), language), None)
    if after is not None and text[match.end() : text.find(after.text, match.end())].strip():
        after = None  # some unknown word comes first
    named = after is not None and after.kind in _CONTENT
    if match[0].strip("\"'()[]") != "A":
        return named or before is None or before.kind != "PREP" or after is None
    at_start = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1] in ".;!?\n"
    if before is not None and before.kind == "PREP":
        return False
    return at_start or named


def _tote(
    text: str, match: re.Match[str], kind: str, before: Token | None, language: Language
) -> tuple[str, object] | None:
    """Return what a letter, alone or beside a word for a tote, stands for."""
    label = _label(match, kind)
    named = re.search(r"(?i)\bthe\s*$", text[: match.start()])
    if kind == "TOTE" and language == "en" and re.match(r"a ", match[0]) and not named:
        return None  # "into a box": the article, unless somebody named that box
    if kind == "LETTER":
        if label in ("I", "S", "T", "X"):
            return None  # what apostrophes leave, and "2 x"
        if label == "A" and _is_article(text, match, before, language):
            return "ART", 1
    if label in TOTE_NAMES:
        return "TOTE", label
    if kind == "TOTE" or (before is not None and before.kind == "PREP"):
        return "BAD", ("tote", label)
    return None


def _scan(text: str, start: int, language: Language) -> Iterator[Token]:
    before: Token | None = None
    position = start
    while (match := _scanner().search(text, position)) is not None:
        if negation := _NEGATION.search(text, position, match.start()):
            before = Token("BAD", ("negation", negation[0]), negation[0])
            yield before
        position = max(match.end(), match.start() + 1)
        kind, value, _ = PATTERNS[int(str(match.lastgroup)[1:])]
        if kind == "SKIP":
            continue
        if kind in ("TOTE", "LETTER"):
            read = _tote(text, match, kind, before, language)
            if read is None:
                continue
            kind, value = read
        elif value == "digits":
            value = int(re.findall(r"\d+", match[0])[0])
        before = Token(kind, value, match[0].strip())
        yield before


def tokens(instruction: str, language: Language | None = None) -> tuple[Token, ...]:
    """Return the words of an instruction that matter, in their order.

    Raises:
        OrderError: A colour, shape, size, quantity or tote that no goal can hold.
    """
    text = normal(instruction)
    found = tuple(_scan(text, 0, language or detect(instruction)))
    for token in found:
        if token.kind == "BAD":
            if isinstance(token.value, tuple):
                what = str(token.value[0])
                allowed = ", ".join(TOTE_NAMES) if what == "tote" else "a plainer wording"
            else:
                what, allowed = str(token.value), ALLOWED[str(token.value)]
            raise OrderError(
                f"the instruction asks for the {what} {token.text!r}; allowed: {allowed}. "
                f"The instruction was {instruction!r}"
            )
    return found
