"""A recognizer that sees nothing but the pose: no backbone, and no answer without a person."""

import cv2
import numpy as np
import pytest
from drawn_people import whole_people

from har.dataset.none_label import UNSURE
from har.demo import draw_frames
from har.models.contract import build_model, settings_type
from har.pose.joints import NUM_POSE_FEATURES
from har.pose.networks import find_pose_files
from har.recognizer.recognizer import BACKBONE_NAME, Recognizer, load_recognizer

NUM_FRAMES = 8
PREPROCESSING = {
    "max_side": 640,
    "num_frames": NUM_FRAMES,
    "size": 224,
    "aspect": "stretch",
    "model_frames": NUM_FRAMES,
    "streams": ["pose"],
    "context": 1.2,
    "person": "moving",
}


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    settings = settings_type("fusion")(streams=["pose"])
    shape = {"num_frames": NUM_FRAMES, "num_features": NUM_POSE_FEATURES}
    model = build_model("fusion", settings, num_classes=2, **shape)
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights(
        [kernel, bias + np.float32([5, 0])]
    )  # sure of the first, whatever it sees
    made_by = {"unsure_below": 0.1}
    return Recognizer.of_model(
        model, ["sitting", "waving"], PREPROCESSING, made_by, pose=find_pose_files()
    )


def test_a_clip_without_a_person_is_unsure(recognizer):
    clip = np.full((NUM_FRAMES, 224, 224, 3), 128, np.uint8)
    said = recognizer.predict(clip)
    np.testing.assert_array_equal(said, np.float32([0.5, 0.5]))
    assert recognizer.answer(said) == UNSURE


def test_a_person_is_answered(recognizer):
    video = next(whole_people("standing"))
    frames = [frame for frame, _ in zip(draw_frames(video), range(NUM_FRAMES), strict=False)]
    clip = np.stack([cv2.resize(frame, (224, 224)) for frame in frames])
    said = recognizer.predict(clip, aspect=video.size[0] / video.size[1])
    assert recognizer.answer(said) == "sitting"
    assert said[0] > 0.9


def test_folder_without_a_backbone_is_whole(recognizer, tmp_path):
    recognizer.save(tmp_path)
    assert not (tmp_path / BACKBONE_NAME).exists()
    loaded = load_recognizer(tmp_path)
    clip = np.zeros((NUM_FRAMES, 224, 224, 3), np.uint8)
    np.testing.assert_array_equal(loaded.predict(clip), recognizer.predict(clip))
