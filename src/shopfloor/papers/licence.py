"""Predicates on licences: the chain is followed to its roots, and the strictest term wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shopfloor.papers.card import COMMON
from shopfloor.papers.case import Case, Chain, Link
from shopfloor.papers.region import within
from shopfloor.papers.said import Said, counsel, fails, passes, unknown

__all__ = ["PREDICATES"]

_MILITARY_USERS = frozenset({"us-dod", "other-military"})
_MILITARY_USES = frozenset({"military", "weapons", "defence"})


def _text(case: Case) -> Said:
    for model, chain in zip(case.papers.models, case.chains, strict=True):
        own = chain.links[0].card
        given = model.licence.text_sha256
        if own is not None and own.was_read and given is not None and given != own.text_sha256:
            return fails(
                f"the licence text with {model.name} has the hash {given[:12]}…, the one that was "
                f"read has {str(own.text_sha256)[:12]}…: it was changed in place, or is another",
                f"{model.name} 所附许可文本的哈希与所读文本不同：文本已被就地修改或并非同一文本",
            )
    if (said := _text_here(case)) is not None:
        return said
    for chain in case.chains:
        for link in chain.links:
            if (said := _text_of(link)) is not None:
                return said
    for model in case.papers.models:
        if model.licence.text_sha256 is None:
            return unknown(f"the papers of {model.name} hold no hash of its licence text",
                           f"{model.name} 的文件缺少许可文本哈希")  # fmt: skip
    return passes("every text was read byte for byte, and is the one in the papers",
                  "所有许可文本均已逐字节阅读，且与文件一致")  # fmt: skip


def _text_of(link: Link) -> Said | None:
    """What stands against the text of one link; None for a text that was read and counts."""
    if link.card is None or not link.was_read:
        return unknown(f"the licence text of {link.title} was not read byte for byte",
                       f"{link.title} 的许可文本未逐字节阅读")  # fmt: skip
    if link.card.vouched is None:
        return counsel(
            f"the text of {link.title} was read, and nothing but its address shows that it is the "
            "publisher's own",
            f"已读 {link.title} 的文本，但仅凭地址不足以证明其出自发布者",
        )
    if link.card.covers not in {"weights", "both"}:
        return counsel(
            f"whether the text read for {link.title} covers its weights is open: it speaks of "
            f"{link.card.covers}",
            f"{link.title} 的许可文本是否涵盖权重尚无定论（涵盖：{link.card.covers}）",
        )
    return None


def _text_here(case: Case) -> Said | None:
    """Hold the licence texts that lie beside the weights against the papers."""
    told = {model.licence.text_sha256 for model in case.papers.models}
    for name, digest in (case.hashed.texts if case.hashed else {}).items():
        if None not in told and digest not in told:
            return fails(
                f"the text {name} beside the weights has the hash {digest[:12]}…, which is not "
                "that of the papers: it was changed since they were written",
                f"权重旁的许可文本 {name} 的哈希与文件不符：文本在文件写成后已被修改",
            )
    return None


def _declared(case: Case) -> Said:
    for model, chain in zip(case.papers.models, case.chains, strict=True):
        licence, own = model.licence, chain.links[0]
        if licence.declared is None or licence.concluded is None:
            return unknown(f"the licence of {model.name} is not stated", f"{model.name} 未声明许可")
        if licence.declared != licence.concluded:
            return fails(
                f"{model.name} is tagged {licence.declared}, and its text is {licence.concluded}",
                f"{model.name} 标注为 {licence.declared}，而文本为 {licence.concluded}",
            )
        if own.card is not None and licence.concluded != own.card.concluded:
            return fails(
                f"the papers conclude {licence.concluded} for {model.name}, and its card says "
                f"{own.card.concluded}",
                f"文件称 {model.name} 为 {licence.concluded}，许可卡为 {own.card.concluded}",
            )
        for base in chain.links[1:]:
            if base.terms is not None and base.terms.restricts_field and (
                base.licence != licence.concluded
            ):  # fmt: skip
                en = (
                    f"{model.name} is tagged {licence.declared}, and is made from {base.title}, "
                    f"which is under {base.licence}"
                )
                zh = (
                    f"{model.name} 标注为 {licence.declared}，"
                    f"但其基础模型 {base.title} 适用 {base.licence}"
                )
                if own.publisher is not None and own.publisher == base.publisher:
                    return counsel(f"{en}; both are of {own.publisher}, who may license anew",
                                   f"{zh}；两者同属 {own.publisher}，其可重新许可")  # fmt: skip
                return fails(f"{en}; a tag does not lift the terms of a base",
                             f"{zh}；标注不能免除基础模型的条款")  # fmt: skip
    return passes("tag, text and card agree, and no base is under other terms",
                  "标注、文本与许可卡一致，基础模型无其他条款")  # fmt: skip


def _chain(case: Case) -> Said:
    for chain in case.chains:
        for en, zh in chain.gaps:
            return unknown(en, zh)
    return passes("each model is followed to its roots", "每个模型均追溯至其根源")


def _over(case: Case, adverse: Callable[[Link], Said | None], fine: Said) -> Said:
    """Ask every link: the strictest term wins, and a term that nobody knows is no permission."""
    for chain in case.chains:
        for link in chain.links:
            if link.terms is not None and (found := adverse(link)) is not None:
                heard = "" if link.was_read else " (as heard; the text itself was not read)"
                heard_zh = "" if link.was_read else "（据转述，未读原文）"
                source = link.card.cited if link.card is not None else None
                return Said(found.verdict, found.en + heard, found.zh + heard_zh, source)
    return _open(case.chains) or fine


def _open(chains: tuple[Chain, ...]) -> Said | None:
    for chain in chains:
        for link in chain.links:
            if link.terms is None:
                return unknown(
                    f"the terms of {link.title} are not known", f"{link.title} 的条款未知"
                )
            # A permission counts where its text was read, or is a text that everybody knows.
            if not link.was_read and link.licence not in COMMON:
                return unknown(f"the text of {link.title} was not read, so it permits nothing yet",
                               f"{link.title} 的文本未读，不能视为许可")  # fmt: skip
        for en, zh in chain.gaps:
            return unknown(f"{en}, so its terms are not known", f"{zh}，条款未知")
    return None


def _territory(case: Case) -> Said:
    cell = case.papers.cell

    def adverse(link: Link) -> Said | None:
        assert link.terms is not None  # noqa: S101 - asked only of links with terms
        places = [("the model computes", "模型运行", str(cell.inference_region))]
        if link.terms.territory_covers_outputs:
            places.append(("the arm moves by its answers", "机械臂依其输出动作",
                           str(cell.actuation_region)))  # fmt: skip
        for what, what_zh, country in places:
            for area in link.terms.territory_excluded:
                if within(country, area):
                    return fails(
                        f"{link.title} ({link.licence}) grants nothing in {area}, and in {country} "
                        f"{what}",
                        f"{link.title}（{link.licence}）在 {area} 不授权，而{what_zh}于 {country}",
                    )
        return None

    return _over(case, adverse, passes("no licence leaves out a country of this cell",
                                       "许可未排除本单元所在国家"))  # fmt: skip


def _users(case: Case) -> Said:
    users = case.papers.cell.monthly_active_users or 0

    def adverse(link: Link) -> Said | None:
        cap = link.terms.user_cap if link.terms else None
        if cap is not None and users > cap:
            return fails(
                f"{link.title} ({link.licence}) needs a licence of its own above {cap:,} monthly "
                f"users, and the operator has {users:,}",
                f"{link.title}（{link.licence}）月活用户超过 {cap:,} 需另行许可，"
                f"运营方为 {users:,}",
            )
        return None

    return _over(case, adverse, passes(f"{users:,} monthly users are under every cap",
                                       f"月活用户 {users:,}，未超任何上限"))  # fmt: skip


def _commercial(case: Case) -> Said:
    def adverse(link: Link) -> Said | None:
        if link.terms and link.terms.non_commercial and case.papers.cell.commercial:
            return fails(
                f"{link.title} ({link.licence}) may not be used for gain, and this cell is",
                f"{link.title}（{link.licence}）仅限非商业用途，而本单元为商业用途",
            )
        return None

    return _over(case, adverse, passes("no licence forbids what this cell is used for",
                                       "许可未禁止本单元的用途"))  # fmt: skip


def _military(case: Case) -> Said:
    cell = case.papers.cell
    military = cell.end_user in _MILITARY_USERS or bool(_MILITARY_USES & set(cell.use or ()))
    doubtful = cell.end_user == "us-dod-contractor"

    def adverse(link: Link) -> Said | None:
        if not (link.terms and link.terms.no_military):
            return None
        if military:
            return fails(f"{link.title} ({link.licence}) forbids military use",
                         f"{link.title}（{link.licence}）禁止军事用途")  # fmt: skip
        if doubtful:
            return counsel(
                f"{link.title} ({link.licence}) forbids military use, and the end user works for "
                "the armed forces",
                f"{link.title}（{link.licence}）禁止军事用途，而最终用户为军方承包商",
            )
        return None

    return _over(case, adverse, passes("no licence forbids this end user and use",
                                       "许可未禁止该最终用户与用途"))  # fmt: skip


def _outputs(case: Case) -> Said:
    cell = case.papers.cell

    def adverse(link: Link) -> Said | None:
        if link.terms is None or link.terms.outputs != "not-other-models":
            return None
        if cell.log_reuse == "train-other":
            return fails(
                f"{link.title} ({link.licence}) forbids improving other models with its answers, "
                "and logged answers are to train another",
                f"{link.title}（{link.licence}）禁止以其输出改进其他模型，而日志将用于训练其他模型",
            )
        if cell.log_reuse == "train-same" or cell.online_learning:
            return counsel(
                f"{link.title} ({link.licence}) forbids improving other models with its answers; "
                "whether what learns here is a derivative of it or another is for a lawyer",
                f"{link.title}（{link.licence}）禁止以其输出改进其他模型；此处学习的是否为其衍生模型须由律师判断",
            )
        return None

    shown = [
        link.terms.attribution
        for chain in case.chains
        for link in chain.links
        if link.terms is not None and link.terms.attribution is not None
    ]
    owed = "".join(f"; to be shown: {each}" for each in shown)
    owed_zh = "".join(f"；须注明：{each}" for each in shown)
    fine = passes(f"no licence stands against what its answers are used for{owed}",
                  f"许可未限制其输出的后续用途{owed_zh}")  # fmt: skip
    return _over(case, adverse, fine)


def _safety(case: Case) -> Said:
    def adverse(link: Link) -> Said | None:
        if link.terms and link.terms.no_safety_decisions and case.papers.cell.safety_function:
            return fails(
                f"{link.title} ({link.licence}) may not decide where safety depends on it",
                f"{link.title}（{link.licence}）不得用于影响安全的自动决策",
            )
        return None

    return _over(case, adverse, passes("no licence forbids what depends on its decisions",
                                       "许可未禁止其决策的使用"))  # fmt: skip


def _hashes(case: Case) -> Said:
    files: dict[str, str] = {}
    for model in case.papers.models:
        if model.is_program:
            continue
        if model.weights == "undisclosed" or not model.weights:
            return unknown(f"{model.name} has no hashes of its weights in the papers",
                           f"{model.name} 的文件缺少权重哈希")  # fmt: skip
        for name, digest in model.weights.items():
            if files.setdefault(name, digest) != digest:
                return unknown(
                    f"two models have a file {name}; give each papers of its own",
                    f"两个模型均有文件 {name}；请分别提供文件",
                )
    if not files and not (case.hashed and case.hashed.sha256):
        return passes("the brain is a program of this house and has no weights",
                      "决策模型为本项目程序，无权重")  # fmt: skip
    if case.hashed is None:
        return unknown("nobody hashed the files; give --weights FOLDER", "未计算权重文件的哈希")
    return _compared(files, case.hashed.sha256)


def _compared(files: Mapping[str, str], found: Mapping[str, str]) -> Said:
    for name in sorted(files.keys() | found.keys()):
        if name not in found:
            return fails(f"{name} of the papers is not there", f"缺少文件 {name}")
        if name not in files:
            return fails(f"{name} is there and not in the papers", f"文件 {name} 未列于文件中")
        if files[name] != found[name]:
            return fails(
                f"{name} has the hash {found[name][:12]}…, and {files[name][:12]}… in the papers",
                f"{name} 的哈希与文件不符",
            )
    return passes(f"{len(files)} files have the hashes of the papers",
                  f"{len(files)} 个文件的哈希与文件一致")  # fmt: skip


def _code(case: Case) -> Said:
    for model in case.papers.models:
        if model.remote_code:
            return fails(f"loading {model.name} runs code that came with it",
                         f"加载 {model.name} 会运行其自带代码")  # fmt: skip
    return passes("nothing that came with a model is run", "不运行模型自带的代码")


def _pinned(case: Case) -> Said:
    for model in case.papers.models:
        if "@" not in model.purl:
            return unknown(f"{model.name} has no revision: what it is can change under its name",
                           f"{model.name} 未注明版本")  # fmt: skip
        if model.purl.partition("@")[2].partition("#")[0] in {"main", "master", "latest"}:
            return fails(f"{model.name} is of a branch, which moves", f"{model.name} 指向可变分支")
    return passes("each model is of one revision", "每个模型均固定版本")


PREDICATES: Mapping[str, Callable[[Case], Said]] = {
    "licence.text": _text,
    "licence.declared": _declared,
    "licence.chain": _chain,
    "licence.territory": _territory,
    "licence.users": _users,
    "licence.commercial": _commercial,
    "licence.military": _military,
    "licence.outputs": _outputs,
    "licence.safety": _safety,
    "weights.hashes": _hashes,
    "weights.code": _code,
    "weights.pinned": _pinned,
}
"""By the id of their rule."""
