"""A run as one file: the same bytes everywhere, and nothing that a stranger sends gets out."""

import io
import json
import os
import shutil
import stat
import zipfile

import pytest

from replica_examples import forge, repeated, supplied_run
from shift_examples import call, tree
from shopfloor.errors import RunCorrupt, RunUnwritable, UsageError
from shopfloor.evidence import bundle as bundles
from shopfloor.evidence.bundle import is_bundle, pack_bundle, unpacked


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return supplied_run(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "run.zip"
    pack_bundle(run, path)
    return path


def test_a_bundle_holds_the_run_and_no_time_or_place(run, packed, tmp_path):
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(run, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    (copy / "flight" / "000009").mkdir()
    (copy / ".manifest.json.12.tmp").write_bytes(b"torn")
    pack_bundle(copy, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    left_out = ("flight", "lock")
    with unpacked(packed, tmp_path / "out") as there:
        files = {name: data for name, data in tree(there).items() if data is not None}
        assert files == {
            name: data
            for name, data in tree(run).items()
            if data is not None and name not in left_out
        }
        assert there.parent.parent == tmp_path
    assert not there.parent.exists()


def test_a_bundle_is_repeated_where_nothing_else_is(packed, tmp_path, monkeypatch):
    """In a process whose every socket fails, with the original run nowhere near."""
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, socket\n"
        "pathlib.Path(__file__).with_name('cut_off.py').touch()\n"
        "def refuse(*_, **__):\n    raise OSError('there is no network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
    )
    shutil.copy(packed, tmp_path / "sent.zip")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code, out, err = call(
        "replicate", "sent.zip", "--lots", "1", "--json", cwd=tmp_path, env={"PYTHONPATH": path}
    )
    assert code == 0, err
    assert (tmp_path / "cut_off.py").exists()
    told = json.loads(out)
    assert told["headline"] == "identical in the 1 lot that was worked"
    assert (told["original"], told["replica"]) == ("sent.zip", "sent-replica")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".py") == [
        "sent-replica",
        "sent.zip",
    ]


def test_a_folder_that_somebody_zipped_by_hand_is_read_too(run, tmp_path):
    shutil.make_archive(str(tmp_path / "by-hand"), "zip", run.parent, run.name)
    with unpacked(tmp_path / "by-hand.zip", tmp_path / "out") as there:
        assert repeated(there, lots=1).verdict == "identical"


def test_a_damaged_run_is_not_packed(run, tmp_path):
    forged = forge(run, tmp_path / "run", lot=0, file=damage)
    with pytest.raises(RunCorrupt, match=r"log\.bin has changed"):
        pack_bundle(forged, tmp_path / "run.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def damage(run):
    path = run / "episodes" / "000000" / "log.bin"
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_what_a_bundle_cannot_hold_or_be_is_refused(run, packed, tmp_path):
    with pytest.raises(UsageError, match="is there already"):
        pack_bundle(run, packed)
    with pytest.raises(UsageError, match="would lie in the run"):
        pack_bundle(run, run / "run.zip")
    with pytest.raises(UsageError, match="no run here"):
        pack_bundle(tmp_path, tmp_path / "a.zip")
    with pytest.raises(RunUnwritable):
        pack_bundle(run, tmp_path / "no" / "such" / "a.zip")
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "link").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="no plain file"):
        pack_bundle(copy, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_file_is_a_bundle_and_a_folder_is_none(run, packed, tmp_path):
    assert is_bundle(packed)
    assert is_bundle(tmp_path / "not-there.zip")
    assert not is_bundle(run)


# What a stranger may send.


def member(name, *, mode=0o100644, method=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
    return info


def sent(tmp_path, *members):
    """Write a zip file of (member, data), after a manifest."""
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member("manifest.json"), b"{}")
        for info, data in members:
            archive.writestr(info, data)
    return path


def refused(path, tmp_path, why, kind=UsageError):
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(kind, match=why), unpacked(path, tmp_path / "out"):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == before, "nothing is left behind"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", "leads out"),
        ("episodes/../../evil", "leads out"),
        ("/etc/evil", "leads out"),
        ("./evil", "leads out"),
        ("a//b", "leads out"),
        ("C:/evil", "holds the name"),
        ("..\\evil", "holds the name"),
        ("a/" * 40 + "b", "too long"),
        ("a" * 1200, "too long"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path, name, why):
    refused(sent(tmp_path, (member(name), b"x")), tmp_path, why)
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, mode):
    path = sent(tmp_path, (member("index.jsonl", mode=mode | 0o777), b"/etc/passwd"))
    refused(path, tmp_path, "a link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_and_a_file_that_is_a_folder_are_refused(tmp_path):
    refused(sent(tmp_path, (member("manifest.json"), b"[]")), tmp_path, "twice")
    (tmp_path / "sent.zip").unlink()
    path = sent(tmp_path, (member("a"), b"x"), (member("a/b"), b"y"))
    refused(path, tmp_path, "a file as well")


def test_bombs_are_refused_before_they_go_off(tmp_path, monkeypatch):
    zeros = member("log.bin", method=zipfile.ZIP_DEFLATED)
    path = sent(tmp_path, (zeros, bytes(8_000_000)))
    refused(path, tmp_path, "zip bomb")
    # Many files that are each small enough, all the same bytes of the archive.
    path.unlink()
    half = [(member(f"a{i}", method=zipfile.ZIP_DEFLATED), bytes(900_000)) for i in range(40)]
    refused(sent(tmp_path, *half), tmp_path, "zip bomb")
    path.unlink()
    monkeypatch.setattr(bundles, "_MOST_FILES", 3)
    refused(sent(tmp_path, *half[:3]), tmp_path, "at most 3 are unpacked")
    path.unlink()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    refused(sent(tmp_path), tmp_path, "free some space", RunUnwritable)


def test_a_header_that_lies_about_the_size_is_caught(tmp_path):
    """The bytes count, not what is said of them."""
    path = sent(tmp_path, (member("log.bin"), b"x" * 5000))
    data = path.read_bytes()
    said = (5000).to_bytes(4, "little")
    assert data.count(said) == 4, "compressed and not, in both headers"
    at = data.rindex(said)
    path.write_bytes(data[:at] + (50).to_bytes(4, "little") + data[at + 4 :])
    refused(path, tmp_path, "damaged in 'log.bin'", RunCorrupt)


def test_what_is_no_bundle_is_said(packed, tmp_path):
    path = tmp_path / "sent.zip"
    for data, why in (
        (b"not a zip", "is no bundle"),
        (packed.read_bytes()[:-30], "is no bundle"),
        (empty_zip(), "holds no run"),
    ):
        path.write_bytes(data)
        refused(path, tmp_path, why)
    path.unlink()
    refused(path, tmp_path, "cannot be read")


def empty_zip():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("readme.txt", b"hello")
    return data.getvalue()


def test_a_flipped_bit_is_damage(packed, tmp_path):
    data = bytearray(packed.read_bytes())
    at = data.index(b"shopfloorlog") + 100
    data[at] ^= 1
    path = tmp_path / "sent.zip"
    path.write_bytes(data)
    refused(path, tmp_path, "is damaged in", RunCorrupt)


def test_an_encrypted_file_is_refused(packed, tmp_path):
    data = bytearray(sent(tmp_path, (member("a"), b"x")).read_bytes())
    flags = data.rindex(b"PK\x01\x02") + 8
    data[flags] |= 1
    (tmp_path / "sent.zip").write_bytes(data)
    refused(tmp_path / "sent.zip", tmp_path, "is encrypted")
