"""Lets a brain start, or does not: hashes, rules and the verdict that is written into the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shopfloor.errors import PapersError, PapersRefused
from shopfloor.papers.extra import have
from shopfloor.types import NOT_CHECKED, PapersStamp, Sealed

if TYPE_CHECKING:
    from shopfloor.papers.card import Catalogue
    from shopfloor.papers.paper import ModelFacts, Papers
    from shopfloor.papers.weight import Hashed

__all__ = ["BUILT_IN", "Passed", "pass_gate", "refuse", "today"]

BUILT_IN = ("classical", "stand-in")
"""Brains that are programs of this house."""
_ALL = "eu,us,cn"


@dataclass(frozen=True, slots=True)
class Passed:
    """What the gate found.

    Attributes:
        stamp: For the manifest.
        seals: The weight files as they were hashed.
    """

    stamp: PapersStamp
    seals: tuple[Sealed, ...] = ()


def today() -> date:
    """The day that rules are asked for (UTC)."""
    return datetime.now(UTC).date()


def pass_gate(
    brain: str,
    *,
    file: Path | None,
    enforce: bool,
    regimes: str = _ALL,
    day: date | None = None,
    cards_folder: Path | None = None,
    key: Path | None = None,
) -> Passed:
    """Check the papers of a brain before it is made.

    Args:
        brain: As the command line names it.
        file: Its papers; None: those of the example, with this brain in charge.
        enforce: Whether to refuse what does not pass.
        regimes: Rule sets to ask, with commas between.
        day: The day to ask for; None: today.
        cards_folder: More licence cards, or None.
        key: Public key that waivers are signed with, or None: then none counts.

    Raises:
        PapersError: The file is wrong or of another brain, or a weight file is refused.
        PapersRefused: ``enforce``, and a rule does not pass.
        UsageError: The ``papers`` extra is missing, and papers were asked for.
    """
    if file is None and not enforce and not have():
        return Passed(NOT_CHECKED)
    from shopfloor.papers.extra import need

    need("pydantic")
    from shopfloor.papers.card import catalogue
    from shopfloor.papers.change import with_changes
    from shopfloor.papers.check import check
    from shopfloor.papers.draft import example
    from shopfloor.papers.paper import load
    from shopfloor.papers.rule import chosen
    from shopfloor.papers.waiver import waived

    cards, sets = catalogue(cards_folder), chosen(regimes)
    hashed = None
    if file is None:
        found = _supposed(brain, cards)
        if found is None:
            return _no_papers(brain, enforce=enforce)
        papers, digest = found, example()[1].sha256
    else:
        papers, document = load(file)
        digest = document.sha256
        _check_named(brain, papers, cards, file)
        hashed = _hash(brain)
    said = check(papers, sets, today=day or today(), cards=cards, hashed=hashed)
    said = waived(with_changes(said, papers, cards=cards), papers, key)
    stamp = PapersStamp(
        verdict=said.verdict,
        said=said.said,
        said_zh=said.said_zh,
        enforced=enforce,
        given=file is not None,
        regimes=tuple(each.name for each in sets),
        checked=said.today.isoformat(),
        models=tuple(model.purl for model in papers.models),
        papers_sha256=digest,
        weights=dict(hashed.sha256) if hashed else {},
        rules=said.answers,
    )
    if enforce:
        refuse(stamp)
    return Passed(stamp, hashed.seals if hashed else ())


def refuse(stamp: PapersStamp) -> None:
    """Refuse what does not pass.

    Raises:
        PapersRefused: It does not; each rule in the way has a line.
    """
    if stamp.verdict == "pass":
        return
    lines = [f"{rule.rule}: {rule.verdict}: {rule.reason}" for rule in stamp.rules
             if not rule.passes]  # fmt: skip
    raise PapersRefused(
        "\n".join([f"{stamp.said}; the brain is not started", *lines,
                   "see `shopfloor papers check` for what would change the answer"])
    )  # fmt: skip


def _no_papers(brain: str, *, enforce: bool) -> Passed:
    said = f"Nobody gave papers for brain {brain!r}, and no licence card is of it"
    if enforce:
        raise PapersRefused(
            f"{said}; it is not started: make them with `shopfloor papers init`, and give them "
            "with --papers FILE"
        )
    return Passed(PapersStamp("unknown", said, f"决策模型 {brain} 没有文件，也没有许可卡"))


def _members(brain: str) -> tuple[str, ...]:
    """The models of a brain: two of a pair, else one."""
    if not brain.startswith("pair:"):
        return (brain,)
    from shopfloor.brain.chat.pair import split

    return tuple(split(brain.removeprefix("pair:")))


def _model_id(brain: str) -> str | None:
    """What a server is asked for, where a brain is a model at an address or of a provider."""
    if "@" in brain:
        model = brain.partition("@")[0]
    elif ":" in brain and not brain.startswith(("local:", "pair:")):
        model = brain.partition(":")[2]
    else:
        return None
    return model.rpartition("=")[2]


def _supposed(brain: str, cards: Catalogue) -> Papers | None:
    """The example's cell with this brain in charge, as far as cards know it."""
    from shopfloor.papers.draft import example, model_of_card, with_brain

    papers, _ = example()
    if brain in BUILT_IN:
        return with_brain(papers, brain)
    known = [cards.of_model(_model_id(member) or "") for member in _members(brain)]
    if None in known:
        return None
    models = tuple(model_of_card(card, cards) for card in known if card is not None)
    return papers.model_copy(update={"models": models})


def _check_named(brain: str, papers: Papers, cards: Catalogue, file: Path) -> None:
    """Refuse papers of another brain; files on this machine are known by their hashes instead."""
    for member in _members(brain):
        if not member.startswith("local:") and not any(
            _is_of(model, member, cards) for model in papers.models
        ):
            raise PapersError(
                f"{file} holds papers of {', '.join(model.purl for model in papers.models)}, and "
                f"the brain is {member!r}; give its own papers (a plugin is named by "
                f"#brain/{member} after its purl)"
            )


def _is_of(model: ModelFacts, brain: str, cards: Catalogue) -> bool:
    if model.purl.endswith(f"#brain/{brain}"):
        return True
    wanted = _model_id(brain)
    if wanted is None:
        return False
    card = cards.of_model(wanted)
    return model.name.lower() == wanted.lower().rpartition("/")[2] or (
        card is not None and model.address.lower() == card.package.lower()
    )


def _hash(brain: str) -> Hashed | None:
    """Hash the files of those models that are loaded into this process, or None."""
    local = [each for each in _members(brain) if each.startswith("local:")]
    if not local:
        return None
    from shopfloor.brain.local.weights import find
    from shopfloor.papers.weight import hash_folders

    folders = []
    for member in local:
        weights = find(member.removeprefix("local:").partition("?")[0])
        folders += [weights.folder, *([weights.adapter] if weights.adapter else [])]
    return hash_folders(folders)
