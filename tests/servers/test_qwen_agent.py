"""Both Qwen-Agent examples drive the sorting cell, with a stand-in for the model.

What is shown: the examples, Qwen-Agent, the MCP server and the cell fit together; with a key and
a real server the same commands run a real model. Nothing is shown of any model. Qwen-Agent is
installed in an environment of its own, named by ``SHOPFLOOR_QWEN_AGENT_PYTHON``.
"""

import base64
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
import pytest

from mcp_examples import RED, arguments, red_spot, start, url_of
from shift_examples import entries, order_file

PYTHON = os.environ.get("SHOPFLOOR_QWEN_AGENT_PYTHON", "")
EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not PYTHON, reason="SHOPFLOOR_QWEN_AGENT_PYTHON names no Python"),
]


class StandIn(BaseHTTPRequestHandler):
    """Speaks the streamed chat protocol; decides by the request alone: its text and pictures."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers.get("Authorization"), body))
        names = {tool["function"]["name"].split("-")[-1]: tool for tool in body["tools"]}
        decision = decide([m for m in body["messages"] if m["role"] == "tool"])
        if isinstance(decision, str):
            delta = {"content": decision}
        else:
            tool, values = decision
            function = {
                "name": names[tool]["function"]["name"],
                "arguments": json.dumps(values),
            }
            number = len(body["messages"])
            call = {"index": 0, "id": f"t{number}", "type": "function", "function": function}
            delta = {"tool_calls": [call]}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "stand-in"}
        chunk["choices"] = [{"index": 0, "delta": {"role": "assistant"} | delta}]
        data = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args):
        """Say nothing."""


def decide(answers):
    """Look, pick the red part, place it where the instruction says, finish."""
    if not answers:
        return "look", {"camera": "overview"}
    texts = [json.loads(content(answer, "text")[0]) for answer in answers]
    last = texts[-1]
    if "left" in last:
        return "The order is closed."
    if last["skill"] == "look":
        url = content(answers[-1], "image_url")[-1]["url"]
        data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        spot = red_spot(cv2.imdecode(data, cv2.IMREAD_COLOR))
        return "pick", {"limb": "right", "camera": "overview", "point": spot}
    if last["skill"] == "pick" and last["ok"]:
        tote = texts[0]["begins"]["instruction"].rstrip(".").split()[-1]
        return "place", {"limb": "right", "tote": tote}
    return "finish", {"claim": "done" if last["ok"] else "gave_up"}


def content(message, kind):
    """Return the parts of one kind of a tool message."""
    return [part[kind] for part in message["content"] if part["type"] == kind]


@contextmanager
def stand_in():
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    server.requests = []
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def drive(example, url, *more, cwd, env=()):
    given = ["--server", url, "--model", "stand-in", "--key", "STAND_IN_KEY", *more]
    return subprocess.run(
        [PYTHON, str(EXAMPLES / example), *given],
        cwd=cwd,
        env=os.environ | {"STAND_IN_KEY": "sk-for-the-test"} | dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def check(done, server, out):
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('"left": 0') == 1
    assert all(entry.good for entry in entries(out))
    assert len(entries(out)) == 2
    paths, keys, _ = zip(*server.requests, strict=True)
    assert set(paths) == {"/v1/chat/completions"}
    assert set(keys) == {"Bearer sk-for-the-test"}
    # The key is in no file of the run.
    files = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    assert not any(b"sk-for-the-test" in data for data in files)


def test_qwen_agent_drives_the_cell_over_mcp(tmp_path):
    out = tmp_path / "run"
    serve = [sys.executable, *arguments(order_file(tmp_path, [RED, RED]), out)]
    with stand_in() as (server, url):
        done = drive("qwen_agent_mcp.py", url, "--", *serve, "--picture", "1288x952", cwd=tmp_path)
        check(done, server, out)


def test_qwen_agent_drives_the_cell_by_registered_tools(tmp_path):
    out = tmp_path / "run"
    token = "a-token-for-this-test"
    process = start(order_file(tmp_path, [RED, RED]), out, "--http", "0", token=token)
    try:
        with stand_in() as (server, url):
            cell = url_of(process)
            env = {"SHOPFLOOR_MCP_TOKEN": token}
            done = drive("qwen_agent_tools.py", url, "--cell", cell, cwd=tmp_path, env=env)
            _, complaints = process.communicate(timeout=30)  # after the last order it ends itself
            assert process.returncode == 0, complaints
            check(done, server, out)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
