"""A benchmark suite small enough for tests."""

from pathlib import Path

TINY = """\
name = "tiny"
version = "2026-11-25"
frozen = false
seed = 5
alpha = 0.05

[base]
cell = "sorting"
body = "bench"
limits = "fenced"
language = "en"
latency = "fixed:40"
noise = 0

[factors]
language = ["zh"]

[full]
orders = 2
lost = 0.9
won = 0.0
power = 0.0

[quick]
orders = 1
lost = 0.9
won = 0.0
power = 0.0
"""


def suite_file(folder, text=TINY, name="tiny.toml"):
    """Write a suite and return its path."""
    path = Path(folder) / name
    path.write_text(text, encoding="utf-8")
    return path
