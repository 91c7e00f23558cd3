"""Goals put into words: the same goal in English and in Chinese, in many ways.

A frame says how one "these parts go there" is worded; square brackets hold words of which
one is drawn. An order keeps one frame, one name for totes and one for parts, as a person
would. Words are drawn so that they are not ambiguous: after "red cubes", "the blue ones"
would be blue cubes, so blue parts of any shape are then called parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from shopfloor.types import Goal, Language, Rule, Select

__all__ = ["FRAMES", "render"]


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the clauses of an order are worded.

    Attributes:
        clause: With ``{x}`` for parts and ``{t}`` for a tote.
        joints: What may stand between clauses.
        lead: What may stand before them.
        end: What may stand after them.
    """

    clause: str
    joints: tuple[str, ...]
    lead: tuple[str, ...] = ("",)
    end: tuple[str, ...] = ("", ".")


_EN = (
    _Frame(
        "[put|place|move|drop|load] {x} [in|into] {t}",
        (", ", "; ", " and ", ". ", ", then "),
        ("", "please "),
    ),
    _Frame("{x} [should go|must go|are to go] [in|into|to] {t}", (", ", "; ", ". ", " and ")),
    _Frame("[in|into] {t} [put|place|go] {x}", ("; ", ". ", ", ")),
    _Frame("{t}: {x}", ("; ", ". ", "\n"), ("", "sort the tray. ", "today's sort: ")),
    _Frame("{x} -> {t}", (", ", "; ", "\n"), ("", "sort like this: ")),
    _Frame("{t} [gets|takes|receives] {x}", (", ", "; ", " and ", ". "), end=(".",)),
    _Frame(
        "[take|collect|pick up|fetch] {x} and [put|drop|place] them [in|into] {t}",
        (". ", "; ", ". then "),
        end=(".",),
    ),
    _Frame("{x} [belong|are wanted|have their place] in {t}", (", ", "; ", " and "), end=(".",)),
    _Frame("{t} is [for|reserved for|meant for] {x}", (", ", "; ", ", and "), end=(".",)),
    _Frame("{x} in {t}", (", ", " and ", "; "), ("I want ", "I would like ", "we need "), (".",)),
    _Frame(
        "{x} [to|into] {t}",
        (", ", "; "),
        ("sort the tray: ", "clear the tray like this: ", "sort these parts: "),
        (".",),
    ),
    _Frame("[find|look for|pick out] {x}, then [drop|lay|set] them [in|inside] {t}", (". ", "; ")),
    _Frame("[fill|load|stock] {t} with {x}", (", ", " and ", "; "), ("", "please "), (".",)),
    _Frame("{x} should [end up|be placed|be found] in {t}", (", ", "; ", ". "), end=(".",)),
)
_ZH = (
    _Frame("把{x}[放进|放到|放入|装进|移到]{t}", ("，", "；", "。"), ("", "请"), ("。", "")),
    _Frame("{x}[放|进|去|归]{t}", ("，", "；", "。"), end=("。", "")),
    _Frame("{t}[放|装|收]{x}", ("，", "；", "。"), end=("。", "")),
    _Frame("{t}：{x}", ("；", "。", "\n"), ("", "今天这样分拣："), ("。", "")),
    _Frame("{x}→{t}", ("，", "；"), ("", "按下面分拣："), ("。", "")),
    _Frame("往{t}里[放|装]{x}", ("，", "；", "。"), end=("。", "")),
    _Frame("[拿起|找出|挑出]{x}，[放进|放到|送到]{t}", ("；", "。"), end=("。",)),
    _Frame("{x}[应该|需要|都要]放在{t}里", ("，", "；", "。"), end=("。", "")),
    _Frame("{t}[用来放|专门放|只放]{x}", ("，", "；"), end=("。",)),
    _Frame("{x}[属于|归入]{t}", ("，", "；", "。"), end=("。",)),
    _Frame("将{x}[分拣至|移至|送入]{t}", ("，", "；", "，再"), ("", "请", "麻烦你"), ("。", "")),
    _Frame("{t}要{x}", ("，", "；", "。"), end=("。",)),
    _Frame("把托盘上的{x}[拿到|搬到|夹到]{t}", ("，然后", "；", "。"), ("", "先"), ("。",)),
    _Frame("用{t}装{x}", ("，", "；"), ("", "请"), ("。",)),
)
FRAMES: dict[Language, tuple[_Frame, ...]] = {"en": _EN, "zh": _ZH}
"""Frames by language."""

