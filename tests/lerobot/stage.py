"""Makes LeRobot importable beside a CPU build of torch; import this before anything of it.

PyPI's torchvision is built for CUDA, and its own library does not load beside torch for CPUs. Its
Python part needs two operators to exist; neither is called here.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch

if torch.version.cuda is None:
    LIBRARY = torch.library.Library("torchvision", "DEF")
    LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
