"""A few steps of ACT on a dataset, with LeRobot's own policy. Run in LeRobot's environment.

python trainer.py DATASET STEPS    one JSON object on stdout: the loss of each step
"""

import json
import sys

import stage  # noqa: F401 - first
import torch
from lerobot.configs.types import FeatureType
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.datasets.utils import dataset_to_policy_features
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

CHUNK = 8


def main(folder, steps):
    torch.manual_seed(0)
    plain = LeRobotDataset("shopfloor/contract", root=folder)
    features = dataset_to_policy_features(plain.meta.features)
    config = ACTConfig(
        output_features={k: f for k, f in features.items() if f.type is FeatureType.ACTION},
        input_features={k: f for k, f in features.items() if f.type is not FeatureType.ACTION},
        chunk_size=CHUNK,
        n_action_steps=CHUNK,
        dim_model=64,
        n_heads=2,
        dim_feedforward=64,
        n_encoder_layers=1,
        n_vae_encoder_layers=1,
        latent_dim=8,
        pretrained_backbone_weights=None,
        device="cpu",
    )
    policy = ACTPolicy(config).train()
    prepare, _ = make_pre_post_processors(config, dataset_stats=plain.meta.stats)
    dataset = LeRobotDataset(
        "shopfloor/contract",
        root=folder,
        delta_timestamps={"action": [k / plain.fps for k in range(CHUNK)]},
    )
    batches = torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-4)
    losses = []
    for _, batch in zip(range(int(steps)), batches, strict=False):
        loss, _ = policy.forward(prepare(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(json.dumps({"losses": losses, "inputs": sorted(config.input_features)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
