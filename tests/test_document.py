"""Documents of an order: recognised by their bytes, sent whole, or refused with the reason."""

import base64
import wave
from dataclasses import replace
from io import BytesIO

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopfloor.brain.chat.document import Unreadable, documents, kind_of
from shopfloor.brain.chat.profile import seat, servers

WHO = seat("qwen2.5-vl-7b@vllm+http://127.0.0.1:9/v1")
EVERYTHING = replace(
    WHO,
    model=replace(WHO.model, modalities=("text", "image", "video", "audio", "document")),
    server=replace(WHO.server, parts=("image", "video", "audio", "document")),
)


def picture(extension, width=90, height=60):
    return cv2.imencode(extension, np.full((height, width, 3), 200, np.uint8))[1].tobytes()


def sound():
    file = BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(8000)
        made.writeframes(bytes(800))
    return file.getvalue()


def brand(name):
    return b"\0\0\0\x18ftyp" + name + bytes(12)


def film(form):
    file = BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream("libx264" if form == "mp4" else "libvpx-vp9", rate=4)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


KINDS = {
    "text": ("订单 17: red cubes to A\n".encode(), "text/plain"),
    "full-width blanks": ("　　第一步：\u00a0放置".encode(), "text/plain"),
    "what is no mp4": (b"see ftypisom", "text/plain"),
    "jpeg": (picture(".jpg"), "image/jpeg"),
    "png": (picture(".png"), "image/png"),
    "webp": (picture(".webp"), "image/webp"),
    "pdf": (b"%PDF-1.7\n", "application/pdf"),
    "wav": (sound(), "audio/wav"),
    "mp4": (film("mp4"), "video/mp4"),
    "webm": (film("webm"), "video/webm"),
}


@pytest.mark.parametrize(("data", "media"), KINDS.values(), ids=KINDS)
def test_a_document_is_known_by_its_bytes_and_sent_with_its_kind(data, media):
    found = kind_of(data)
    assert found is not None
    assert found[1] == media
    (one,) = documents((data,), EVERYTHING)
    about, part = one.parts
    assert about == {"type": "text", "text": f"document 1 ({media}), quoted data:"}
    assert part["type"] == {
        "text": "text", "image": "image_url", "audio": "input_audio", "video": "video_url",
        "document": "file",
    }[found[0]]  # fmt: skip
    assert media in one.reference


@pytest.mark.parametrize("name", ["wav", "mp4", "pdf"])
def test_what_is_not_looked_into_arrives_byte_for_byte(name):
    data, media = KINDS[name]
    (one,) = documents((data,), EVERYTHING)
    inside = next(iter(one.parts[1][one.parts[1]["type"]].items()))[1]
    if name == "pdf":
        inside = one.parts[1]["file"]["file_data"]
    assert base64.b64decode(inside.rpartition(",")[2]) == data
    if name != "wav":
        assert inside.startswith(f"data:{media};base64,")


def test_a_picture_is_resized_by_the_models_own_rule():
    (one,) = documents((picture(".png", 640, 480),), WHO)
    data = base64.b64decode(one.parts[1]["image_url"]["url"].rpartition(",")[2])
    sent = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert sent.shape == (476, 644, 3)


@pytest.mark.parametrize(
    "name", [name for name, (_, media) in KINDS.items() if media != "text/plain"]
)
def test_a_text_model_is_refused_everything_but_text(name):
    who = seat("deepseek-v3@vllm+http://127.0.0.1:9/v1")
    assert len(documents((KINDS["text"][0],), who)) == 1
    with pytest.raises(Unreadable, match=rf"{KINDS[name][1]}, and DeepSeek-V3 takes text; give"):
        documents((KINDS[name][0],), who)


def test_a_server_that_does_not_take_what_its_model_does_is_named():
    ollama = replace(WHO, server=servers()["ollama"])
    with pytest.raises(Unreadable, match="video/mp4, and Ollama takes text, image"):
        documents((KINDS["mp4"][0],), ollama)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "nothing that is known"),
        (b"   \n", "nothing that is known"),
        (bytes(range(256)), "nothing that is known"),
        (brand(b"heic"), "nothing that is known"),
        (brand(b"avif"), "nothing that is known"),
        (brand(b"M4A "), "nothing that is known"),
        (b"a\x1b[2Jb", "nothing that is known"),  # would drive a terminal
        (b"x" * 40_001, "40,001 letters; up to 40,000"),
        (bytes(20_000_001), "20,000,001 bytes; up to 20,000,000"),
        (picture(".png")[:40], "cannot be decoded"),
        (b"\xff\xd8\xff" + bytes(50), "cannot be decoded"),
        (picture(".png", 8000, 7000), "8000 x 7000 pixels; up to 50 million"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(data, why):
    with pytest.raises(Unreadable, match=f"document 2 .*{why}"):
        documents((b"fine", data), WHO)


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_no_text_can_begin_a_line_of_its_own(text):
    try:
        (one,) = documents((text.encode("utf-8", "replace"),), WHO)
    except Unreadable:
        return
    assert all(line.startswith("> ") for line in one.text.split("\n"))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(data):
    try:
        found = documents((data,), EVERYTHING)
    except Unreadable:
        assert kind_of(data) in {None, ("image", "image/jpeg"), ("image", "image/png"),
                                 ("image", "image/webp")}  # fmt: skip
    else:
        assert [len(one.parts) for one in found] == [2]
