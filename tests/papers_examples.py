"""Papers that pass, on constructed cards and files: texts here are made up, and so are models."""

import copy
import hashlib
import json
from datetime import date

from shopfloor.papers.card import catalogue
from shopfloor.papers.check import check
from shopfloor.papers.document import parse
from shopfloor.papers.paper import papers_of
from shopfloor.papers.rule import chosen
from shopfloor.papers.weight import hash_folders

TODAY = date(2026, 12, 1)
TEXT = b"A licence that was made up for tests.\n"
TEXT_SHA256 = hashlib.sha256(TEXT).hexdigest()
ALL = "eu,us,cn"

_CARD = """
id = "{id}"
title = "{id}"
family = {family}
package = "pkg:huggingface/made-up/{id}"
ids = ["{id}*"]
publisher = "{publisher}"
weights = "open"
declared = "{licence}"
concluded = "{licence}"
covers = "{covers}"
bases = {bases}
quote = "made up for tests"
clause = "first line"
address = "tests/papers_examples.py"
read = 2026-11-25
text_sha256 = "{sha256}"
{vouched}
source = "made up"

[terms]
non_commercial = {non_commercial}
no_military = {no_military}
no_safety_decisions = {no_safety}
outputs = "{outputs}"
{more}
"""
_TERMS = {
    "family": '"qwen2.5-vl"', "publisher": "Made Up Ltd", "licence": "Apache-2.0",
    "covers": "weights", "bases": "[]", "sha256": TEXT_SHA256, "non_commercial": "false",
    "no_military": "false", "no_safety": "false", "outputs": "free", "more": "",
    "vouched": 'vouched = "made up"',
}  # fmt: skip
CAPPED = {
    "licence": "LicenseRef-Capped", "no_military": "true", "no_safety": "true",
    "outputs": "not-other-models",
    "more": 'user_cap = 100_000_000\nterritory_excluded = ["EU", "GB", "KR"]\n'
            "territory_covers_outputs = true",
}  # fmt: skip


def card_text(name, **terms):
    """The TOML of a made-up card."""
    return _CARD.format(id=name, **(_TERMS | terms))


def cards_in(folder, **more):
    """A catalogue with made-up models: free 7B, capped 72B, non-commercial 3B, and ``more``."""
    folder.mkdir(exist_ok=True)
    made = {
        "made-up-7b": {},
        "made-up-72b": CAPPED,
        "made-up-3b": {"licence": "LicenseRef-Research", "non_commercial": "true"},
    } | {name.replace("_", "-"): terms for name, terms in more.items()}
    for name, terms in made.items():
        (folder / f"{name}.toml").write_text(card_text(name, **terms), encoding="utf-8")
    return catalogue(folder)


def weights_in(folder, content=b"\0" * 64):
    """The smallest folder that looks like a checkpoint."""
    folder.mkdir(exist_ok=True)
    header = json.dumps({"x": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + content)
    (folder / "config.json").write_bytes(b"{}\n")
    return folder


def facts(folder):
    """Papers as plain values that pass every rule on ``TODAY``, with the files of a folder."""
    proof = hashlib.sha256(b"a document that was made up for tests").hexdigest()
    return {
        "cell": {
            "inference_region": "SG", "actuation_region": "DE", "operator": "Made Up Ltd",
            "end_user": "us-dod-contractor", "use": ["parts-sorting"], "safety_function": False,
            "commercial": True, "monthly_active_users": 12, "online_learning": False,
            "log_reuse": "train-other",
        },
        "models": [
            {
                "purl": "pkg:huggingface/made-up/made-up-7b@0123abc", "publisher": "Made Up Ltd",
                "weights": dict(hash_folders([folder]).sha256), "signature": None,
                "licence": {
                    "declared": "Apache-2.0", "concluded": "Apache-2.0",
                    "text_sha256": TEXT_SHA256,
                },
                "base": [], "datasets": ["a set that was made up"], "remote_code": False,
            }
        ],
        "hardware": [
            {"kind": "accelerator", "vendor": "NVIDIA", "part": "L4", "origin": "TW",
             "firmware": None, "price": None},
        ],
        "evidence": [
            {"kind": kind, "sha256": proof, "issuer": "Made Up Ltd", "expires": "2027-06-01"}
            for kind in ("training-summary", "sbom", "vulnerability-contact", "1260h-check")
        ],
        "waivers": [],
    }  # fmt: skip


def changed(plain, *changes):
    """A copy with values at places (``"cell.commercial"``) put to others."""
    made = copy.deepcopy(plain)
    for place, value in changes:
        *path, last = [int(p) if p.isdigit() else p for p in place.split("/")]
        at = made
        for step in path:
            at = at[step]
        at[last] = value
    return made


def read(plain):
    """Read plain values as a file of papers would be."""
    return papers_of(parse(json.dumps(plain).encode(), "papers.yaml"))


def asked(plain, cards, *, folder=None, regimes=ALL, today=TODAY):
    """All answers about plain values, by the id of the rule."""
    hashed = hash_folders([folder]) if folder else None
    said = check(read(plain), chosen(regimes), today=today, cards=cards, hashed=hashed)
    return {answer.rule: answer for answer in said.answers}


def verdicts(answers):
    """What is not a pass, by rule."""
    return {name: each.verdict for name, each in answers.items() if each.verdict != "pass"}
