"""``transformers serve`` where torchvision is missing: the server is real, one loader is not.

AutoProcessor refuses Qwen's processors without torchvision, which their *video* processor needs.
No video is sent here, so the processor is put together without that part. Everything else, from
the HTTP front to the tokens that are written, is the server's own.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path


def stills_only(folder, **_):
    """The checkpoint's own processor, for pictures that stand still."""
    from transformers import AutoTokenizer, Qwen2_5_VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    class StillsOnly(Qwen2_5_VLProcessor):
        def check_argument_for_proper_class(self, argument_name, argument):
            if argument_name == "video_processor":
                return type(None)
            return super().check_argument_for_proper_class(argument_name, argument)

    written = (Path(folder) / "chat_template.json").read_text(encoding="utf-8")
    return StillsOnly(
        Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True),
        AutoTokenizer.from_pretrained(folder, local_files_only=True),
        video_processor=None,
        chat_template=json.loads(written)["chat_template"],
    )


if __name__ == "__main__":
    from transformers import AutoProcessor
    from transformers.cli.transformers import main

    if find_spec("torchvision") is None:
        AutoProcessor.from_pretrained = stills_only
    sys.exit(main())
