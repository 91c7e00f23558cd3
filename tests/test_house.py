"""Rules that hold for the house as a whole; what imports what is import-linter's business."""

import ast
import importlib
import re
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import shopfloor

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src" / "shopfloor"
SOURCES = sorted(SRC.rglob("*.py"))
MODULES = [
    ".".join(path.relative_to(SRC.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCES
]

# Broken up, so that this file does not hold what it looks for.
HOSTS = r"pyp[i]\.org|python[h]osted\.org|anacond[a]\.org|npmj[s]\.org|ghc[r]\.io"
INSTALLER = r"--(?:extra-)?inde[x]-url|--find-link[s]"
# A folder of somebody's machine: system folders such as the one of fonts are none.
MACHINE = r"(?<![\w.~-])/(?:roo[t]|hom[e]/\w+|User[s]/\w+|wor[k]|op[t]/\w+|mn[t]/\w+|tm[p]/\w+)\b"
FORBIDDEN = re.compile(f"{HOSTS}|{INSTALLER}|{MACHINE}", re.IGNORECASE)


def tracked():
    """Return the files that git tracks or would; all but hidden ones where git is absent."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted({ROOT / name for name in listed.stdout.split("\0") if name})
    top = ("src", "tests", "docs", "requirements", ".ci")
    inside = (path for folder in top for path in (ROOT / folder).rglob("*"))
    return sorted(
        path
        for path in (*ROOT.glob("*.*"), ROOT / "Makefile", *inside)
        if path.is_file() and path.suffix != ".pyc"
    )


def best_wall_s(command, *, runs=5):
    """Return the least wall time of several runs [s]: noise of the machine only ever adds."""
    walls = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        walls.append(time.perf_counter() - start)
    return min(walls)


def slowest_imports(code, *, rows=12):
    """Return the dearest imports of a piece of code, as a table for a failure message."""
    run = [sys.executable, "-X", "importtime", "-c", code]
    log = subprocess.run(run, capture_output=True, text=True, timeout=30, check=False).stderr
    found = re.findall(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)", log)
    worst = sorted(found, key=lambda row: int(row[1]), reverse=True)[:rows]
    return "\n".join(f"{int(total) / 1000:8.1f} ms  {name}" for _, total, name in worst)


def test_the_package_imports_at_once():
    code = "import shopfloor"
    wall_s = best_wall_s([sys.executable, "-c", code])
    assert wall_s < 0.3, f"took {wall_s:.2f} s\n{slowest_imports(code)}"


def test_help_appears_at_once():
    command = Path(sys.executable).with_name("shopfloor")
    assert command.exists(), "the command is not installed; run `make install`"
    code = "import sys; sys.argv = ['shopfloor', '--help']; from shopfloor.cli import main; main()"
    wall_s = best_wall_s([str(command), "--help"])
    assert wall_s < 0.3, f"took {wall_s:.2f} s\n{slowest_imports(code)}"


def test_the_version_is_the_installed_one():
    assert shopfloor.__version__ == version("shopfloor"), "run `make install` again"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_names_what_is_public(name):
    if name.endswith("__main__"):
        pytest.skip("a script has no names to hand out")
    module = importlib.import_module(name)
    assert isinstance(getattr(module, "__all__", None), list), f"{name} has no list __all__"
    assert len(module.__all__) == len(set(module.__all__))
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert not missing, f"{name}.__all__ promises {missing}"


@pytest.mark.parametrize("path", SOURCES, ids=MODULES)
def test_a_module_hides_what_it_does_not_hand_out(path):
    tree = ast.parse(path.read_text("utf-8"))
    public = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    }
    handed_out = {
        name
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    }
    stray = sorted(public - handed_out)
    assert not stray, f"{stray} in {path.name}: list in __all__ or begin with an underscore"


def test_modules_stay_short():
    lines = {
        str(path.relative_to(SRC)): len(path.read_text("utf-8").split("\n")) for path in SOURCES
    }
    too_long = {name: count for name, count in lines.items() if count > 600}
    assert not too_long, f"one noun per module: divide {too_long}"


def runs_foreign_code(node):
    """Whether a piece of syntax loads objects or evaluates text."""
    loaders = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
    match node:
        case ast.Import(names=names):
            return any(alias.name.split(".")[0] in loaders for alias in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] in loaders
        case ast.keyword(arg="allow_pickle", value=value):
            return ast.unparse(value) != "False"
        case ast.Call(func=ast.Name(id="eval" | "exec")):
            return True
    return False


def test_nothing_read_can_run_code():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if runs_foreign_code(node)
    ]
    assert not found, f"run folders and sockets are not trusted; found in {found}"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import numpy, marshal",
        "from joblib.numpy_pickle import load",
        "np.load(f, allow_pickle=True)",
        "eval('1')",
    ],
)
def test_code_that_runs_what_it_reads_is_recognised(source):
    assert any(runs_foreign_code(node) for node in ast.walk(ast.parse(source)))
    harmless = "import json\nfrom x import y\nnp.load(f, allow_pickle=False)\nmodel.eval()"
    assert not any(runs_foreign_code(node) for node in ast.walk(ast.parse(harmless)))


def test_no_file_names_a_machine_or_a_registry():
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a binary file, or one that was deleted and is still in the index
        found += [
            f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
            for number, line in enumerate(text.splitlines(), 1)
            if (hit := FORBIDDEN.search(line))
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
        "--ind" + "ex-url x",
        "cd /ho" + "me/anna/x",
        "see /roo" + "t/x",
        "'/wo" + "rk/main'",
        "/Us" + "ers/anna",
        "/op" + "t/wheels",
    ],
)
def test_the_search_finds_what_it_looks_for(text):
    assert FORBIDDEN.search(text)


@pytest.mark.parametrize(
    "text", ["docs/home/a", "the work/rest cycle", "/usr/share/fonts", "network/root", "/dev/shm"]
)
def test_the_search_lets_ordinary_text_pass(text):
    assert not FORBIDDEN.search(text)


def test_the_lock_holds_exact_versions_with_hashes_and_no_torch():
    for name in ("base", "dev"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
        entries = re.split(r"\n(?=\w)", re.sub(r"(?m)^ *#.*\n", "", text).strip())
        for entry in entries:
            assert re.match(r"[a-z0-9.-]+==\S+", entry), f"not pinned in {name}.lock: {entry}"
            assert "--hash=sha256:" in entry, f"without a hash in {name}.lock: {entry}"
        assert not re.search(r"(?m)^(?:torch|transformers|nvidia-)", text)


def test_the_lock_covers_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    asked = {
        "base": project["project"]["dependencies"] + groups["build"],
        "dev": groups["dev"],
    }
    for name, requirements in asked.items():
        text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
        locked = set(re.findall(r"(?m)^([a-z0-9.-]+)==", text))
        wanted = {
            re.split(r"[^A-Za-z0-9._-]", r)[0].lower().replace("_", "-") for r in requirements
        }
        assert wanted <= locked, f"{sorted(wanted - locked)} not in {name}.lock; run `make lock`"


def test_base_and_dev_locks_agree():
    pins = [
        dict(re.findall(r"(?m)^(\S+)==(\S+)", (ROOT / "requirements" / name).read_text("utf-8")))
        for name in ("base.lock", "dev.lock")
    ]
    both = pins[0].keys() & pins[1].keys()
    assert {n: pins[0][n] for n in both} == {n: pins[1][n] for n in both}
