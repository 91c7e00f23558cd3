"""Data files of models, servers and providers, who answers where, and the catalogue of models."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopfloor.brain import catalogue
from shopfloor.brain.chat import profile
from shopfloor.brain.chat.profile import Claim, Model, models, providers, seat, servers
from shopfloor.brain.chat.seen import fit
from shopfloor.errors import PluginError, UnknownName, UsageError

ROOT = Path(__file__).parents[1]
DATA = ROOT / "src" / "shopfloor" / "brain" / "data"
FILES = sorted(DATA.rglob("*.toml"))
PAGE = ROOT / "docs" / "brains.md"

CONVENTIONS = {
    "qwen2.5-vl", "qwen3-vl", "rynnbrain", "gemini-er", "internvl", "molmo", "molmo2", "doubao",
    "robopoint", "deepseek-vl2", "unit-float",
}  # fmt: skip
WANTED = {
    "models": {
        "qwen2.5-vl", "qwen3-vl", "hunyuan", "hunyuan-text", "deepseek-v3", "deepseek-r1",
        "deepseek-vl2", "ernie-4.5-vl", "doubao-seed", "gpt-4o", "internvl", "rynnbrain",
        "gemini-robotics-er", "molmo", "molmo2", "robopoint",
    },
    "servers": {
        "openai", "vllm", "vllm-ascend", "sglang", "llama.cpp", "ollama", "transformers",
        "dashscope", "tokenhub", "deepseek", "qianfan", "ark",
    },
    "providers": {
        "dashscope", "dashscope-intl", "tokenhub", "deepseek", "qianfan", "ark", "openai", "gemini",
    },
}  # fmt: skip
ALL = {"models": models, "servers": servers, "providers": providers}
TEXT_ONLY = {"hunyuan-text", "deepseek-v3", "deepseek-r1"}
EVERY_MODEL = pytest.mark.parametrize("name", sorted(WANTED["models"]))


@pytest.mark.parametrize("folder", sorted(WANTED))
def test_every_file_loads_under_its_own_name(folder):
    found = ALL[folder]()
    assert WANTED[folder] <= set(found)
    assert {name: each.name for name, each in found.items()} == {name: name for name in found}
    assert set(found) == {f.name.removesuffix(".toml") for f in FILES if f.parent.name == folder}


@pytest.mark.parametrize("folder", sorted(WANTED))
def test_every_fact_has_a_source_and_a_day(folder):
    for each in ALL[folder]().values():
        assert each.title.strip(), each.name
        assert each.source.strip(), each.name
        assert date.fromisoformat(each.read), each.name


def test_every_model_points_in_a_known_way_or_takes_no_pictures():
    for model in models().values():
        if model.convention is None:
            assert (model.images, model.modalities) == (0, ("text",)), model.name
        else:
            assert model.convention in CONVENTIONS, model.name
            assert model.images > 0, model.name
            assert "image" in model.modalities, model.name
            assert 0 < model.min_pixels < model.max_pixels, model.name
            assert model.multiple_px >= 1, model.name
    # Each convention has a model, or nobody would notice that it is wrong.
    assert {model.convention for model in models().values()} == {*CONVENTIONS, None}


def test_what_is_said_of_a_model_keeps_to_the_words_there_are():
    for model in models().values():
        assert model.weights in ("open", "closed"), model.name
        assert set(model.modalities) <= {"text", "image", "video", "audio", "document"}, model.name
        assert set(model.hardware) <= {"CUDA", "Ascend", "CPU", "vendor's cloud"}, model.name
        assert model.hardware or model.name == "generic", model.name
        assert model.licence.name.strip(), model.name
        assert model.licence.address is None or model.licence.address.startswith("https://")
        assert model.price_usd is None or min(model.price_usd) >= 0, model.name
        for claim in model.claims:
            assert claim.grade in catalogue.GRADES, model.name
            assert claim.text.strip(), model.name
            ours = ("docs/results/", "tests/") if claim.grade == "proved here" else ()
            assert claim.source.startswith(("https://", "design notes", *ours)), model.name
            assert date.fromisoformat(claim.date), model.name


def test_closed_weights_run_only_in_their_vendors_cloud():
    closed = [model for model in models().values() if model.weights == "closed"]
    assert closed
    assert {model.hardware for model in closed} == {("vendor's cloud",)}


def test_servers_know_only_the_forms_there_are():
    for server in servers().values():
        assert set(server.tools) <= {"auto", "required", "named"}, server.name
        assert server.schema in ("json_schema", "json_object", "json_object_schema", None)
        # Without a schema inside the request, somebody has to say "json".
        assert not server.json_word or server.schema == "json_object", server.name


def test_providers_lead_to_a_known_server_over_https():
    for provider in providers().values():
        assert provider.server in servers(), provider.name
        assert re.fullmatch(r"https://[a-z0-9.-]+(/[a-z0-9-]+)*", provider.base_url), provider.name
        assert re.fullmatch(r"[A-Z]+_API_KEY", provider.key_env), provider.name
        assert re.fullmatch(r"[A-Z]{2}", provider.region), provider.name


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_no_file_holds_a_key(file):
    text = re.sub(r'https?://[^\s"]+', "", file.read_text("utf-8"))
    assert not re.search(r"\b(sk-|hf_|AKIA|AIza|bce-v3|Bearer\b)|[A-Za-z0-9+/_=]{32,}", text)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_lines_are_as_short_as_those_of_the_code(file):
    long = [line for line in file.read_text("utf-8").splitlines() if len(line) > 130]
    assert not long


@pytest.mark.parametrize(
    ("text", "model", "server", "url", "key_env"),
    [
        (
            "qwen2.5-vl-7b@http://localhost:8000/v1",
            "qwen2.5-vl", "openai", "http://localhost:8000/v1", "SHOPFLOOR_API_KEY",
        ),
        (
            "qwen2.5-vl-7b@vllm+http://localhost:8000/v1/",
            "qwen2.5-vl", "vllm", "http://localhost:8000/v1", "SHOPFLOOR_API_KEY",
        ),
        (
            "Qwen/Qwen2.5-VL-7B-Instruct@vllm-ascend+https://cell.example/v1",
            "qwen2.5-vl", "vllm-ascend", "https://cell.example/v1", "SHOPFLOOR_API_KEY",
        ),
        (
            "qwen2.5vl:7b@ollama+http://localhost:11434/v1",
            "qwen2.5-vl", "ollama", "http://localhost:11434/v1", "SHOPFLOOR_API_KEY",
        ),
        (
            "qwen3-vl@llama.cpp+http://[::1]:8080/b+c@d/v1",
            "qwen3-vl", "llama.cpp", "http://[::1]:8080/b+c@d/v1", "SHOPFLOOR_API_KEY",
        ),
        (
            "dashscope:qwen-vl-max",
            "qwen2.5-vl", "dashscope",
            "https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY",
        ),
        (
            "openai:gpt-4o-mini",
            "gpt-4o", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY",
        ),
        (
            "tokenhub:hy-vision-2.0-instruct",
            "hunyuan", "tokenhub", "https://tokenhub.tencentmaas.com/v1", "TOKENHUB_API_KEY",
        ),
        (
            "deepseek:deepseek-flash",
            "deepseek-v4", "deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY",
        ),
    ],
)  # fmt: skip
def test_who_answers_where(text, model, server, url, key_env):
    found = seat(text)
    assert (found.name, found.model.name, found.server.name) == (text, model, server)
    assert (found.base_url, found.key_env) == (url, key_env)
    # What is asked for is the id as it was given: servers tell capitals and slashes apart.
    assert found.model_id == (text.split("@") if "@" in text else text.split(":")[::-1])[0]


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("Qwen/Qwen3-VL-8B-Instruct", "qwen3-vl"),
        ("qwen3.5-plus", "qwen3-vl"),
        ("models/Qwen2.5-VL-3B-Instruct-Q4_K_M.gguf", "qwen2.5-vl"),
        ("hy3-preview", "hunyuan-text"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
        ("deepseek-ai/deepseek-vl2-tiny", "deepseek-vl2"),
        ("deepseek-r1-distill-qwen-7b", "deepseek-r1"),
        ("baidu/ERNIE-4.5-VL-28B-A3B-PT", "ernie-4.5-vl"),
        ("ernie-4.5-turbo-vl-32k", "ernie-4.5-vl"),
        ("baidu/ERNIE-4.5-21B-A3B-PT", "ernie-4.5"),
        ("doubao-seed-1-6-251015", "doubao-seed"),
        ("OpenGVLab/InternVL3_5-8B", "internvl"),
        ("Alibaba-DAMO-Academy/RynnBrain-Plan-8B", "rynnbrain"),
        ("gemini-robotics-er-2-preview", "gemini-robotics-er"),
        ("allenai/Molmo-7B-O-0924", "molmo"),
        ("allenai/MolmoE-1B-0924", "molmo"),
        ("allenai/Molmo2-8B", "molmo2"),
        ("wentao-yuan/robopoint-v1-vicuna-v1.5-13b", "robopoint"),
    ],
)
def test_ids_lead_to_their_family(model_id, family):
    assert seat(f"{model_id}@http://localhost:8000/v1").model.name == family


@pytest.mark.parametrize(
    "model_id",
    [
        "gpt-4o-transcribe",  # hears, and sees nothing
        "doubao-seedance-1.0-pro",  # makes films
        "InternVLA-M1",  # a policy, not a chat model
        "allenai/MolmoPoint-8B",  # points with tokens of its own
        "ep-20240604-abcde",  # an endpoint that hides its model
        "deepseek-chat",  # retired
        "qwen3-max",
    ],
)
def test_a_relative_with_other_ways_is_refused(model_id):
    with pytest.raises(UnknownName, match=r"known: .*qwen2\.5-vl"):
        seat(f"{model_id}@http://localhost:8000/v1")


@EVERY_MODEL
def test_every_family_can_be_asked_for_by_its_own_name(name):
    assert seat(f"{name}@http://localhost:8000/v1").model.name == name


def test_no_two_models_claim_an_id_with_equally_long_patterns():
    owners = {}
    for model in models().values():
        for pattern in {model.name, *model.ids}:
            assert pattern == pattern.lower(), pattern
            assert "/" not in pattern, pattern
            owners.setdefault(pattern, set()).add(model.name)
    assert {pattern for pattern, whose in owners.items() if len(whose) > 1} == set()
    # Two different patterns of one length may still meet in an id; then the loader may not choose.
    by_length = {}
    for pattern in owners:
        by_length.setdefault(len(pattern), []).append(pattern)
    for same in by_length.values():
        for i, one in enumerate(same):
            for other in same[i + 1 :]:
                assert owners[one] == owners[other] or not _may_meet(one, other), (one, other)


def _may_meet(one, other):
    """Tell whether one text can fit two patterns; ``*`` is the only wildcard in the data."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return _may_meet(one[1:], other) or _may_meet(one, other[1:])
    if other[0] == "*":
        return _may_meet(one, other[1:]) or _may_meet(one[1:], other)
    return one[0] == other[0] and _may_meet(one[1:], other[1:])


