"""Every word that the pages say, in English and Chinese, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from shopfloor.order import FAILURE_MEANINGS
from shopfloor.report import wording
from shopfloor.report.interval import Interval, Rate

__all__ = ["LANGUAGES", "WORDS", "Lang", "Words", "preferred"]

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)

WORDS: Mapping[str, tuple[str, str]] = {
    "about": (
        "shopfloor view, read-only, served from this machine.",
        "shopfloor view：只读，由本机提供。",
    ),
    "asked": ("Asked", "询问"),
    "back": ("Back to the list of runs", "返回运行列表"),
    "began": ("Began", "开始于"),
    "body": ("Body", "机体"),
    "brain": ("Brain", "大脑"),
    "calls": ("calls", "次调用"),
    "cell": ("Cell", "工作单元"),
    "clear": ("Clear", "清除"),
    "code": ("Code", "代码"),
    "code.unknown": ("a code that this version does not know", "本版本不认识的代码"),
    "codes": ("Failures by root cause", "按根因统计的失败"),
    "codes.none": ("No order failed.", "没有失败的工单。"),
    "compare": ("Compare", "比较"),
    "compare.ab": ("Only {a} good", "仅 {a} 合格"),
    "compare.both": ("Both good", "都合格"),
    "compare.common": ("{n} common orders, compared one by one", "共 {n} 个相同工单，逐一比较"),
    "compare.full": ("Full comparison (in English)", "完整比较（英文）"),
    "compare.level": ("no difference was seen", "未观察到差异"),
    "compare.more": ("{n:,} more orders for 80 % power", "再做 {n:,} 个工单可达到 80 % 的检验功效"),
    "compare.neither": ("Neither good", "都不合格"),
    "compare.need": ("Pick two or more runs in the list.", "请在列表中选择两个或更多运行。"),
    "compare.pair": ("Pair", "比较对象"),
    "compare.picked": ("Compare the picked runs", "比较所选运行"),
    "compare.winner": ("{winner} is better", "{winner} 更好"),
    "compare.unresolved": ("not resolved", "尚无定论"),
    "condition.cut off": ("cut off", "已中断"),
    "condition.finished": ("finished", "已完成"),
    "condition.running": ("running", "运行中"),
    "condition.stopped": ("stopped", "已停止"),
    "condition.wrong": ("unreadable", "无法读取"),
    "cut off.why": (
        (
            "No process works on it, and its last one never said how it ended: it was killed or "
            "lost power. What was committed is whole. Go on with"
        ),
        "没有进程在处理它，最后一个进程也没有说明如何结束：可能被终止或断电。已提交的内容完整无缺。继续请用",
    ),
    "stopped.why": (
        "It was stopped before its end ({ended}). Go on with",
        "它在结束之前被停止（{ended}）。继续请用",
    ),
    "cycle": ("Cycle time, median", "节拍时间（中位数）"),
    "documents": ("documents", "文档"),
    "ending.cut off": ("cut off by the end", "因工单结束而中止"),
    "ending.done": ("done", "完成"),
    "ending.dropped": ("dropped", "被丢弃"),
    "ending.failed": ("failed", "失败"),
    "ending.refused": ("refused", "被拒绝"),
    "episode": ("Lot {lot}", "批次 {lot}"),
    "episode.next": ("Next episode", "下一回合"),
    "episode.previous": ("Previous episode", "上一回合"),
    "episodes": ("Episodes", "回合"),
    "episodes.all": ("All episodes", "全部回合"),
    "episodes.many": ("{found:,} of {n:,} episodes", "{n:,} 个回合中的 {found:,} 个"),
    "episodes.none": ("No episode matches.", "没有符合条件的回合。"),
    "episodes.yet": ("No episode is committed yet.", "尚未提交任何回合。"),
    "event.begins": (
        "it begins to fail here: {code}, {meaning}",
        "失败从这里开始：{code}，{meaning}",
    ),
    "event.claims": ("the brain claims: {claim}", "大脑声称：{claim}"),
    "event.end": (
        "end: {outcome}, {good} of {units} units good",
        "结束：{outcome}，{units} 件中 {good} 件合格",
    ),
    "event.fault": ("fault {code}: {reason}", "故障 {code}：{reason}"),
    "event.malformed": (
        "first of {n} actions without the body's shape",
        "{n} 个与机体不符的动作中的第一个",
    ),
    "event.nobody": ("nobody answered", "无人回答"),
    "event.rule": (", rule {rule}", "，规则 {rule}"),
    "event.tokens": ("{into:,} + {out:,} tokens", "{into:,} + {out:,} 个 token"),
    "events": ("What happened", "经过"),
    "failed": ("failed", "失败"),
    "fate.wanted": ("wanted in {place}", "应放入 {place}"),
    "fate.stay": ("was to stay", "应保持不动"),
    "fate.lies": ("lies in {place}", "最后在 {place}"),
    "fate.lost": ("lies outside of everything", "最后在所有工位之外"),
    "fate.tray": ("lies on the tray", "最后在托盘上"),
    "fate.or": (" or ", " 或 "),
    "fates": ("Units", "工件"),
    "asked.last": ("Last asked", "最近一次询问"),
    "filter": ("Filter", "筛选"),
    "filter.search": ("Instruction or order", "指令或工单"),
    "first_pass": ("First-pass yield", "一次合格率"),
    "flight.now": ("Being worked: {lots}", "正在处理：{lots}"),
    "flight.left": ("Begun and never committed: {lots}", "已开始但从未提交：{lots}"),
    "flight.age": ("last written {age} ago", "{age}前最后写入"),
    "folder": ("Folder", "文件夹"),
    "goal": ("Goal", "目标"),
    "good": ("good", "合格"),
    "good.orders": ("Orders good", "合格工单"),
    "guard": ("Guard", "守卫"),
    "guard.stops": ("Stops by the guard", "守卫停止次数"),
    "guard.said": (
        "{limited:,} limited, {stopped:,} stopped",
        "限制 {limited:,} 次，停止 {stopped:,} 次",
    ),
    "held": ("held", "抓住"),
    "instruction": ("Instruction", "指令"),
    "interrupted.kept": (
        "What had happened in cut-off lots {lots} is kept in interrupted/ and counts for nothing.",
        "被中断的批次 {lots} 的经过保存在 interrupted/ 中，不计入任何结果。",
    ),
    "interval": ("95 % interval {lo} to {hi}", "95 % 区间 {lo} 至 {hi}"),
    "interval.watched": (
        "95 % interval {lo} to {hi}, however often one looks",
        "95 % 区间 {lo} 至 {hi}，多次查看仍然有效",
    ),
    "keys": ("Keys", "快捷键"),
    "keys.close": ("Close", "关闭"),
    "keys.event": ("next, previous event", "下一个、上一个事件"),
    "keys.frame": ("one picture back or on", "后退或前进一帧"),
    "keys.help": ("these keys", "显示快捷键"),
    "keys.lot": ("next, previous episode", "下一个、上一个回合"),
    "keys.play": ("play or pause", "播放或暂停"),
    "keys.row": ("next, previous row", "下一行、上一行"),
    "keys.tick": ("one tick back or on", "后退或前进一个 tick"),
    "language": ("中文", "English"),
    "latency": ("Latency", "延迟"),
    "length": ("Length", "时长"),
    "length.shift": ("Length of the shift", "班次时长"),
    "limits": ("Limits", "限值"),
    "lot": ("Lot", "批次"),
    "newer": ("Newer", "较新"),
    "next": ("Next", "下一页"),
    "none": ("not measured", "未测量"),
    "notes": ("Read this first", "请先阅读"),
    "nothing.here": ("There is no run in {folder} yet.", "{folder} 中还没有运行。"),
    "nothing.try": ("Make one:", "创建一个："),
    "of": ("{k:,} of {n:,}", "{k:,} / {n:,}"),
    "older": ("Older", "较旧"),
    "open.report": ("Full report (in English)", "完整报告（英文）"),
    "order": ("Order", "工单"),
    "orders": ("Orders", "工单"),
    "orders.done": ("{k:,} orders", "{k:,} 个工单"),
    "orders.of": ("{k:,} of {n:,} orders", "{n:,} 个工单中的 {k:,} 个"),
    "orphaned": (
        "Workers that outlived their process still finish the lots that they had begun.",
        "失去主进程的工作进程仍在完成已开始的批次。",
    ),
    "outcome": ("Outcome", "结果"),
    "page": ("Page {page} of {pages}", "第 {page} 页，共 {pages} 页"),
    "picks": ("Picks", "抓取"),
    "pick": ("Pick {name} to compare", "选择 {name} 进行比较"),
    "playing": ("Play", "播放"),
    "previous": ("Previous", "上一页"),
    "question.answer": ("answered", "回答"),
    "question.request": ("asked", "提问"),
    "question.first": ("the answer to look at first", "首先应查看的回答"),
    "ruling.limit": ("limited {ticks} ticks", "限制了 {ticks} 个 tick"),
    "ruling.other": ("{verdict} {ticks} ticks", "{verdict} {ticks} 个 tick"),
    "ruling.stop": ("stopped {ticks} ticks", "停止了 {ticks} 个 tick"),
    "run": ("Run", "运行"),
    "runs": ("Runs", "运行"),
    "runs.cut": (
        "There are more folders than are looked through; name one of them.",
        "文件夹太多，未全部查找；请指定其中一个。",
    ),
    "runs.in": ("{n:,} in {folder}, newest first", "{folder} 中共 {n:,} 个，最新在前"),
    "seed": ("Seed", "种子"),
    "shown": ("Shown to the brain from {camera}", "大脑看到的 {camera} 画面"),
    "simulation": (
        "This is a simulation result: no real robot moved.",
        "这是仿真结果：没有真实机器人运动。",
    ),
    "skip": ("Skip to content", "跳到正文"),
    "state": ("State", "状态"),
    "states": ("Time by SEMI E10 state", "按 SEMI E10 状态统计的时间"),
    "states.ENG": ("engineering", "工程"),
    "states.NST": ("non-scheduled", "非计划"),
    "states.PRD": ("productive", "生产"),
    "states.SBY": ("standby", "待机"),
    "states.SDT": ("scheduled down", "计划停机"),
    "states.UDT": ("unscheduled down", "非计划停机"),
    "strip": ("The shift", "班次时间轴"),
    "tick": ("tick", "tick"),
    "timeline": (
        "Timeline: brain, limbs, guard, judge",
        "时间轴：大脑、各臂、守卫、裁判",
    ),
    "timeline.where": ("Moment of the episode", "回合中的时刻"),
    "told": ("Told", "指令"),
    "trend": (
        (
            "Thick: everything so far. Thin: the last {n} lots. The band may be watched while it "
            "grows; it holds at every moment with 95 % together."
        ),
        "粗线：至今全部。细线：最近 {n} 个批次。阴影可随时查看，在所有时刻同时成立的概率为 95 %。",
    ),
    "uph": ("Good units per hour", "每小时合格件数"),
    "uph.short": ("Units/h", "件/时"),
    "unit.good": ("good", "合格"),
    "unit.quarantine": ("quarantine", "隔离"),
    "unit.scrap": ("scrap", "报废"),
    "unit.wip": ("in progress", "在制"),
    "units": ("Units", "件"),
    "videos.none": (
        "No video was recorded (--no-video).",
        "没有录制视频（--no-video）。",
    ),
    "wall": ("{sim} of shift in {wall} of wall time", "班次 {sim}，实际用时 {wall}"),
    "when": ("Begun (UTC)", "开始时间（UTC）"),
    "who.brain": ("brain", "大脑"),
    "who.event": ("event", "事件"),
    "who.guard": ("guard", "守卫"),
    "who.judge": ("judge", "裁判"),
    "who.nobody": ("nobody", "无"),
    "why": ("Why", "原因"),
    "why.calls": ("Under way:", "正在进行："),
    "why.more": ("What led to it (in English)", "经过说明（英文）"),
    "wrong": ("This cannot be shown", "无法显示"),
    "wrong.gone": ("There is no such page here", "没有这个页面"),
    "wrong.gone.why": (
        "Perhaps the run was moved or removed since.",
        "该运行可能已被移动或删除。",
    ),
    "zero": ("no order was worked", "没有处理任何工单"),
}
"""Each in English and Chinese; names in braces are filled in."""

_FAILURES_ZH: Mapping[str, str] = {
    "perception.miss": "从未去取工单所指的工件",
    "perception.wrong_object": "拿起了工单不涉及的工件",
    "perception.out_of_range": "请求的位置在画面或工作单元之外",
    "plan.invalid": "发出了无法执行的技能调用",
    "plan.wrong_step": "工件按调用放置，但工单要求放在别处",
    "plan.gave_up": "大脑放弃，且没有其他问题",
    "grasp.miss": "夹爪闭合但没有提起工件",
    "grasp.slip": "已抓住的工件从闭合的夹爪中滑脱",
    "place.miss": "松开的工件落在所指料箱之外",
    "insert.jam": "插入卡住",
    "collision": "碰动了工件，或手臂压到不应接触的物体",
    "guard.stop": "守卫停止了运动",
    "brain.timeout": "大脑未在期限内回答",
    "brain.malformed": "大脑的回答无法解读",
    "brain.unreachable": "无法连接大脑的服务器",
    "brain.refused": "大脑拒绝了工单",
    "brain.false_claim": "大脑声称完成，但它已被告知失败或仍持有工件",
    "sensor.fault": "传感器故障",
    "actuator.fault": "驱动或夹爪故障",
    "order.timeout": "超过工单时限",
    "infra": "系统自身故障：仿真器、进程、磁盘",
}

_CLAIMS_ZH: Mapping[str, str] = {"done": "完成", "gave_up": "放弃", "refused": "拒绝"}


class Words:
    """All words in one language.

    Attributes:
        lang: Which.
        other: The other one.
    """

    def __init__(self, lang: Lang) -> None:
        """Speak a language."""
        self.lang: Lang = lang
        self.other: Lang = "zh" if lang == "en" else "en"
        self._place = LANGUAGES.index(lang)

    def __call__(self, key: str, **values: Any) -> str:
        """Return what a key says; one that is not there is a mistake of ours (KeyError)."""
        text = WORDS[key][self._place]
        return text.format(**values) if values else text

    def failure(self, code: str) -> str | None:
        """Return what a failure code means, or None."""
        return (FAILURE_MEANINGS if self.lang == "en" else _FAILURES_ZH).get(code)

    def claim(self, claim: str) -> str | None:
        """Return what a brain may claim; None where it is said as it was."""
        return None if self.lang == "en" else _CLAIMS_ZH.get(claim)

    def known(self, figure: str) -> str:
        """Return a figure as ``report.wording`` wrote it, in this language where it has words."""
        return self("none") if figure == wording.NONE else figure

    def percent(self, share: float | None) -> str:
        """Return a share as a percentage."""
        return self.known(wording.percent(share))

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number."""
        return self.known(wording.number(value, digits))

    def clock(self, seconds: float | None) -> str:
        """Return a duration."""
        return self.known(wording.clock(seconds))

    def bounds(self, of: Rate | Interval | None, *, watched: bool = False) -> str:
        """Return an interval of a share."""
        if of is None or of.lo is None or of.hi is None:
            return self("none")
        key = "interval.watched" if watched else "interval"
        return self(key, lo=self.percent(of.lo), hi=self.percent(of.hi))

    def span(self, of: Interval | None) -> str:
        """Return an interval of a number."""
        if of is None:
            return self("none")
        return self("interval", lo=self.number(of.lo), hi=self.number(of.hi))


def preferred(header: str) -> Lang:
    """Choose by an ``Accept-Language`` header: Chinese where it is liked better than English."""
    best: dict[str, float] = {"en": 0.0, "zh": 0.0}
    for part in header[:1000].split(","):
        tag, _, weight = part.strip().partition(";")
        lang = tag.strip().lower().partition("-")[0]
        try:
            liked = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if lang in best:
            best[lang] = max(best[lang], liked)
    return "zh" if best["zh"] > best["en"] else "en"
