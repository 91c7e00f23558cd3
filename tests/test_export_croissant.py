"""What a dataset says of itself in the words of Croissant, held against its files."""

import hashlib
import json
from fnmatch import fnmatch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from export_examples import make_run
from shopfloor.check import check
from shopfloor.export import choose, export
from shopfloor.export.croissant import NOTE, describe

PLAIN = {
    pa.types.is_boolean: "sc:Boolean", pa.types.is_integer: "sc:Integer",
    pa.types.is_floating: "sc:Float", pa.types.is_string: "sc:Text",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("croissant") / "run")


@pytest.fixture(scope="module", params=["lerobot", "parquet"])
def written(run, request):
    return export(request.param, choose([run]), run.parent / request.param)


def told(folder):
    return json.loads((folder / "croissant.json").read_bytes())


def test_every_file_is_named_with_its_hash_and_size(written):
    found = {
        path.relative_to(written.path).as_posix(): path
        for path in written.path.rglob("*") if path.is_file() and path.name != "croissant.json"
    }  # fmt: skip
    files = {each["contentUrl"]: each for each in told(written.path)["distribution"]}
    assert set(files) == set(found)
    for name, path in found.items():
        assert files[name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert files[name]["contentSize"] == f"{path.stat().st_size} B"


def test_every_column_of_plain_values_is_a_field_of_its_type(written):
    value = told(written.path)
    assert value["recordSet"]
    for records in value["recordSet"]:
        fields = {each["source"]["extract"]["column"]: each for each in records["field"]}
        (name,) = {each["source"]["fileObject"]["@id"] for each in records["field"]}
        columns = {each.name: each.type for each in pq.read_schema(written.path / name)}
        assert set(fields) <= set(columns)
        for column, kind in columns.items():
            known = [said for holds, said in PLAIN.items() if holds(kind)]
            if known:
                assert fields[column]["dataType"] == known[0]
                assert "repeated" not in fields[column]
            elif pa.types.is_list(kind) and not pa.types.is_nested(kind.value_type):
                assert fields[column]["repeated"] is True


def test_names_are_unique_and_references_lead_somewhere(written):
    value = told(written.path)
    sources = [each["@id"] for each in value["distribution"]]
    fields = [each["@id"] for records in value["recordSet"] for each in records["field"]]
    everything = sources + fields + [each["@id"] for each in value["recordSet"]]
    assert len(everything) == len(set(everything))


def test_nothing_is_made_up_that_nobody_said(written):
    value = told(written.path)
    assert not {"license", "creator", "url", "datePublished", "citeAs"} & set(value)
    assert value["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert NOTE in written.notes


def test_a_table_in_several_files_is_one_set_of_them(tmp_path):
    for chunk in ("chunk-000", "chunk-001"):
        (tmp_path / "data" / chunk).mkdir(parents=True)
        pq.write_table(pa.table({"x": [1, 2]}), tmp_path / "data" / chunk / "file-000.parquet")
    (tmp_path / "meta").mkdir()
    pq.write_table(pa.table({"y": [{"z": 1}]}), tmp_path / "meta" / "nested.parquet")
    describe(tmp_path, "made up", 1)
    value = told(tmp_path)
    (pieces,) = (each for each in value["distribution"] if each["@type"] == "cr:FileSet")
    files = [each["@id"] for each in value["distribution"] if each["@type"] == "cr:FileObject"]
    assert [name for name in files if fnmatch(name, pieces["includes"])] == [
        "data/chunk-000/file-000.parquet", "data/chunk-001/file-000.parquet",
    ]  # fmt: skip
    data, nested = value["recordSet"]
    assert data["field"][0]["source"]["fileSet"] == {"@id": pieces["@id"]}
    assert nested["field"] == []  # what is nested has no type here


def test_a_dataset_with_its_description_is_clean(run, tmp_path):
    written = export("lerobot", choose([run]), tmp_path / "data")
    assert not [each for each in check(written.path).findings if "croissant" in each.file]
