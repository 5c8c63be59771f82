"""The two pose networks: a drawn person's place and turn, and the numbers of the reference."""

import importlib.util
import zipfile

import cv2
import numpy as np
import pytest
from drawn_people import whole_people
from places import REAL, REFERENCE

from har.backbones.litert import Network
from har.backbones.weights import find_registry_file
from har.demo import draw_frames
from har.pose.following import clip_landmarks, unstretch
from har.pose.joints import HIPS, NOSE
from har.pose.networks import (
    CROP_SIZE,
    DETECTOR,
    LANDMARKS,
    OUTPUTS,
    PACKAGE,
    PoseNetworks,
    find_pose_files,
)
from har.video.extracting import extract_clip, stretched_aspect

needs_reference = pytest.mark.skipif(
    not (REAL.exists() and REFERENCE.exists()),
    reason="needs the real clips and the reference in ../shared",
)
VIDEOS = ["weizmann/wave1/ido_wave1.avi", "weizmann/walk/daria_walk.avi"]


@pytest.fixture(scope="module")
def networks() -> PoseNetworks:
    return PoseNetworks(*find_pose_files())


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """A square picture of a drawn person."""
    frame = next(draw_frames(next(whole_people("walking"))))
    side = max(frame.shape[:2])
    rows, columns = (side - length for length in frame.shape[:2])
    square = cv2.copyMakeBorder(frame, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
    return cv2.resize(square, (320, 320), interpolation=cv2.INTER_AREA)


def published_files() -> list[bytes]:
    """The detector and the landmark network as they are in the package."""
    with zipfile.ZipFile(find_registry_file(PACKAGE, "the pose networks")) as archive:
        return [archive.read(name) for name in (DETECTOR, LANDMARKS)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The reference, with the same networks."""
    spec = importlib.util.spec_from_file_location("reference_pose", REFERENCE / "pose.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("networks")
    files = [folder / "detector.tflite", folder / "landmarks.tflite"]
    for file, content in zip(files, published_files(), strict=True):
        file.write_bytes(content)
    return module.Pose(*map(str, files))


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_drawn_person_is_found_however_turned(quarter_turns, drawn, networks):
    """Turned to the left by a quarter, the circle's turn is -90 degrees, and so on."""
    frame = np.ascontiguousarray(np.rot90(drawn, quarter_turns))
    person = networks.find_people(frame)[0]
    assert person.score > 0.5
    upwards = person.turn + quarter_turns * np.pi / 2
    assert abs(np.angle(np.exp(1j * upwards))) < np.deg2rad(20)
    landmarks, following = networks.find_landmarks(frame, person)
    hips = landmarks[HIPS, :2].mean(axis=0)
    assert np.hypot(*(hips - [person.x, person.y])) < 0.1 * person.side
    assert 0.5 < following.side / person.side < 2
    assert following.score == 1
    to_head = landmarks[NOSE, :2] - hips  # on the picture and in metres the same way
    metres = landmarks[NOSE, 5:7] - landmarks[HIPS, 5:7].mean(axis=0)
    assert to_head @ metres / np.linalg.norm(to_head) / np.linalg.norm(metres) > 0.95


def test_the_landmark_network_without_its_other_outputs_says_the_same_to_the_last_bit():
    whole, kept = Network(published_files()[1]), Network(find_pose_files()[1])
    crop = np.random.default_rng(0).random((CROP_SIZE, CROP_SIZE, 3), dtype=np.float32)
    for expected, output in zip(
        whole.outputs(crop, *OUTPUTS), kept.outputs(crop, *OUTPUTS), strict=True
    ):
        assert np.array_equal(expected, output)
    whole.outputs(crop, "Identity_2")  # the outline
    with pytest.raises(KeyError):
        kept.outputs(crop, "Identity_2")


@needs_reference
@pytest.mark.parametrize("name", VIDEOS)
def test_each_step_has_the_numbers_of_the_reference(name, networks, reference):
    clip, _ = extract_clip(REAL / name, num_frames=6, size=224)
    for frame in unstretch(clip, stretched_aspect(REAL / name, "stretch")):
        expected, score = reference.detect(frame)
        people = networks.find_people(frame)
        if expected is None:
            assert not people
            continue
        first = people[0]
        assert first.score == pytest.approx(score, abs=1e-5)
        assert (first.x, first.y, first.side, first.turn) == pytest.approx(expected, abs=1e-3)
        landmarks, _ = networks.find_landmarks(frame, first)
        points, presence, metres = reference.landmarks(frame, expected)
        assert (landmarks is None) == (presence < 0.5)
        if landmarks is not None:
            assert landmarks[:, :5] == pytest.approx(points[:33], abs=0.02)  # pixels
            assert landmarks[:, 5:] == pytest.approx(metres[:33], abs=1e-3)  # metres


@needs_reference
def test_a_followed_person_is_where_the_reference_has_them(networks, reference):
    """Each starts from another frame, so the circles differ a little, and so do the landmarks."""
    clip, _ = extract_clip(REAL / VIDEOS[0], num_frames=8, size=224)
    aspect = stretched_aspect(REAL / VIDEOS[0], "stretch")
    frames, found = unstretch(clip, aspect), clip_landmarks(clip, networks, aspect=aspect)
    reference.reset()
    expected = np.stack([reference(frame)[0] for frame in frames])[:, :, :2] / frames.shape[1]
    assert np.median(np.abs(found[:, :, :2] - expected)) < 0.005  # of the picture's height
