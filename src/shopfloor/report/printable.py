"""Text that others wrote, made safe to print.

An instruction, a model's answer, a server's error or the name of a skill may hold anything. On a
terminal an escape sequence could clear the screen, set its title or hide what was printed; a
right-to-left override could make a line say what it does not. None of that may come from what is
shown here: every character that is not plain to see is replaced by its number.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len, set_cell_size

__all__ = ["ascii_only", "folded", "json_text", "printable", "shortened"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories of what controls, hides or is not there."""

_IN_ASCII = str.maketrans({"→": "->", "…": "..", "–": "-", "—": "-", "·": ".", "×": "x"})

# What JSON leaves as it is inside a string though a terminal might act on it.
_RAW = re.compile("[^\x00-\x7e]|\x7f")


def printable(text: str, *, lines: bool = False) -> str:
    r"""Return a text of which every character is plain to see.

    Args:
        text: From anywhere.
        lines: Keep the ends of lines; otherwise each becomes ``⏎``, so that one text is one line.
            A tab becomes a space. Everything else that is hidden becomes its number, ``\x1b``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(letter, lines=lines) for letter in text.replace("\r\n", "\n"))


def _shown(letter: str, *, lines: bool) -> str:
    if letter == "\n":
        return "\n" if lines else "⏎"
    if letter == "\t":
        return " "
    if unicodedata.category(letter) not in _HIDDEN:
        return letter
    code = ord(letter)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shortened(text: str, cells: int) -> str:
    """Return a text as one printable line of at most so many terminal cells."""
    # A cell holds at most a few characters; what is cut off anyway need not be looked at.
    line = printable(text[: 4 * cells + 16].strip())
    if len(text) <= 4 * cells + 16 and cell_len(line) <= cells:
        return line
    return set_cell_size(line, max(cells - 1, 0)).rstrip() + "…"


def folded(text: str, letters: int) -> str:
    """Return the printable lines of a text; of a long one its beginning and what was left out."""
    if len(text) <= letters:
        return printable(text, lines=True)
    left = len(text) - letters
    return f"{printable(text[:letters], lines=True)} … ({left:,} more characters)"


def ascii_only(text: str) -> str:
    """Return a text in the letters that a drawn font has; what is none of them becomes ``?``."""
    plain = unicodedata.normalize("NFKD", printable(text).translate(_IN_ASCII))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"\?{2,}", "??", kept.encode("ascii", "replace").decode())


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return JSON that any parser reads and no terminal acts on; readable text stays readable.

    Numbers that JSON does not have become the texts ``nan``, ``inf`` and ``-inf``; bytes become
    their number.
    """
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent)
    # All of these stand inside strings: JSON itself is written in ASCII.
    return _RAW.sub(lambda found: _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    if unicodedata.category(letter) not in _HIDDEN:
        return letter
    return json.dumps(letter)[1:-1] if letter != "\x7f" else "\\u007f"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