_TOTES: dict[Language, tuple[str, ...]] = {
    "en": ("tote {}", "tote {}", "bin {}", "box {}", "container {}", "the tote marked {}"),
    "zh": ("{}箱", "{}号箱", "料箱{}", "{}号料箱", "周转箱{}", "{}盒"),
}
_WORDS = {
    "red": "红", "orange": "橙", "yellow": "黄", "green": "绿", "blue": "蓝", "purple": "紫",
}  # fmt: skip
_SHAPES_EN = {
    "cube": ("cube", "cube", "block"),
    "cylinder": ("cylinder", "cylinder", "disc"),
    "bar": ("bar", "bar", "brick"),
}
_SHAPES_ZH = {
    "cube": ("方块", "立方体", "正方体"),
    "cylinder": ("圆柱", "圆柱体"),
    "bar": ("长条", "长方体", "条块"),
}
_SIZES_EN = {"small": ("small", "small", "little"), "large": ("large", "large", "big")}
_NUMBERS_EN = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS_ZH = ("", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
_STAYS: dict[Language, tuple[str, ...]] = {
    "en": (
        "leave {x} [on the tray|where they are|in place]",
        "do not [touch|move] {x}",
        "keep {x} on the tray",
        "{x} [stay|remain] on the tray",
    ),
    "zh": ("{x}[不要动|别动|留在托盘上|保持不动]", "把{x}留在托盘上", "[不要碰|不要动]{x}"),
}
_REST_STAYS: dict[Language, tuple[str, ...]] = {
    "en": ("leave the rest", "leave everything else on the tray", "the other parts stay put"),
    "zh": ("其余的不要动", "其他零件留在托盘上", "别的不用管"),
}


class _Voice:
    """One way of speaking, kept through an order."""

    def __init__(self, goal: Goal, language: Language, rng: np.random.Generator) -> None:
        self.rng, self.language = rng, language
        self.tote_name = self.one(_TOTES[language])
        self.english = {k: self.one(v) for k, v in _SHAPES_EN.items()}
        self.chinese = {k: self.one(v) for k, v in _SHAPES_ZH.items()}
        self.sizes = {k: self.one(v) for k, v in _SIZES_EN.items()}
        self.det = self.one(("the", "the", "all", "all the"))
        shaped = any(rule.select.shape is not None for rule in goal.rules)
        nouns = ("part", "piece", "object", "item") + (() if shaped else ("one",))
        self.noun = self.one(nouns)
        self.noun_zh = self.one(("零件", "的零件", "工件", "的物件") + (() if shaped else ("的",)))
        self.linker = self.one(("", "的"))
        self.digits = bool(rng.random() < 0.3)

    def one(self, options: tuple[str, ...] | list[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def fill(self, pattern: str) -> str:
        return re.sub(r"\[([^\]]*)\]", lambda m: self.one(m[1].split("|")), pattern)

    def tote(self, label: str) -> str:
        return self.tote_name.format(label)

    # English.

    def _noun_en(self, select: Select, *, plural: bool) -> str:
        head = self.english[select.shape] if select.shape else self.noun
        words = [self.sizes[select.size]] if select.size else []
        words += [select.colour] if select.colour else []
        return " ".join([*words, head + "s" * plural])

    def _phrase_en(self, select: Select, count: int | None) -> str:
        if count is None:
            return f"{self.det} {self._noun_en(select, plural=True)}"
        number = str(count) if self.digits else _NUMBERS_EN[count]
        if count == 1 and self.det == "the" and not self.digits:
            number = "exactly one"
        return f"{number} {self._noun_en(select, plural=count > 1)}"

    # Chinese.

    def _noun_zh(self, select: Select) -> str:
        size = {"small": "小号", "large": "大号", None: ""}[select.size]
        colour = f"{_WORDS[select.colour]}色" if select.colour else ""
        if select.shape is None:
            noun = self.noun_zh
            return size + colour + (noun if size or colour else noun.lstrip("的") or "零件")
        linker = self.linker if size or colour else ""
        return size + colour + linker + self.chinese[select.shape]

    def _phrase_zh(self, select: Select, count: int | None) -> str:
        noun = self._noun_zh(select)
        if count is None:
            return f"所有{noun}" if self.det.startswith("all") else noun
        return f"{count if self.digits else _NUMBERS_ZH[count]}个{noun}"

    # Both.

    def phrase(self, select: Select, count: int | None) -> str:
        """Say a selection: ``all the red cubes``, ``两个红色方块``."""
        return (self._phrase_en if self.language == "en" else self._phrase_zh)(select, count)

    def join(self, phrases: list[str]) -> str:
        """Say a list."""
        if len(phrases) == 1:
            return phrases[0]
        if self.language == "zh":
            return "、".join(phrases[:-1]) + self.one(("和", "以及", "、")) + phrases[-1]
        return ", ".join(phrases[:-1]) + " and " + phrases[-1]

    def colours(self, rules: list[Rule]) -> str | None:
        """Say ``red, green and blue cubes`` where only colours differ."""
        first = rules[0].select
        same = all(
            rule.count is None
            and rule.select.colour is not None
            and (rule.select.shape, rule.select.size) == (first.shape, first.size)
            for rule in rules
        )
        if len(rules) < 2 or not same or first.size is not None:
            return None
        if self.language == "zh":
            words = [f"{_WORDS[str(rule.select.colour)]}色" for rule in rules]
            return self.join(words) + "的" + self._noun_zh(Select(shape=first.shape)).lstrip("的")
        words = [str(rule.select.colour) for rule in rules]
        return (
            f"{self.det} {self.join(words)} {self._noun_en(Select(shape=first.shape), plural=True)}"
        )

    def items(self, rules: list[Rule], *, rest: bool) -> str:
        """Say what goes to one tote."""
        if len(rules) == 1 and rules[0].select == Select() and rules[0].count is None:
            if self.language == "en":
                return self.one(
                    ("everything else", "the rest", "all other parts", "the remaining parts")
                    if rest
                    else ("everything", "all parts", "all the parts on the tray")
                )
            return self.one(
                ("其余零件", "其他零件", "剩下的零件", "其余的", "别的零件")
                if rest
                else ("所有零件", "全部零件")
            )
        said = self.colours(rules)
        if said is not None and self.rng.random() < 0.6:
            return said
        phrases = [self.phrase(rule.select, rule.count) for rule in rules]
        if self.language == "zh":  # "red cubes and cylinders" would be red cylinders
            phrases = [
                f"所有{text}" if i and rule.count is None and not text.startswith("所有") else text
                for i, (text, rule) in enumerate(zip(phrases, rules, strict=True))
            ]
        return self.join(phrases)


def _totes(goal: Goal) -> list[tuple[str, list[Rule]]]:
    """Return the rules of each tote; a rule for everything else is a clause of its own."""
    found: list[tuple[str, list[Rule]]] = []
    for rule in goal.rules:
        if rule.tote is None:
            continue
        if found and found[-1][0] == rule.tote and rule.select != Select():
            found[-1][1].append(rule)
        else:
            found.append((rule.tote, [rule]))
    return found


def _excepted(voice: _Voice, goal: Goal, stays: list[Rule]) -> str | None:
    """Say "everything except the red parts" where that is all there is to say."""
    last = goal.rules[-1]
    fits = (
        bool(stays)
        and len(goal.rules) == len(stays) + 1
        and last.select == Select()
        and last.count is None
        and all(rule.count is None for rule in stays)
    )
    if not fits or voice.rng.random() < 0.3:
        return None
    x = voice.items(stays, rest=False)
    if voice.language == "en":
        head = voice.one(("everything", "all parts", "every part"))
        return f"{head} {voice.one(('except', 'apart from', 'other than', 'except for'))} {x}"
    return voice.one((f"除了{x}以外的所有零件", f"除{x}外的全部零件", f"除了{x}之外的其他零件"))


def _finish(text: str, language: Language) -> str:
    """Begin English sentences with capitals."""
    if language == "zh":
        return text
    return re.sub(r"(^|[.!?\n] ?)([a-z])", lambda m: m[1] + m[2].upper(), text)


def render(goal: Goal, language: Language, rng: np.random.Generator) -> str:
    """Put a goal into words.

    Args:
        goal: In canonical form, with at least one rule that names a tote.
        language: ``en`` or ``zh``.
        rng: Draws the wording.
    """
    voice = _Voice(goal, language, rng)
    frames = FRAMES[language]
    frame = frames[int(rng.integers(len(frames)))]
    clause = voice.fill(frame.clause)
    stays = [rule for rule in goal.rules if rule.tote is None]
    joint = voice.one(frame.joints)

    excepted = _excepted(voice, goal, stays)
    if excepted is not None:
        tote = goal.rules[-1].tote
        said = [clause.format(x=excepted, t=voice.tote(str(tote)))]
        stays = []
    else:
        said = [
            clause.format(x=voice.items(rules, rest=len(goal.rules) > 1), t=voice.tote(tote))
            for tote, rules in _totes(goal)
        ]
    text = voice.one(frame.lead) + joint.join(said)
    stop = "。" if language == "zh" else ". "
    if stays:
        leave = voice.fill(voice.one(_STAYS[language])).format(x=voice.items(stays, rest=False))
        first = goal.rules[-1].select != Select() and rng.random() < 0.5
        named_rest = goal.rules[-1].select == Select() and len(goal.rules) > 1
        text = leave + stop + text if first or named_rest else text + stop + leave
    elif goal.rules[-1].select != Select() and rng.random() < 0.25:
        text += stop + voice.one(_REST_STAYS[language])
    return _finish(text + voice.one(frame.end), language)
