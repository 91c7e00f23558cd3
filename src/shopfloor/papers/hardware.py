"""What the hardware of a cell cost, as its papers have it."""

from __future__ import annotations

from shopfloor.errors import PapersError
from shopfloor.papers.paper import Papers

__all__ = ["price_of"]


def price_of(papers: Papers, name: str) -> float:
    """Sum the prices of all hardware [USD].

    Args:
        papers: Of the cell.
        name: What messages call them.

    Raises:
        PapersError: There is none, or one has no price: a sum of what is known is no price.
    """
    if not papers.hardware:
        raise PapersError(f"{name} lists no hardware, and so no price; list it, or leave it out")
    unknown = [
        f"{each.kind} {each.part or ''}".strip() for each in papers.hardware if each.price is None
    ]
    if unknown:
        raise PapersError(
            f"{name} has no price for {', '.join(unknown)}; a sum without them is no price: write "
            "each one, or give --robot-price"
        )
    return sum(each.price for each in papers.hardware if each.price is not None)
