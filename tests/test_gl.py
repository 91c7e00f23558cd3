"""Machines that cannot draw are told what to install, in one line."""

import os
import subprocess
import sys

import pytest

from shopfloor.cell import gl
from shopfloor.errors import RenderError


@pytest.fixture(autouse=True)
def same_environment(monkeypatch):
    """Put back what opening a context writes down for PyOpenGL."""
    for name in ("MUJOCO_GL", "PYOPENGL_PLATFORM"):
        value = os.environ.get(name)
        if value is None:
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)


def broken(*errors):
    """Return an opener that fails with each error in turn, and a list of what it was asked."""
    asked, left = [], list(errors)

    def open_(name, width, height):
        asked.append(name)
        raise left.pop(0)

    return open_, asked


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no module"),
        OSError("libEGL.so: cannot open"),
        AttributeError("'NoneType' object has no attribute 'glGetError'"),
        RuntimeError("Cannot initialize a EGL device display.\nMore of it on a second line"),
        AttributeError(),
    ],
    ids=["import", "os", "attribute", "two lines", "no text"],
)
def test_without_any_library_the_packages_are_named_in_one_line(monkeypatch, error):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    open_, asked = broken(error, error)
    monkeypatch.setattr(gl, "_open", open_)
    with pytest.raises(RenderError) as caught:
        gl.context(64, 64)
    said = str(caught.value)
    assert asked == ["egl", "osmesa"]
    assert "\n" not in said
    for package in ("libegl1", "libgl1-mesa-dri", "libopengl0", "libosmesa6"):
        assert package in said
    assert "MUJOCO_GL" not in os.environ


def test_a_library_that_was_asked_for_is_the_only_one_tried(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    open_, asked = broken(OSError("libOSMesa.so: cannot open"))
    monkeypatch.setattr(gl, "_open", open_)
    with pytest.raises(RenderError, match="libosmesa6") as caught:
        gl.context(64, 64)
    assert asked == ["osmesa"]
    assert "libegl1" not in str(caught.value)


@pytest.mark.parametrize("value", ["glfw", "wgl", "none", "0", "off", "egl2"])
def test_another_value_of_mujoco_gl_is_refused_before_anything_is_tried(monkeypatch, value):
    monkeypatch.setenv("MUJOCO_GL", value)
    monkeypatch.setattr(gl, "_open", lambda *_: pytest.fail("tried all the same"))
    with pytest.raises(RenderError, match=f"MUJOCO_GL is '{value}'.*'egl' or 'osmesa'"):
        gl.context(64, 64)


@pytest.mark.parametrize("value", ["egl", "EGL", " egl ", ""])
def test_the_spelling_does_not_matter(monkeypatch, value):
    monkeypatch.setenv("MUJOCO_GL", value)
    monkeypatch.setattr(gl, "_open", lambda name, width, height: (name, width, height))
    assert gl.context(64, 48) == ("egl", 64, 48)
    assert os.environ["MUJOCO_GL"] == "egl"


def test_osmesa_is_taken_where_egl_is_missing(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)

    def open_(name, width, height):
        if name == "egl":
            raise ImportError("libEGL")
        return name

    monkeypatch.setattr(gl, "_open", open_)
    assert gl.context(64, 64) == "osmesa"
    assert os.environ["MUJOCO_GL"] == "osmesa"


def test_a_programming_error_is_not_taken_for_a_missing_library(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    open_, _ = broken(ZeroDivisionError("ours"))
    monkeypatch.setattr(gl, "_open", open_)
    with pytest.raises(ZeroDivisionError):
        gl.context(64, 64)


NO_LIBRARY = """
import ctypes, ctypes.util
real = ctypes.CDLL.__init__
def refuse(self, name, *args, **kwargs):
    if name and any(part in str(name) for part in ("EGL", "OSMesa")):
        raise OSError(f"{name}: cannot open shared object file")
    real(self, name, *args, **kwargs)
ctypes.CDLL.__init__ = refuse
from shopfloor.cell.gl import context
from shopfloor.errors import RenderError
try:
    context(64, 64)
except RenderError as error:
    print(error)
"""


def test_a_process_that_finds_no_library_says_so_and_nothing_else():
    free = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-c", NO_LIBRARY],
        capture_output=True,
        text=True,
        timeout=60,
        env=free,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "libegl1" in done.stdout
