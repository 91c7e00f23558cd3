"""What the README and the docs show is run, in the order in which it stands there.

Each file has one temporary folder and one Python namespace. ``python`` blocks run in the
namespace; ``console`` and ``bash`` blocks hold lines that begin with ``$ shopfloor``, which
must exit with 0. A block that cannot run here stands below ``<!-- not run: reason -->`` and
is reported as skipped.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = {"python", "console", "bash"}


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def commands(self):
        """The commands of a console block, continued lines joined."""
        joined = re.sub(r"\\\n(?:> ?)?\s*", "", self.text)
        return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]


def blocks_of(page, text):
    """Return the fenced blocks of a page; one inside a longer fence belongs to that fence."""
    found = []
    fence, start, info, body, reason, waiting = "", 0, "", [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                language = info.split(maxsplit=1)[0] if info else ""
                found.append(Block(page, start, language, "\n".join(body) + "\n", reason))
                fence = ""
            else:
                body.append(line)
        elif opening := re.match(r"\s*(`{3,}|~{3,})(.*)$", line):
            fence, info = opening[1], opening[2].strip()
            start, body, reason, waiting = number, [], waiting, None
        elif mark := re.match(r"\s*<!-- not run: (.+?) -->\s*$", line):
            waiting = mark[1]
        elif line.strip():
            waiting = None
    assert not fence, f"{page}:{start}: the block is never closed"
    return found


BLOCKS = [
    block
    for path in PAGES
    for block in blocks_of(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    if block.language in RUNNABLE
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("page", sorted({b.page for b in BLOCKS if b.reason is None}))
def test_a_page_does_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    binaries = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NO_COLOR", "1")
    namespace = {"__name__": "__main__"}
    for block in (b for b in BLOCKS if b.page == page and b.reason is None):
        where = f"{block.page}:{block.line}"
        if block.language == "python":
            # Blank lines before the code make a traceback show the line of the page.
            source = "\n" * block.line + block.text
            exec(compile(source, str(ROOT / page), "exec"), namespace)
            continue
        assert block.commands, f"{where}: no line begins with `$ `"
        for command in block.commands:
            assert command.split()[0] == "shopfloor", (
                f"{where}: only `$ shopfloor` runs here, got {command!r}; "
                "put `<!-- not run: reason -->` above the block"
            )
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            assert done.returncode == 0, f"{where}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.reason], ids=lambda b: f"{b.page}:{b.line}"
)
def test_a_block_that_is_not_run_says_why(block):
    pytest.skip(f"{block.page}:{block.line}: {block.reason}")


@pytest.mark.parametrize("path", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(path):
    text = re.sub(r"(?ms)^(`{3,}).*?^\1", "", path.read_text("utf-8"))
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    inside = [target for target in targets if "://" not in target]
    dead = [target for target in inside if not (path.parent / target).exists()]
    assert not dead, f"{path.name} links to what does not exist: {dead}"


def test_blocks_are_told_apart():
    page = """\
Text.

```python
a = 1
```

<!-- not run: needs a server -->
```bash
$ shopfloor run sorting \\
>   --brain chat
Good 3
$ shopfloor list
```

<!-- not run: a mark with text below it marks nothing -->
Text.

````markdown
```python
b = 2
```
````

~~~console
$ shopfloor list
~~~
"""
    found = blocks_of("page", page)
    assert [(b.line, b.language, b.reason) for b in found] == [
        (3, "python", None),
        (8, "bash", "needs a server"),
        (18, "markdown", None),
        (24, "console", None),
    ]
    assert found[0].text == "a = 1\n"
    assert found[1].commands == ["shopfloor run sorting --brain chat", "shopfloor list"]


def test_a_block_that_is_never_closed_is_found():
    with pytest.raises(AssertionError, match="page:2: the block is never closed"):
        blocks_of("page", "Text.\n```python\na = 1\n")
