"""Clients of ``shopfloor serve mcp`` for tests: how one is started, and what one sees."""

import base64
import json
import os
import subprocess
import sys

import cv2
import numpy as np
from mcp import StdioServerParameters

from shopfloor.serve import door

CODE = "from shopfloor.cli.serve import command; command()"
RED = {
    "instruction": "Put the red cube into tote A.",
    "parts": [{"colour": "red", "shape": "cube", "size": "small", "x_m": 0.1, "y_m": 0.02}],
}


def arguments(order_file, out, *more):
    """Command line of a server that works an order file."""
    fixed = ("--order-file", str(order_file), "--out", str(out), "--no-video")
    return ["-c", CODE, "mcp", *fixed, "--latency", "fixed:40", *map(str, more)]


def stdio(order_file, out, *more):
    """What an MCP client needs to start a server for itself."""
    return StdioServerParameters(
        command=sys.executable, args=arguments(order_file, out, *more), env=dict(os.environ)
    )


def start(order_file, out, *more, token=None):
    """Start a server with pipes on both sides."""
    env = {key: value for key, value in os.environ.items() if key != door.TOKEN}
    return subprocess.Popen(
        [sys.executable, *arguments(order_file, out, *more)],
        env=env | ({door.TOKEN: token} if token else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def url_of(process):
    """Wait until an HTTP server says where it can be reached."""
    for line in process.stderr:
        word, _, url = line.decode().strip().partition(" ")
        if word == "serving":
            return url
    raise AssertionError(f"the server ended with {process.wait(10)} and never served")


def told(result):
    """Return the JSON values of a tool's answer."""
    return json.loads(result.content[0].text)


def picture(result):
    """Return the last picture of a tool's answer as ``(H, W, 3)`` BGR."""
    data = [item.data for item in result.content if item.type == "image"][-1]
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


def red_spot(bgr):
    """Return the pixel (u, v) in the middle of the largest red thing in a picture."""
    hue, saturation, value = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV))
    red = ((hue < 6) | (hue > 174)) & (saturation > 120) & (value > 60)
    _, _, stats, centres = cv2.connectedComponentsWithStats(red.astype(np.uint8))
    return centres[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))].tolist()
