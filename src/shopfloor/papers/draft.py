"""Papers that are made and not given: the example, a model as its card has it, a changed cell."""

from __future__ import annotations

from importlib.resources import files

from shopfloor.papers.card import Card, Catalogue
from shopfloor.papers.document import Document, parse
from shopfloor.papers.paper import Licence, ModelFacts, Papers, papers_of

__all__ = ["EXAMPLE", "example", "model_of_card", "with_brain", "with_card"]

EXAMPLE = "sorting.yaml"
"""The papers that ship with the package: the sorting cell with a brain of this house."""


def example() -> tuple[Papers, Document]:
    """Read the papers of the sorting cell as it comes."""
    data = (files("shopfloor.papers") / "data" / EXAMPLE).read_bytes()
    document = parse(data, EXAMPLE)
    return papers_of(document), document


def model_of_card(card: Card, cards: Catalogue) -> ModelFacts:
    """Write down a model as its card has it: what only a copy could tell is left open."""
    bases = card.bases
    return ModelFacts(
        purl=card.package if card.weights != "none" else f"{card.package}#brain/{card.ids[0]}",
        publisher=card.publisher,
        weights={} if card.weights == "none" else "undisclosed",
        signature=None,
        licence=Licence(
            declared=card.declared, concluded=card.concluded, text_sha256=card.text_sha256
        ),
        base="undisclosed" if bases is None else tuple(cards[name].package for name in bases),
        datasets=() if card.weights == "none" else "undisclosed",
        remote_code=None,
    )


def with_card(papers: Papers, card: Card, cards: Catalogue) -> Papers:
    """Put the model of a card in charge of a cell."""
    return papers.model_copy(update={"models": (model_of_card(card, cards),)})


def with_brain(papers: Papers, name: str) -> Papers:
    """Put another program of this house in charge of the example's cell."""
    (model,) = papers.models
    purl = f"{model.purl.partition('#')[0]}#brain/{name}"
    return papers.model_copy(update={"models": (model.model_copy(update={"purl": purl}),)})
