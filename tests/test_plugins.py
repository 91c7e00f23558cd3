import json
import os
import subprocess
import sys
import textwrap

import pytest

QUITTER = '''
"""A brain that gives up at once."""

from shopfloor.types import Exchange, Finish, Needs, Reply


class Quitter:
    """Gives up at once."""

    def __init__(self, note=""):
        self.needs = Needs()
        self.note = note

    def reset(self, order, *, seed):
        self.order = order

    def act(self, observation, events, *, deadline_s):
        return Reply(Finish("gave_up", self.note), Exchange("", "gave up", "quitter", 0.0))

    def close(self):
        pass
'''


@pytest.fixture
def site(tmp_path):
    """Return a function that installs a package by hand: its modules and its entry points."""

    def install(package, source, points):
        module = package.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [
            line
            for group, names in points.items()
            for line in (f"[shopfloor.{group}]", *(f"{n} = {value}" for n, value in names.items()))
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        return tmp_path

    return install


def ask(site, source):
    """Run source in a fresh interpreter that sees ``site``; what it calls ``answer`` comes back."""
    script = textwrap.dedent(source) + "\nimport json; print(json.dumps(answer))\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(site, call):
    """Return class and message of the error that ``call`` raises."""
    return ask(
        site,
        f"""
        from shopfloor import errors, plugins
        try:
            plugins.{call}
        except errors.ShopfloorError as error:
            answer = [type(error).__name__, str(error)]
        """,
    )


def test_a_third_party_brain_is_found_made_and_asked(site):
    path = site("shopfloor-quitter", QUITTER, {"brains": {"quitter": "shopfloor_quitter:Quitter"}})
    names, is_brain, claim, note, rows = ask(
        path,
        """
        from shopfloor import plugins
        from shopfloor.types import Brain
        brain = plugins.factory("brains", "quitter")(note="no hands")
        said = brain.act(None, (), deadline_s=1.0).decision
        rows = [[r.name, r.package, r.summary] for r in plugins.listing("brains")]
        answer = [plugins.names("brains"), isinstance(brain, Brain), said.claim, said.note, rows]
        """,
    )
    assert {"classical", "quitter"} <= set(names)
    assert names == sorted(names)
    assert is_brain
    assert (claim, note) == ("gave_up", "no hands")
    assert ["quitter", "shopfloor-quitter", "Gives up at once."] in rows


def test_a_name_claimed_twice_is_refused_with_both_claimants(site):
    site("shopfloor-quitter", QUITTER, {"brains": {"quitter": "shopfloor_quitter:Quitter"}})
    path = site("other-quitter", QUITTER, {"brains": {"quitter": "other_quitter:Quitter"}})
    for call in ("names('brains')", "factory('brains', 'quitter')", "listing('brains')"):
        kind, message = refusal(path, call)
        assert kind == "PluginError"
        assert "shopfloor_quitter:Quitter" in message
        assert "other_quitter:Quitter" in message
        assert "shopfloor-quitter" in message
        assert "other-quitter" in message
        assert "uninstall" in message


def test_a_duplicate_of_a_built_in_is_refused(site):
    path = site("usurper", QUITTER, {"brains": {"classical": "usurper:Quitter"}})
    kind, message = refusal(path, "factory('brains', 'classical')")
    assert kind == "PluginError"
    assert "'classical'" in message
    assert "usurper" in message


def test_two_packages_that_name_one_object_still_collide(site):
    points = {"brains": {"quitter": "shopfloor_quitter:Quitter"}}
    site("shopfloor-quitter", QUITTER, points)
    path = site("alias", "", points)
    assert refusal(path, "names('brains')")[0] == "PluginError"


def test_a_clash_among_brains_leaves_the_other_kinds_alone(site):
    path = site("usurper", QUITTER, {"brains": {"classical": "usurper:Quitter"}})
    assert "sorting" in ask(path, "from shopfloor import plugins; answer = plugins.names('cells')")


@pytest.mark.parametrize(
    ("call", "kind", "near"),
    [
        ("factory('brains', 'quiter')", "brain", "quitter"),
        ("factory('cells', 'sortin')", "cell", "sorting"),
        ("factory('bodies', 'benhc')", "body", "bench"),
        ("factory('skills', 'pikc')", "skill", "pick"),
    ],
)
def test_an_unknown_name_is_answered_with_what_exists_and_what_is_near(site, call, kind, near):
    path = site("shopfloor-quitter", QUITTER, {"brains": {"quitter": "shopfloor_quitter:Quitter"}})
    name, message = refusal(path, call)
    assert name == "UnknownName"
    assert message.startswith(f"unknown {kind} ")
    assert f"Did you mean {near!r}?" in message


def test_an_unknown_name_near_nothing_gets_no_suggestion(site, tmp_path):
    name, message = refusal(tmp_path, "factory('cells', 'zzzz')")
    assert name == "UnknownName"
    assert "sorting" in message
    assert "Did you mean" not in message


@pytest.mark.parametrize(
    ("source", "target", "cause"),
    [
        ("import no_such_library_at_all", "broken:Brain", "no_such_library_at_all"),
        ("Brain = 1 / 0", "broken:Brain", "ZeroDivisionError"),
        ("", "broken:Brain", "Brain"),
    ],
)
def test_a_broken_plugin_is_named_with_its_cause_and_hurts_nobody_else(site, source, target, cause):
    path = site("broken", source, {"brains": {"broken": target}})
    name, message = refusal(path, "factory('brains', 'broken')")
    assert name == "PluginError"
    assert "'broken'" in message
    assert target in message
    assert cause in message
    names, summaries = ask(
        path,
        """
        from shopfloor import plugins
        rows = plugins.listing("brains")
        answer = [plugins.names("brains"), {r.name: r.summary for r in rows}]
        """,
    )
    assert {"broken", "classical"} <= set(names)
    assert summaries["broken"].startswith("cannot be loaded: ")


def test_a_family_hands_its_member_on(site):
    source = "def make(member, scale=1):\n    return [member, scale]\n"
    path = site("robots", source, {"bodies": {"robots:": "robots:make"}})
    made = ask(
        path,
        """
        from shopfloor import plugins
        made = plugins.factory("bodies", "robots:arm:left")(scale=2)
        answer = [made, "robots:" in plugins.names("bodies")]
        """,
    )
    assert made == [["arm:left", 2], True]


def test_a_family_without_a_member_is_refused(site):
    source = "def make(member):\n    return member\n"
    path = site("robots", source, {"bodies": {"robots:": "robots:make"}})
    name, message = refusal(path, "factory('bodies', 'robots:')")
    assert name == "UnknownName"
    assert "robots:NAME" in message


def test_a_name_of_its_own_goes_before_the_family(site):
    source = "def make(member):\n    return member\n\n\ndef arm():\n    return 'its own'\n"
    points = {"bodies": {"robots:": "robots:make", "robots:arm": "robots:arm"}}
    path = site("robots", source, points)
    made = ask(
        path,
        """
        from shopfloor import plugins
        answer = [plugins.factory("bodies", f"robots:{n}")() for n in ("arm", "leg")]
        """,
    )
    assert made == ["its own", "leg"]