def test_patterns_that_meet_are_told():
    assert _may_meet("a*", "ab*")
    assert _may_meet("a*c", "ab*")
    assert not _may_meet("a-*", "ab*")
    assert not _may_meet("ab", "abc")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lama-9@http://localhost:8000/v1", r"unknown model 'lama-9'; known: .*gpt-4o"),
        (
            "gpt-4o@vlm+http://localhost:8000/v1",
            r"unknown server 'vlm'; known: .*Did you mean 'vll",
        ),
        ("dashskope:qwen-vl-max", r"unknown provider 'dashskope'; .*Did you mean 'dashscope'"),
        ("dashscope:lama-9", r"unknown model 'lama-9'"),
        ("@http://localhost:8000/v1", r"unknown model ''"),
    ],
)
def test_an_unknown_name_lists_what_exists(text, says):
    with pytest.raises(UnknownName, match=says):
        seat(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "classical", "qwen2.5-vl", "dashscope:", "qwen2.5-vl@", "qwen2.5-vl@localhost:8000",
        "qwen2.5-vl@ftp://localhost/v1", "qwen2.5-vl@vllm+", "qwen2.5-vl@vllm+localhost:8000/v1",
        "qwen2.5-vl@vllm",
    ],
)  # fmt: skip
def test_a_malformed_address_is_told_with_an_example(text):
    with pytest.raises(UsageError, match=r"qwen2\.5-vl-7b@http://localhost:8000/v1") as caught:
        seat(text)
    assert not isinstance(caught.value, UnknownName)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda text: f'colour = "red"\n{text}', "unknown key 'colour'; known: .*convention"),
        (lambda text: text.replace("multiple_px", "multiple"), "unknown key 'multiple'"),
        (lambda text: re.sub(r"(?m)^images.*\n", "", text), "images"),
        (lambda text: re.sub(r"(?s)\[licence\].*", "", text), "licence"),
        (lambda text: text.replace("\ngrade =", "\ngarde ="), "garde"),
        (lambda text: text + "\n= broken", "Invalid statement"),
    ],
)
def test_a_file_with_other_keys_is_refused_by_name(edit, says, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    text = (DATA / "models" / "qwen2.5-vl.toml").read_text("utf-8")
    (folder / "mine.toml").write_text(edit(text), encoding="utf-8")
    monkeypatch.setattr(profile, "files", lambda _package: tmp_path)
    with pytest.raises(PluginError, match=rf"(?s)mine\.toml in models is not a Model: .*{says}"):
        profile._load("models", Model)


SIDES = st.integers(32, 4096)


@pytest.mark.parametrize("name", sorted(WANTED["models"] - TEXT_ONLY))
@given(width=SIDES, height=SIDES)
def test_a_picture_is_sent_in_a_size_that_its_server_keeps(name, width, height):
    model = models()[name]
    m = model.multiple_px
    seen = fit(width, height, multiple=m, min_pixels=model.min_pixels, max_pixels=model.max_pixels)
    assert (seen.width, seen.height) == (width, height)
    assert seen.sent_width % m == seen.sent_height % m == 0
    assert model.min_pixels <= seen.sent_width * seen.sent_height <= model.max_pixels
    # One scale brings both sides to within one multiple of what was sent.
    least = max((seen.sent_width - m) / width, (seen.sent_height - m) / height)
    most = min((seen.sent_width + m) / width, (seen.sent_height + m) / height)
    assert least <= most
    # A picture that keeps the rule is passed on untouched.
    again = fit(
        seen.sent_width,
        seen.sent_height,
        multiple=m,
        min_pixels=model.min_pixels,
        max_pixels=model.max_pixels,
    )
    assert (again.sent_width, again.sent_height) == (seen.sent_width, seen.sent_height)


@given(width=SIDES, height=SIDES, u=st.floats(0, 1), v=st.floats(0, 1))
def test_the_way_to_what_is_sent_and_back_is_exact(width, height, u, v):
    seen = fit(width, height, multiple=28, min_pixels=200704, max_pixels=1003520)
    there = seen.to_sent(u * width, v * height)
    assert 0 <= there[0] <= seen.sent_width * (1 + 1e-12)
    assert seen.to_original(*there) == pytest.approx((u * width, v * height), abs=1e-9)
    assert seen.to_original(seen.sent_width, seen.sent_height) == (width, height)


def test_the_catalogue_has_a_row_for_every_model():
    rows = catalogue.rows()
    assert [row.name for row in rows] == sorted(set(models()) - {"generic"})
    by_name = {row.name: row for row in rows}
    qwen = by_name["qwen2.5-vl"]
    assert qwen.claim is not None
    assert qwen.claim.grade == "verified elsewhere"
    assert qwen.claim.source
    assert qwen.licence.startswith("Apache-2.0 (7B, 32B)")
    assert by_name["hunyuan"].claim is None


def test_nothing_is_called_proved_without_a_run():
    for model in models().values():
        proved = [claim for claim in model.claims if claim.grade == "proved here"]
        assert (catalogue.row(model).proved == catalogue.NOTHING) == (not proved), model.name


def _claim(text, grade):
    return Claim(text, grade, "https://example.org", "2026-11-22")


def test_the_best_grade_wins_and_the_first_of_equals():
    said = [
        _claim("a", "unconfirmed"),
        _claim("b", "reported"),
        _claim("c", "reported"),
    ]
    model = replace(models()["molmo"], claims=tuple(said))
    assert catalogue.row(model).claim == said[1]
    ours = _claim("real weights: 9 of 10", "proved here")
    row = catalogue.row(replace(model, claims=(*said, ours)))
    assert (row.claim, row.proved) == (ours, "real weights")


def test_a_proof_of_the_path_is_no_claim_about_the_model():
    path = (_claim("stand-in: 60 orders", "proved here"), _claim("real server: x", "proved here"))
    bare = catalogue.row(replace(models()["molmo"], claims=path))
    assert (bare.claim, bare.proved) == (None, "real server")
    said = _claim("a", "unconfirmed")
    assert catalogue.row(replace(models()["molmo"], claims=(*path, said))).claim == said


def test_a_proof_has_to_say_with_what():
    model = replace(models()["molmo"], claims=(_claim("works well", "proved here"),))
    with pytest.raises(PluginError, match=r"molmo has .* begins with 'works well'; .*real weights"):
        catalogue.row(model)


def test_the_page_holds_the_table():
    _, begin, rest = PAGE.read_text("utf-8").partition("<!-- catalogue: begin")
    assert begin, "docs/brains.md has lost its mark"
    table = rest.partition("-->\n")[2].partition("<!-- catalogue: end -->")[0].strip()
    assert table == catalogue.markdown(), (
        "docs/brains.md is not up to date: put what shopfloor.brain.catalogue.markdown() returns "
        "between its marks"
    )


def test_every_line_of_the_table_has_all_its_cells():
    lines = catalogue.markdown().splitlines()
    cells = [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in lines]
    assert cells == [8] * (len(catalogue.rows()) + 2)


def test_the_page_names_every_provider_key_server_and_convention():
    text = PAGE.read_text("utf-8")
    names = {*providers(), *CONVENTIONS, *(each.key_env for each in providers().values())}
    local = WANTED["servers"] - set(WANTED["providers"])
    assert {name for name in names | local if f"`{name}`" not in text} == set()


@pytest.mark.parametrize(
    ("text", "family", "model_id"),
    [
        ("qwen2.5-vl=our-alias@http://localhost:8000/v1", "qwen2.5-vl", "our-alias"),
        ("generic=Whatever/New-VL@vllm+http://localhost:8000/v1", "generic", "Whatever/New-VL"),
        ("ark:doubao-seed=ep-20260101-abcde", "doubao-seed", "ep-20260101-abcde"),
    ],
)
def test_an_id_that_says_nothing_of_its_family_is_given_with_it(text, family, model_id):
    found = seat(text)
    assert (found.model.name, found.model_id, found.name) == (family, model_id, text)


@pytest.mark.parametrize("text", ["=x@http://h/v1", "nosuch=x@http://h/v1", "qwen2.5-vl=@http://h"])
def test_a_family_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match=r"known: .*qwen2\.5-vl|names no model id"):
        seat(text)


def test_an_address_with_a_password_is_refused_without_repeating_it():
    with pytest.raises(UsageError, match="SHOPFLOOR_API_KEY") as told:
        seat("qwen2.5-vl-7b@http://me:hunter2@localhost:8000/v1")
    assert "hunter2" not in str(told.value)
