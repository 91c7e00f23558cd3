"""Predicates on the law: what can be decided from facts; the rest is a lawyer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from shopfloor.papers.case import Case
from shopfloor.papers.region import EU
from shopfloor.papers.said import Said, counsel, fails, passes, unknown

__all__ = ["PREDICATES"]

_PUBLIC = frozenset({"public-service", "public-content"})
_DEFENCE = frozenset({"us-dod", "us-dod-contractor"})


def _away(case: Case, area: str, area_zh: str) -> Said:
    where = case.papers.cell.actuation_region
    return passes(f"the arm moves in {where}, not in {area}", f"机械臂位于 {where}，不在{area_zh}")


def _in_eu(case: Case) -> bool:
    return case.papers.cell.actuation_region in EU


def _program(case: Case) -> Said | None:
    if case.learned:
        return None
    return passes("the brain is a program in which nothing was trained",
                  "决策模型为程序，未经训练")  # fmt: skip


def _gpai(case: Case) -> Said:
    if not _in_eu(case):
        return _away(case, "the EU", "欧盟")
    if (said := _program(case)) is not None:
        return said
    for chain in case.chains:
        for link in chain.links:
            if link.terms is not None and link.terms.restricts_field:
                return counsel(
                    f"{link.title} ({link.licence}) limits who may use it or where, so that the "
                    "exemption of open-source models is doubtful",
                    f"{link.title}（{link.licence}）限制使用者或地域，开源豁免存疑",
                )
    if any(model.datasets == "undisclosed" for model in case.learned) and (
        case.evidence("training-summary") is None
    ):
        return fails("no summary of the training content is among the evidence, and the papers do "
                     "not name the data", "缺少训练内容摘要，且数据集未披露")  # fmt: skip
    if case.evidence("training-summary") is None:
        return unknown("no summary of the training content that counts today is among the evidence",
                       "证据中没有有效的训练内容摘要")  # fmt: skip
    return passes("a summary of the training content is among the evidence", "证据中有训练内容摘要")


def _high_risk(case: Case) -> Said:
    facts = case.facts["eu.high-risk"]
    annex_i, annex_iii = facts["annex_i"], facts["annex_iii"]
    if not _in_eu(case):
        return _away(case, "the EU", "欧盟")
    cell = case.papers.cell
    if risky := sorted(set(facts["uses"]) & set(cell.use or ())):
        if case.today >= annex_iii and case.evidence("conformity-assessment") is None:
            return fails(f"use {risky[0]} is high-risk (Annex III), and there is no evidence of a "
                         "conformity assessment",
                         f"用途 {risky[0]} 属高风险（附件三），缺少合格评定证据")  # fmt: skip
        return counsel(f"use {risky[0]} is on the list of Annex III, in force from {annex_iii}",
                       f"用途 {risky[0]} 列于附件三，自 {annex_iii} 起适用")  # fmt: skip
    if cell.safety_function and case.learned:
        return counsel(
            f"a trained model has a safety function; from {annex_i} it may be high-risk (Annex I), "
            "and where machinery is placed is disputed",
            f"经训练的模型承担安全功能；自 {annex_i} 起可能属高风险（附件一），机械的归类有争议",
        )
    return passes("no use is on the list of Annex III, and no trained model has a safety function",
                  "用途不在附件三，且经训练的模型不承担安全功能")  # fmt: skip


def _machinery(case: Case) -> Said:
    applies: date = case.facts["eu.machinery"]["applies"]
    if not _in_eu(case):
        return _away(case, "the EU", "欧盟")
    cell = case.papers.cell
    if (said := _program(case)) is not None:
        return said
    if cell.online_learning:
        return counsel("the model is changed while it works, so that what was assessed is not what "
                       "runs", "模型在运行中变化，所评定者并非所运行者")  # fmt: skip
    if not cell.safety_function:
        return passes("no trained model has a safety function", "经训练的模型不承担安全功能")
    if case.evidence("machinery-certificate") is not None:
        return passes("a certificate for the safety function is among the evidence",
                      "证据中有安全功能证书")  # fmt: skip
    if case.today >= applies:
        return fails(
            "a trained model has a safety function, and there is no certificate of a "
            "notified body that counts today",
            "经训练的模型承担安全功能，缺少有效证书",
        )
    return counsel(
        f"a trained model has a safety function: from {applies} a certificate of a "
        "notified body is needed",
        f"经训练的模型承担安全功能：自 {applies} 起须有公告机构证书",
    )


def _resilience(case: Case) -> Said:
    due: date = case.facts["eu.resilience"]["sbom_due"]
    if not _in_eu(case):
        return _away(case, "the EU", "欧盟")
    if case.papers.cell.commercial is False:
        return passes("the product is not made available in the course of a commercial activity",
                      "产品不在商业活动中提供")  # fmt: skip
    if case.evidence("vulnerability-contact") is None:
        return fails("no contact for vulnerabilities that counts today is among the evidence",
                     "证据中没有有效的漏洞联系方式")  # fmt: skip
    if case.evidence("sbom") is None:
        if case.today >= due:
            return fails("no bill of materials that counts today is among the evidence",
                         "证据中没有有效的物料清单")  # fmt: skip
        return unknown(f"no bill of materials is among the evidence; it is due on {due}",
                       f"证据中没有物料清单；应于 {due} 前提供")  # fmt: skip
    return passes("a bill of materials and a contact for vulnerabilities are among the evidence",
                  "证据中有物料清单和漏洞联系方式")  # fmt: skip


def _publishers(case: Case) -> list[str]:
    """Who published a model of the cell or one beneath it, by card and by papers; lower case."""
    said = [model.publisher for model in case.papers.models]
    linked = [link.publisher for chain in case.chains for link in chain.links]
    return [name.lower() for name in (*said, *linked) if name is not None]


def _origin_unknown(case: Case) -> Said | None:
    if any(model.publisher is None for model in case.papers.models):
        return unknown("who published a model is not stated", "未说明模型发布者")
    for chain in case.chains:
        for en, zh in chain.gaps:
            return unknown(f"{en}, and so who made it is not known", f"{zh}，来源不明")
    return None


def _ndaa(case: Case) -> Said:
    end_user = case.papers.cell.end_user
    if end_user not in _DEFENCE:
        return passes(f"the end user is {end_user}, not the Department of Defense or a contractor",
                      f"最终用户为 {end_user}，并非美国国防部或其承包商")  # fmt: skip
    for name in _publishers(case):
        if any(listed in name for listed in case.facts["us.ndaa-1532"]["names"]):
            return fails(f"a model of {name} may not be used by the Department of Defense and its "
                         "contractors", f"美国国防部及其承包商不得使用 {name} 的模型")  # fmt: skip
    return _origin_unknown(case) or passes("no model is of those who are named",
                                           "模型不属于被点名者")  # fmt: skip


def _list_1260h(case: Case) -> Said:
    end_user = case.papers.cell.end_user
    if end_user not in _DEFENCE:
        return passes(f"the end user is {end_user}; the list binds defence procurement",
                      f"最终用户为 {end_user}；清单约束国防采购")  # fmt: skip
    for name in _publishers(case):
        if any(listed in name for listed in case.facts["us.list-1260h"]["names"]):
            return fails(f"{name} is on the list", f"{name} 在清单上")
    if not case.learned:
        return passes("nothing in the brain was published by others", "决策模型无他方发布内容")
    if case.evidence("1260h-check") is None:
        return unknown(
            "the list held here is not whole; add evidence of a check of the current "
            "one (1260h-check)",
            "此处清单不完整；请附当前清单的核查证据（1260h-check）",
        )
    return passes("a check of the current list is among the evidence", "证据中有当前清单的核查")


def _accelerators(case: Case) -> Said:
    facts = case.facts["us.accelerators"]
    parts = [each for each in case.papers.hardware or () if each.kind == "accelerator"]
    for each in parts:
        if each.vendor is None or each.part is None:
            return unknown("an accelerator has no vendor or part", "有加速器未注明厂商或型号")
        name = f"{each.vendor} {each.part}"
        if any(maker in name.lower() for maker in facts["makers"]):
            if any(part in name.lower() for part in facts["parts"]):
                return fails(f"{name} is among the parts whose use risks violating the EAR",
                             f"{name} 属使用即有违反 EAR 风险的部件")  # fmt: skip
            return counsel(f"{name} is of the maker of parts whose use risks violating the EAR",
                           f"{name} 的厂商有部件被认定有违反 EAR 风险")  # fmt: skip
    if not parts and case.learned:
        return unknown("a trained model computes on something, and no accelerator or processor is "
                       "among the hardware", "硬件清单未列加速器")  # fmt: skip
    return passes("no accelerator is among those named", "加速器不在被点名之列")


def _weights_4e091(case: Case) -> Said:
    if (said := _program(case)) is not None:
        return said
    for model in case.learned:
        card = case.cards.of_package(model.address)
        if card is None:
            return unknown(f"whether the weights of {model.name} are published is not known",
                           f"不知 {model.name} 的权重是否公开")  # fmt: skip
        if card.weights == "closed" and model.weights not in ("undisclosed", {}):
            return counsel(
                f"{model.name} is closed, and its weights are here: the control was to "
                "be rescinded and is not enforced",
                f"{model.name} 为闭源而权重在此：管制拟撤销且未执行",
            )
    return passes("weights are published, or stay with their maker", "权重公开，或留在其开发者处")


def _labelling(case: Case) -> Said:
    if case.papers.cell.actuation_region != "CN":
        return _away(case, "China", "中国")
    if "public-content" not in (case.papers.cell.use or ()):
        return passes("what the model generates is not shown to the public", "生成内容不向公众展示")
    if case.evidence("content-labelling") is None:
        return fails("generated content is shown to the public, and no evidence says how it is "
                     "labelled", "生成内容向公众展示，缺少标识证据")  # fmt: skip
    return passes("how generated content is labelled is among the evidence", "证据中有内容标识")


def _filing(case: Case) -> Said:
    if case.papers.cell.actuation_region != "CN":
        return _away(case, "China", "中国")
    if not _PUBLIC & set(case.papers.cell.use or ()) or not case.learned:
        return passes("no generative service is offered to the public", "未向公众提供生成式服务")
    if case.evidence("generative-ai-filing") is None:
        return fails("a generative service is offered to the public, and no filing is among the "
                     "evidence", "向公众提供生成式服务，缺少备案证据")  # fmt: skip
    return passes("a filing is among the evidence", "证据中有备案")


def _data(case: Case) -> Said:
    cell = case.papers.cell
    if "CN" not in {cell.actuation_region, cell.inference_region}:
        return _away(case, "China", "中国")
    if cell.actuation_region == cell.inference_region:
        return passes("data stays in the country where the arm moves", "数据不出境")
    if case.evidence("data-classes") is None:
        return fails(f"data goes from {cell.actuation_region} to {cell.inference_region}, and its "
                     "classes are not declared (evidence data-classes)",
                     f"数据自 {cell.actuation_region} 出境至 {cell.inference_region}，"
                     "未申报数据类别")  # fmt: skip
    return counsel(
        "the classes of data that cross the border are declared; whether any is "
        "important data is for a lawyer",
        "已申报出境数据类别；是否含重要数据须由律师判断",
    )


PREDICATES: Mapping[str, Callable[[Case], Said]] = {
    "eu.gpai": _gpai,
    "eu.high-risk": _high_risk,
    "eu.machinery": _machinery,
    "eu.resilience": _resilience,
    "us.ndaa-1532": _ndaa,
    "us.list-1260h": _list_1260h,
    "us.accelerators": _accelerators,
    "us.weights-4e091": _weights_4e091,
    "cn.labelling": _labelling,
    "cn.filing": _filing,
    "cn.data": _data,
}
"""By the id of their rule."""
