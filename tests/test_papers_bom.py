"""Bills of materials: what is in them, what is not known, and that the schema holds."""

import json
from datetime import UTC, datetime, timedelta
from importlib.metadata import PathDistribution

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from papers_examples import cards_in, changed, facts, read, weights_in
from record_examples import manifest as small_manifest
from shopfloor.cli.papers_all import command
from shopfloor.cli.report import command as report
from shopfloor.errors import PapersError, UsageError
from shopfloor.papers.bom import SPECS, bill, check_bill, write_bill
from shopfloor.papers.card import catalogue
from shopfloor.papers.coverage import ELEMENTS, coverage
from shopfloor.papers.draft import example, with_card
from shopfloor.papers.environment import Installed, installed
from shopfloor.papers.hardware import price_of
from shopfloor.record import RunFolder

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
NOTHING = Installed((), (), ())
SERVO = {"kind": "servo", "vendor": "Made Up Drives", "part": "S-1", "origin": "CN",
         "firmware": "2.1.0", "price": 120.5}  # fmt: skip
REDUCER = {"kind": "reducer", "vendor": None, "part": None, "origin": None, "firmware": None,
           "price": None}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("bom")


@pytest.fixture(scope="module")
def cards(place):
    return cards_in(place / "cards")


@pytest.fixture(scope="module")
def good(place):
    values = facts(weights_in(place / "weights"))
    values["hardware"] += [SERVO, REDUCER]
    return values


def billed(values, cards, *, environment=NOTHING, **more):
    return bill(read(values), cards=cards, environment=environment, now=NOW, **more)


def named(made, kind):
    return [each for each in made["components"] if each["type"] == kind]


def said(component, name):
    return [each["value"] for each in component.get("properties", ())
            if each["name"] == f"shopfloor:{name}"]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_the_bill_of_all_facts_and_of_this_environment_holds_to_the_schema(good, cards, spec):
    made = billed(good, cards, environment=installed(), spec=spec)
    validator = JsonStrictValidator(SchemaVersion.from_version(spec))
    assert validator.validate_str(json.dumps(made)) is None
    assert made["specVersion"] == spec


def test_the_schema_is_strict_enough_to_notice(good, cards):
    for spoil in ({"madeUp": 1}, {"components": [{"type": "robot", "name": "x"}]}):
        with pytest.raises(PapersError, match="does not hold to CycloneDX"):
            check_bill(billed(good, cards) | spoil)


def test_every_file_of_a_model_is_there_with_its_hash(good, cards):
    (model,) = named(billed(good, cards), "machine-learning-model")
    files = {each["name"]: each["hashes"][0]["content"] for each in model["components"]}
    assert files == good["models"][0]["weights"]
    assert (model["purl"], model["version"]) == (good["models"][0]["purl"], "0123abc")


def test_licences_are_ids_where_spdx_has_one_and_names_where_not(good, cards):
    other = changed(good, ("models/0/licence/declared", "LicenseRef-Capped"))
    (model,) = named(billed(other, cards), "machine-learning-model")
    declared, concluded = (each["license"] for each in model["licenses"])
    assert (declared["name"], declared["acknowledgement"]) == ("LicenseRef-Capped", "declared")
    assert (concluded["id"], concluded["acknowledgement"]) == ("Apache-2.0", "concluded")


