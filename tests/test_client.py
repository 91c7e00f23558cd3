"""The HTTP client of chat models: it waits no longer than it may, and keeps the key to itself."""

import gzip
import json
import socket
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.brain.chat import client as module
from shopfloor.brain.chat.client import Client
from shopfloor.brain.chat.engine import ChatRequest, Refused, ToolCall
from shopfloor.brain.chat.profile import seat, servers
from shopfloor.errors import UsageError
from shopfloor.testing.misbehave import Misbehaving

MODEL = "qwen2.5-vl-7b"
ADDRESS = "http://127.0.0.1:9/v1"
KEY = "sk-recognisable-0123456789"
ASKED = ChatRequest(messages=({"role": "user", "content": "Where is the red cube?"},))
TOOL = {"type": "function", "function": {"name": "wait", "parameters": {"type": "object"}}}
SCHEMA = {"type": "object", "properties": {"calls": {"type": "array"}}}


class Clock:
    """Time that passes only in sleep."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def completion(message=None, **changes):
    """Return a chat completion as a server would send it."""
    message = {"role": "assistant", "content": "There."} if message is None else message
    return {
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
        **changes,
    }


def told(body=None, status=200, **headers):
    """Return an answer of a server; header names with underscores for dashes."""
    body = completion() if body is None else body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=data, headers=names)


def client(*answers, address=ADDRESS, server=None, **more):
    """Return a client whose server gives these answers in turn, and the requests it gets."""
    left, got = list(answers), []

    def handle(request):
        got.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        # A fresh one each time: a response can be read only once.
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    who = seat(f"{MODEL}@{server + '+' if server else ''}{address}")
    return Client(who, transport=httpx.MockTransport(handle), **more), got


@contextmanager
def raw(*pieces, pause_s=0.0, forever=False):
    """Serve pieces of bytes to whoever connects, with a pause before each; its address.

    Then the connection stays open, and the last piece may come for ever.
    """
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                at = 0
                while at < len(pieces) or forever:
                    if over.wait(pause_s):
                        return
                    try:
                        connection.sendall(pieces[min(at, len(pieces) - 1)])
                    except OSError:
                        return
                    at += 1
                over.wait()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        over.set()
        thread.join(1.0)
        listener.close()


def body_of(request):
    return json.loads(request.content)


# What is asked.


def test_a_question_is_put_as_openai_writes_it():
    request = replace(ASKED, tools=(TOOL,), tool_choice="required", max_tokens=5, seed=11)
    asker, got = client(told(), server="vllm")
    asker.answer(request, deadline_s=5)
    assert str(got[0].url) == f"{ADDRESS}/chat/completions"
    assert body_of(got[0]) == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Where is the red cube?"}],
        "max_tokens": 5,
        "temperature": 0.0,
        "seed": 11,
        "tools": [TOOL],
        "tool_choice": "required",
    }


def test_a_tool_choice_that_the_server_does_not_obey_is_left_out():
    request = replace(ASKED, tools=(TOOL,), tool_choice="required")
    asker, got = client(told())  # "openai" promises "auto" alone
    asker.answer(request, deadline_s=5)
    assert "tool_choice" not in body_of(got[0])


@pytest.mark.parametrize(
    ("server", "form"),
    [
        ("vllm", {"type": "json_schema",
                  "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}),
        ("llama.cpp", {"type": "json_object", "schema": SCHEMA}),
        ("dashscope", None),
        ("transformers", None),
    ],
)  # fmt: skip
def test_a_schema_is_asked_for_in_the_form_of_the_server(server, form):
    if form is None and servers()[server].schema == "json_object":
        form = {"type": "json_object"}
    asker, got = client(told(), server=server)
    asker.answer(replace(ASKED, schema=SCHEMA), deadline_s=5)
    assert body_of(got[0]).get("response_format") == form


def test_what_a_server_wants_in_every_request_is_in_every_request():
    who = seat(f"{MODEL}@{ADDRESS}")
    who = replace(who, server=replace(who.server, extra={"enable_thinking": False}))
    got = []

    def handle(request):
        got.append(request)
        return told()

    Client(who, transport=httpx.MockTransport(handle)).answer(ASKED, deadline_s=5)
    assert body_of(got[0])["enable_thinking"] is False


# What comes back.


def test_an_answer_is_taken_apart():
    message = {
        "content": None,
        "reasoning_content": "The cube is red.",
        "tool_calls": [
            {"id": "a", "function": {"name": "wait", "arguments": '{"seconds": 1}'}},
            {"function": {"name": "look", "arguments": {"camera": "overview"}}},
            {"id": None, "function": {"name": "finish"}},
        ],
    }
    asker, _ = client(told(completion(message)))
    answer = asker.answer(ASKED, deadline_s=5)
    assert answer.text == ""
    assert answer.calls == (
        ToolCall("a", "wait", '{"seconds": 1}'),
        ToolCall("call_1", "look", '{"camera": "overview"}'),  # an object instead of its text
        ToolCall("call_2", "finish", ""),
    )
    assert (answer.model_id, answer.tokens, answer.finish) == (MODEL, (7, 3), "stop")
    assert answer.reasoning == "The cube is red."


def test_content_in_parts_is_put_together():
    parts = [{"type": "text", "text": "There"}, {"type": "text", "text": " it is."}]
    asker, _ = client(told(completion({"content": parts})))
    assert asker.answer(ASKED, deadline_s=5).text == "There it is."


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": 3}, {"prompt_tokens": "3", "completion_tokens": 4},
     {"prompt_tokens": -3, "completion_tokens": 4}, {"prompt_tokens": True, "completion_tokens": 4},
     [3, 4], "many"],
)  # fmt: skip
def test_tokens_that_are_not_told_are_unknown_not_zero(usage):
    asker, _ = client(told(completion(usage=usage)))
    answer = asker.answer(ASKED, deadline_s=5)
    assert answer.tokens is None
    assert answer.text == "There."


@pytest.mark.parametrize(
    "body",
    [b"", b"All is well.", b"\xff\xfe\x00", b"null", b"[]", b"7", b'{"choices": []}',
     b'{"choices": {}}', b'{"choices": [null]}', b'{"choices": [{"message": null}]}',
     b'{"choices": [{"message": {"tool_calls": [7]}}]}',
     b'{"choices": [{"message": {"tool_calls": {"a": 1}}}]}',
     b'{"choices": [{"message": {"tool_calls": [{"function": {}}]}}]}',
     b'{"choices": [{"message": {"content": ["words"]}}]}',
     b'{"error": {"message": "no"}}', b'{"choices": [{"mess', b"[" * 200_000],
)  # fmt: skip
def test_what_is_no_completion_is_a_value_error(body):
    asker, got = client(told(body))
    with pytest.raises(ValueError, match="the server"):
        asker.answer(ASKED, deadline_s=5)
    assert len(got) == 1  # asking again would not help


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["message", "content", "tool_calls", "function", "name", "arguments",
                         "choices", "usage", "text", "id", "model"]) | st.text(max_size=4),
        inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
WHOLE = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": st.fixed_dictionaries(
        {}, optional={"content": JSON, "tool_calls": JSON, "reasoning_content": JSON})}),
        max_size=2)},
    optional={"usage": JSON, "model": JSON},
)  # fmt: skip


@settings(max_examples=300)
@given(JSON | WHOLE)
def test_no_json_whatsoever_breaks_the_client(body):
    asker, _ = client(told(json.dumps(body).encode()))
    try:
        answer = asker.answer(ASKED, deadline_s=5)
    except ValueError:
        return
    assert isinstance(answer.text, str)
    assert all(isinstance(call.arguments, str) for call in answer.calls)


def test_half_a_character_in_an_answer_does_not_reach_the_log():
    # JSON allows half a surrogate pair; no file of UTF-8 holds one.
    message = b'{"choices": [{"message": {"content": "a \\ud83d b"}}], "model": "\\ud83d"}'
    asker, _ = client(told(message))
    answer = asker.answer(ASKED, deadline_s=5)
    assert answer.text.encode() == b"a ? b"
    assert answer.model_id.encode() == b"?"


# Trying again.


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_passes_is_tried_again_with_growing_pauses(status, clock):
    asker, got = client(told(status=status), told(status=status), told(status=status), told())
    assert asker.answer(ASKED, deadline_s=60).text == "There."
    assert len(got) == 4
    assert clock.slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 413, 422])
def test_what_does_not_pass_is_not_tried_again(status, clock):
    asker, got = client(told(b"no such thing", status=status), told())
    with pytest.raises(Refused, match=f"answered {status}: no such thing") as refused:
        asker.answer(ASKED, deadline_s=60)
    assert refused.value.status == status
    assert (len(got), clock.slept) == (1, [])


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_its_variable(status):
    asker, _ = client(told(b"who are you?", status=status))
    with pytest.raises(Refused, match="environment variable SHOPFLOOR_API_KEY"):
        asker.answer(ASKED, deadline_s=5)
    who = seat("dashscope:qwen-vl-max")
    asker = Client(who, transport=httpx.MockTransport(lambda _: told(b"", status=status)))
    with pytest.raises(Refused, match=r"answered 40.: nothing.*variable DASHSCOPE_API_KEY"):
        asker.answer(ASKED, deadline_s=5)


@pytest.mark.parametrize(
    "broken",
    [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.RemoteProtocolError("half"),
     httpx.ConnectTimeout("nobody"), httpx.WriteError("gone")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_a_broken_connection_is_tried_again_and_then_told(broken, clock):
    asker, _ = client(broken, told())
    assert asker.answer(ASKED, deadline_s=60).text == "There."
    asker, got = client(broken)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9"):
        asker.answer(ASKED, deadline_s=60)
    assert len(got) == 4


def test_a_server_that_says_when_is_asked_then(clock):
    asker, _ = client(told(status=429, retry_after="7"), told(status=503, retry_after="0"), told())
    asker.answer(ASKED, deadline_s=60)
    assert clock.slept == [7.0, 1.0]  # never sooner than our own pause


@pytest.mark.parametrize("when", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-4", "nan", ""])
def test_a_retry_after_that_is_no_number_of_seconds_is_passed_over(when, clock):
    asker, _ = client(told(status=429, retry_after=when), told())
    assert asker.answer(ASKED, deadline_s=60).text == "There."
    assert clock.slept == [0.5]


@pytest.mark.parametrize("when", ["30", "1e9", "inf"])
def test_nobody_waits_for_what_comes_after_the_deadline(when, clock):
    asker, got = client(told(b"later", status=429, retry_after=when), told())
    with pytest.raises(ConnectionError, match="answered 429: later"):
        asker.answer(ASKED, deadline_s=20)
    assert (len(got), clock.slept) == (1, [])


def test_all_tries_share_one_deadline(clock):
    asker, got = client(told(status=500))

    def slow(request):
        got.append(request)
        clock.now += 2.0
        return told(status=500)

    asker = Client(seat(f"{MODEL}@{ADDRESS}"), transport=httpx.MockTransport(slow))
    with pytest.raises(ConnectionError):
        asker.answer(ASKED, deadline_s=5)
    assert clock.now <= 105.0
    assert len(got) == 2  # 2 + 0.5 + 2, and a pause of 1 s would end after the deadline
    limits = [request.extensions["timeout"]["read"] for request in got]
    assert limits == pytest.approx([5.0, 2.5])  # each try has what is left


def test_without_time_nobody_is_asked():
    asker, got = client(told())
    with pytest.raises(TimeoutError, match="no time"):
        asker.answer(ASKED, deadline_s=0.0)
    assert got == []


def test_the_latency_covers_all_tries(clock):
    asker, _ = client(told(status=500), told(status=500), told())
    assert asker.answer(ASKED, deadline_s=60).latency_s == pytest.approx(1.5)


# Live sockets.


@pytest.fixture
def brisk(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.01)


def ask(server, deadline_s=5.0):
    asker = Client(seat(f"{MODEL}@{server if isinstance(server, str) else server.base_url}"))
    began = time.monotonic()
    try:
        return asker.answer(ASKED, deadline_s=deadline_s)
    finally:
        asker.close()
        assert time.monotonic() - began < deadline_s + 0.6


def test_a_busy_server_is_asked_again_when_it_says(brisk):
    with Misbehaving("busy", retry_after_s=0.1, model_id=MODEL) as server:
        began = time.monotonic()
        answer = ask(server)
        assert server.asked == 3
        assert time.monotonic() - began >= 0.2
    assert "recovered" in answer.text


@pytest.mark.parametrize("kind", ["broken", "closed"])
def test_a_server_that_stays_broken_is_unreachable(kind, brisk):
    with Misbehaving(kind, model_id=MODEL) as server:
        with pytest.raises(ConnectionError) as error:
            ask(server)
        assert not isinstance(error.value, Refused)
        assert server.asked == 4


@pytest.mark.parametrize("kind", ["unauthorised", "not_found"])
def test_a_server_that_refuses_is_asked_once(kind):
    with Misbehaving(kind, model_id=MODEL) as server:
        with pytest.raises(Refused):
            ask(server)
        assert server.asked == 1


def test_a_server_that_hangs_costs_no_more_than_the_deadline():
    with Misbehaving("hang", model_id=MODEL) as server, pytest.raises(TimeoutError):
        ask(server, deadline_s=0.3)


def test_an_endless_answer_ends_with_the_deadline():
    with Misbehaving("endless", model_id=MODEL) as server, pytest.raises(TimeoutError):
        ask(server, deadline_s=0.3)


def test_an_endless_answer_ends_with_its_size(monkeypatch):
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000)
    server = Misbehaving("endless", model_id=MODEL)
    with server, pytest.raises(ValueError, match="longer than 10,000 bytes"):
        ask(server)


def test_half_an_answer_is_none():
    with Misbehaving("malformed_json", model_id=MODEL) as server:
        with pytest.raises(ValueError, match="no JSON"):
            ask(server)
        assert server.asked == 1


@pytest.mark.parametrize("what", ["head", "body"])
def test_an_answer_that_drips_ends_with_the_deadline(what):
    # Every drop comes in time, the whole never does.
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n"
    first = head + b"X-Slow: " if what == "head" else head + b"\r\n"
    with raw(first, b"a", pause_s=0.05, forever=True) as address, pytest.raises(TimeoutError):
        ask(address, deadline_s=0.4)


def test_the_last_drop_does_not_buy_a_second_deadline():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with raw(head + b"a", pause_s=0.7) as address, pytest.raises(TimeoutError):
        ask(address, deadline_s=0.8)


def test_nobody_there_is_unreachable_at_once(brisk):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port}"):
        ask(f"http://127.0.0.1:{port}/v1", deadline_s=2.0)


def test_what_is_no_http_is_unreachable(brisk):
    with raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n") as address:
        asker = Client(seat(f"{MODEL}@{address}"), tries=1)
        with pytest.raises(ConnectionError, match="RemoteProtocolError"):
            asker.answer(ASKED, deadline_s=5)


@pytest.mark.parametrize("address", ["http://[::1", "http://a b/v1", "http://x:99999999/v1"])
def test_an_address_that_is_none_is_told_as_one(address):
    with pytest.raises((ConnectionError, ValueError, UsageError)):
        Client(seat(f"{MODEL}@{address}")).answer(ASKED, deadline_s=1.0)


@pytest.mark.parametrize("packed", [gzip.compress(b" " * 5_000_000), b"this is no gzip"])
def test_a_bomb_of_zeros_is_bounded_and_a_broken_one_is_told(packed):
    def handle(_request):
        stream = httpx.ByteStream(packed)
        return httpx.Response(200, stream=stream, headers={"content-encoding": "gzip"})

    asker = Client(seat(f"{MODEL}@{ADDRESS}"), transport=httpx.MockTransport(handle))
    with pytest.raises(ValueError, match=r"longer than|cannot be unpacked"):
        asker.answer(ASKED, deadline_s=5)


# The longest context.


@pytest.mark.parametrize(
    ("body", "longest"),
    [
        ({"data": [{"id": MODEL, "max_model_len": 32768}]}, 32768),
        ({"data": [{"id": "other"}, {"id": MODEL, "context_length": 8192}]}, 8192),
        ({"data": [{"id": MODEL}]}, None),
        ({"data": [{"id": MODEL, "max_model_len": "long"}]}, None),
        ({"data": [{"id": "other", "max_model_len": 5}]}, None),
        ({"data": [7]}, None),
        ({"data": None}, None),
        ([], None),
        (b"<html>", None),
        (b"[" * 200_000, None),
    ],
)
def test_the_context_is_what_the_server_says_or_unknown(body, longest):
    asker, got = client(told(body))
    assert asker.context(deadline_s=1) == longest
    assert str(got[0].url) == f"{ADDRESS}/models"


def test_a_list_of_models_without_end_is_given_up():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with raw(head, b" ", pause_s=0.05, forever=True) as address:
        asker = Client(seat(f"{MODEL}@{address}"))
        began = time.monotonic()
        assert asker.context(deadline_s=0.3) is None
        assert time.monotonic() - began < 2.0


# The key.


def everything(error):
    """All that a traceback could print of an exception and of those behind it."""
    told_of = "".join(traceback.format_exception(error))
    while error is not None:
        told_of += f"{error!r} {error} {error.args}"
        error = error.__cause__ or error.__context__
    return told_of


def test_the_key_is_sent_and_stands_nowhere_else(monkeypatch, caplog):
    caplog.set_level(0)
    monkeypatch.setenv("SHOPFLOOR_API_KEY", KEY)
    asker, got = client(told())
    answer = asker.answer(ASKED, deadline_s=5)
    assert got[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [repr(asker), str(vars(asker)), repr(asker.seat), repr(answer), caplog.text]
    assert not any(KEY in text for text in shown)


def test_no_key_no_header(monkeypatch):
    monkeypatch.delenv("SHOPFLOOR_API_KEY", raising=False)
    asker, got = client(told())
    asker.answer(ASKED, deadline_s=5)
    assert "authorization" not in got[0].headers


ECHO = f"Incorrect API key provided: {KEY}. Header was Authorization: Bearer {KEY}".encode()


@pytest.mark.parametrize(
    "answer",
    [told(ECHO, status=401), told(ECHO, status=500), told(ECHO, status=400), told(ECHO),
     told(b"x" * 290 + KEY.encode(), status=400),
     httpx.ConnectError("no route"), httpx.ReadTimeout("late")],
)  # fmt: skip
def test_a_server_that_repeats_the_key_is_not_repeated(answer, monkeypatch, clock, caplog):
    caplog.set_level(0)
    monkeypatch.setenv("SHOPFLOOR_API_KEY", KEY)
    asker, _ = client(answer)
    with pytest.raises((OSError, ValueError)) as error:
        asker.answer(ASKED, deadline_s=60)
    assert KEY[:12] not in everything(error.value) + caplog.text


def test_a_key_in_an_answer_does_not_reach_the_log(monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", KEY)
    asker, _ = client(told(completion({"content": f"My key is {KEY}."}, model=KEY)))
    answer = asker.answer(ASKED, deadline_s=5)
    assert KEY not in repr(answer)
    assert answer.text.startswith("My key is ")


@pytest.mark.parametrize("key", [f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f"{KEY}\x00", f"{KEY}\x7f"])
def test_a_key_that_cannot_be_sent_is_told_without_being_shown(key, monkeypatch):
    # os.environ itself takes no NUL.
    monkeypatch.setattr(module, "os", SimpleNamespace(environ={"SHOPFLOOR_API_KEY": key}))
    with pytest.raises(UsageError, match="SHOPFLOOR_API_KEY") as error:
        client(told())
    assert KEY[:12] not in everything(error.value)


def test_a_line_end_behind_a_key_is_no_part_of_it(monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", f"{KEY}\n")
    asker, got = client(told())
    asker.answer(ASKED, deadline_s=5)
    assert got[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_word_that_stands_for_a_key_is_no_secret(monkeypatch):
    monkeypatch.setenv("SHOPFLOOR_API_KEY", "EMPTY")
    asker, _ = client(told(completion({"content": "The tray is EMPTY."})))
    assert asker.answer(ASKED, deadline_s=5).text == "The tray is EMPTY."