def test_data_is_joined_to_the_model_that_names_it(good, cards):
    made = billed(good, cards)
    (data,), (model,) = named(made, "data"), named(made, "machine-learning-model")
    assert model["modelCard"]["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]
    assert {"ref": "model-1", "dependsOn": [data["bom-ref"]]} in made["dependencies"]


def test_a_base_is_an_ancestor_and_what_is_undisclosed_is_named(good, cards):
    base = "pkg:huggingface/made-up/made-up-72b@77"
    told = changed(good, ("models/0/base", [base]), ("models/0/datasets", "undisclosed"))
    (model,) = named(billed(told, cards), "machine-learning-model")
    assert model["pedigree"]["ancestors"][0]["purl"] == base
    assert said(model, "unknown") == ["datasets"]


def test_hardware_goes_down_to_firmware_and_says_what_is_not_known(good, cards):
    made = billed(good, cards)
    _, servo, reducer = named(made, "device")
    assert servo["manufacturer"] == {"name": "Made Up Drives"}
    assert servo["components"][0]["version"] == "2.1.0"
    assert (said(servo, "kind"), said(servo, "origin")) == (["servo"], ["CN"])
    assert said(reducer, "unknown") == ["vendor", "part", "origin", "firmware"]


def test_evidence_is_there_by_its_hash(good, cards):
    found = named(billed(good, cards), "file")
    assert [each["name"] for each in found] == [each["kind"] for each in good["evidence"]]
    assert all(each["hashes"][0]["content"] == good["evidence"][0]["sha256"] for each in found)


def test_no_price_is_told_to_others(good, cards):
    assert "120.5" not in json.dumps(billed(good, cards))


def test_references_are_unique_and_lead_somewhere(good, cards):
    twice = changed(good, ("models", good["models"] * 2))
    made = billed(twice, cards, environment=installed())
    check_bill(made)

    def refs(value):
        if isinstance(value, dict):
            if "bom-ref" in value:
                yield value["bom-ref"]
            for each in value.values():
                yield from refs(each)
        elif isinstance(value, list | tuple):
            for each in value:
                yield from refs(each)

    found = list(refs(made))
    assert len(found) == len(set(found))
    asked = {each for line in made["dependencies"] for each in (line["ref"], *line["dependsOn"])}
    assert asked <= set(found)


def test_the_same_content_has_the_same_number(good, cards):
    first = billed(good, cards)
    again = bill(read(good), cards=cards, environment=NOTHING, now=NOW + timedelta(days=1))
    other = billed(changed(good, ("cell/operator", "Somebody")), cards)
    assert first["serialNumber"] == again["serialNumber"] != other["serialNumber"]


NULLABLE = [
    *(f"cell/{name}" for name in (
        "inference_region", "actuation_region", "operator", "end_user", "use", "safety_function",
        "commercial", "monthly_active_users", "online_learning", "log_reuse")),
    *(f"models/0/{name}" for name in (
        "publisher", "licence/declared", "licence/concluded", "licence/text_sha256",
        "remote_code")),
    "hardware", "evidence",
]  # fmt: skip


@given(lost=st.sets(st.sampled_from(NULLABLE)))
@settings(max_examples=25, deadline=None)
def test_whatever_is_not_known_the_schema_holds_and_the_bill_says_so(good, cards, lost):
    made = billed(changed(good, *((place, None) for place in sorted(lost))), cards)
    check_bill(made)
    everywhere = [made["metadata"]["component"], *made["components"]]
    unknown = {name for component in everywhere for name in said(component, "unknown")}
    for place in lost - {"cell/operator"}:
        assert place.removeprefix("cell/").removeprefix("models/0/").replace("/", ".") in unknown
    assert ("cell/operator" in lost) == ("manufacturer" not in made["metadata"])


def package(folder, name, metadata):
    info = folder / f"{name}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\n{metadata}\n", "utf-8")
    return PathDistribution(info)


def test_packages_come_with_what_they_declare_and_need(tmp_path):
    found = installed(
        [
            package(tmp_path, "Made.Up", "Version: 1.0\nLicense-Expression: MIT OR Apache-2.0\n"
                    "Requires-Dist: other_one>=2; python_version > '3'\n"
                    "Requires-Dist: never; extra == 'x'\nRequires-Dist: absent"),
            package(tmp_path, "other-one", "Version: 2.0\nLicense: Our Own Terms"),
            package(tmp_path, "never", "Version: 3\n"
                    "Classifier: License :: OSI Approved :: MIT License"),
            package(tmp_path, "silent", "Version: 4\nLicense-Expression: ((("),
        ]
    )  # fmt: skip
    by_name = {each["name"]: each for each in found.components}
    assert by_name["Made.Up"]["licenses"][0]["expression"] == "MIT OR Apache-2.0"
    assert by_name["Made.Up"]["purl"] == "pkg:pypi/made-up@1.0"
    assert by_name["other-one"]["licenses"][0]["license"]["name"] == "Our Own Terms"
    assert by_name["never"]["licenses"][0]["license"]["name"] == "MIT License"
    assert said(by_name["silent"], "unknown") == ["licence"]
    needs = {each["ref"]: each["dependsOn"] for each in found.dependencies}
    assert needs["pypi: made-up"] == ["pypi: other-one"]


def test_the_packages_of_this_environment_are_those_that_it_has():
    found = {each["name"]: each["version"] for each in installed().components}
    assert found["pytest"] == pytest.__version__


def test_the_list_of_the_g7_has_fifty_elements_in_seven_clusters():
    assert len(ELEMENTS) == 7
    assert sum(map(len, ELEMENTS.values())) == 50


def test_coverage_counts_what_is_there_and_not_what_could_be(good, cards):
    def held(values, **more):
        made = billed(values, cards, **more)
        return {(each.cluster, each.element) for each in coverage(made) if each.held}

    full = held(good, environment=installed())
    assert ("Infrastructure", "infrastructure hardware") in full
    assert ("Models", "model hash value") in full
    assert ("Metadata", "author signature") not in full
    less = held(changed(good, ("hardware", []), ("models/0/weights", "undisclosed"),
                        ("models/0/datasets", []), ("cell/operator", None)))  # fmt: skip
    assert {element for _, element in full - less} == {
        "infrastructure hardware", "infrastructure software", "model hash value",
        "model hash algorithm", "dataset name", "dependency relationships", "SBOM author",
    }  # fmt: skip


def test_another_version_is_an_error(good, cards):
    with pytest.raises(UsageError, match=r"1\.6, 1\.7"):
        billed(good, cards, spec="1.5")


def test_a_bill_that_does_not_hold_is_not_written(tmp_path):
    out = tmp_path / "bom.json"
    made = bill(example()[0], cards=catalogue(), environment=NOTHING, now=NOW)
    with pytest.raises(PapersError):
        write_bill(made | {"version": "one"}, out)
    assert not out.exists()
    write_bill(made, out)
    with pytest.raises(PapersError, match="is there already"):
        write_bill(made, out)


def test_the_command_writes_a_bill_and_says_what_it_lacks(tmp_path):
    out = tmp_path / "bom.json"
    done = CliRunner().invoke(command, ["bom", "--out", str(out), "--spec", "1.7"])
    assert done.exit_code == 0, done.output
    check_bill(json.loads(out.read_bytes()))
    assert "author signature" in done.output


def test_hardware_prices_are_a_price_only_when_all_are_known(good):
    values = changed(good, ("hardware", [SERVO, SERVO]))
    assert price_of(read(values), "papers") == 241.0
    with pytest.raises(PapersError, match="no price for reducer"):
        price_of(read(changed(good, ("hardware", [SERVO, REDUCER]))), "papers")
    with pytest.raises(PapersError, match="no hardware"):
        price_of(read(changed(good, ("hardware", []))), "papers")


def test_the_report_takes_the_price_of_the_robot_from_the_papers(tmp_path, good):
    run = tmp_path / "run"
    RunFolder.create(run, small_manifest()).close()
    file = tmp_path / "papers.yaml"
    values = changed(good, ("hardware", [SERVO | {"price": 31234.5}]))
    file.write_text(json.dumps(values), encoding="utf-8")
    done = CliRunner().invoke(report, [str(run), "--papers", str(file), "--json"])
    assert done.exit_code == 0, done.output
    inputs = json.loads(done.output)["cost"]["inputs"]
    (price,) = (each for each in inputs if each["name"] == "robot_price_usd")
    assert 31234.5 in price["values"]
    assert "hardware of papers.yaml" in price["source"]


def test_what_a_licence_forbids_is_a_limit_and_hearsay_where_nobody_read_it(good, tmp_path):
    known = cards_in(tmp_path / "cards")
    told = changed(good, ("models/0/purl", "pkg:huggingface/made-up/made-up-3b@1"))
    (model,) = named(billed(told, known), "machine-learning-model")
    limits = model["modelCard"]["considerations"]["technicalLimitations"]
    assert limits == ["the licence allows no use for gain"]
    hearsay = known["qwen2.5-vl-3b"]
    assert not hearsay.was_read
    told = changed(good, ("models/0/purl", f"{hearsay.package}@1"))
    made = billed(told, known)
    check_bill(made)
    (model,) = named(made, "machine-learning-model")
    assert "externalReferences" not in model  # it has an address and no hash
    limits = model["modelCard"]["considerations"]["technicalLimitations"]
    assert limits == ["the licence allows no use for gain (hearsay: its text was not read)"]


def test_a_bill_can_be_made_of_every_model_that_has_a_card(good):
    known = catalogue()
    for card in known:
        papers = with_card(read(good), card, known)
        check_bill(bill(papers, cards=known, environment=NOTHING, now=NOW, spec="1.7"))
