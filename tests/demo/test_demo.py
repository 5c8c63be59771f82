"""Tests of the embedded demo data: the plan, the people, their movement and the files."""

from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import har.engine.code as code_module
from har.demo import draw_frames, plan_videos, solids, write_dataset
from har.demo.body import Body, bend_joint, make_subject
from har.demo.motion import LABELS, make_motion, read_table
from har.demo.render import Canvas, Light, Rectangle
from har.demo.solids import Capsule, Ellipsoid
from har.demo.views import Camera, look_at
from har.video.extracting import extract_clip
from har.video.reading import probe_video
from stages.demo import main


@pytest.fixture(scope="module")
def plan():
    return plan_videos(num_subjects=24, num_videos=120, seed=42)


def draw_some(video, *, num_frames):
    return [frame for frame, _ in zip(draw_frames(video), range(num_frames), strict=False)]


def read_files(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def make_canvas(*, size=(40, 40)) -> Canvas:
    position = np.array([0.0, -2.0, 0.0])
    camera = Camera(
        position, look_at(position, np.zeros(3)), 40.0, (size[0] / 2, size[1] / 2), size
    )
    return Canvas(camera, Light(np.array([0.0, -1.0, 0.0]), 0.5))


def test_plan_videos_is_unbalanced_within_bounds(plan):
    counts = Counter(video.label for video in plan)
    assert set(counts) == set(LABELS)
    assert sum(counts.values()) == 120
    assert min(counts.values()) >= 14
    assert max(counts.values()) <= 24
    assert len(set(counts.values())) >= 4


def test_plan_videos_gives_each_label_many_subjects(plan):
    subjects = defaultdict(set)
    for video in plan:
        subjects[video.label].add(video.subject.name)
    assert min(len(names) for names in subjects.values()) >= 12
    assert len(set.union(*subjects.values())) == 24


def test_plan_videos_mixes_containers_and_rotations(plan):
    endings = Counter(Path(video.path).suffix for video in plan)
    assert set(endings) == {".mov", ".mp4", ".mkv", ".avi"}
    assert endings[".mov"] > 90
    turned = [video for video in plan if video.rotation]
    assert len(turned) > 20
    assert all(v.rotation == 90 and v.size[0] < v.size[1] for v in turned)
    assert all(video.path.endswith(".mov") for video in turned)


def test_plan_videos_gives_unique_paths_and_lengths_of_two_to_four_seconds(plan):
    assert len({video.path for video in plan}) == len(plan)
    assert all(1.95 <= video.num_frames / video.fps <= 4.0 for video in plan)


def test_plan_videos_depends_on_the_seed_alone(plan):
    assert plan_videos(num_subjects=24, num_videos=120, seed=42) == plan
    assert plan_videos(num_subjects=24, num_videos=120, seed=43) != plan


def test_plan_videos_has_every_label_when_there_are_few_videos():
    videos = plan_videos(num_subjects=2, num_videos=7, seed=0)
    assert sorted(video.label for video in videos) == sorted(LABELS)


def test_plan_videos_fails_when_a_number_is_too_small():
    with pytest.raises(ValueError, match=r"demo.num_videos is 6.*set it to 7"):
        plan_videos(num_subjects=3, num_videos=6, seed=0)
    with pytest.raises(ValueError, match=r"demo\.num_subjects is 0"):
        plan_videos(num_subjects=0, num_videos=12, seed=0)


def test_draw_frames_gives_upright_frames_that_move(plan):
    for label in LABELS:
        video = next(video for video in plan if video.label == label)
        frames = draw_some(video, num_frames=6)
        assert {(frame.shape, frame.dtype.name) for frame in frames} == {
            ((video.size[1], video.size[0], 3), "uint8")
        }
        still = np.abs(frames[5].astype(int) - frames[0]).max(axis=2) > 40
        assert still.sum() > 10, label


def test_draw_frames_leaves_the_global_generator_alone(plan):
    before = np.random.get_state()[1].copy()
    draw_some(plan[0], num_frames=1)
    assert (np.random.get_state()[1] == before).all()


@pytest.fixture
def draw(project, monkeypatch):
    """Write seven short videos of two people into a folder of a project, by one worker."""
    monkeypatch.setattr("har.demo.SECONDS", (0.2, 0.3))
    plan = {"num_subjects": 2, "num_videos": 7, "seed": 7, "num_workers": 1}
    others = {"code_version": "1", "max_gigabytes": 1.0}
    return lambda folder, **changes: write_dataset(folder, **plan | others | changes)


def test_write_dataset_gives_the_same_bytes_for_any_number_of_workers(draw, tmp_path):
    for workers in (1, 2):
        # By another code, so that each number draws.
        assert draw(tmp_path / str(workers), num_workers=workers, code_version=str(workers)) == 7
    one, two = read_files(tmp_path / "1"), read_files(tmp_path / "2")
    assert one == two
    assert len(one) == 8
    metadata = pd.read_csv(tmp_path / "1" / "metadata.csv")
    assert list(metadata.columns) == ["path", "subject"]
    assert set(metadata["path"]) | {"metadata.csv"} == set(one)
    assert set(metadata["subject"]) == {"s01", "s02"}


def test_write_dataset_draws_only_what_was_not_drawn_before(draw, tmp_path):
    assert draw(tmp_path / "first") == 7
    assert draw(tmp_path / "again") == 0
    assert read_files(tmp_path / "again") == read_files(tmp_path / "first")
    assert draw(tmp_path / "other code", code_version="2") == 7
    assert draw(tmp_path / "other seed", seed=8) == 7


def test_drawing_counts_its_own_code_alone():
    reached = code_module._reached(["har.demo"])
    rooms = {name.split(".")[1] for name in reached - {"har"}}
    assert rooms == {"demo", "video"}
    assert {name for name in reached if name.startswith("har.video.")} == {"har.video.writing"}


def test_write_dataset_stores_portrait_videos_lying(draw, tmp_path, monkeypatch):
    monkeypatch.setattr("har.demo.PORTRAIT_SHARE", 1.0)
    draw(tmp_path, num_subjects=1, seed=1)
    videos = plan_videos(num_subjects=1, num_videos=7, seed=1)
    video = next(video for video in videos if video.rotation)
    info = probe_video(tmp_path / video.path)
    assert (info.rotation, info.width, info.height) == (90, *video.size)
    clip, _ = extract_clip(tmp_path / video.path, num_frames=1, size=64)
    drawn = cv2.resize(next(draw_frames(video)), (64, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(clip[0].astype(int) - drawn).mean() < 8


def test_make_motion_fails_when_the_label_is_unknown():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="'jumping'; expected one of calling"):
        make_motion("jumping", make_subject("s", rng), rng, heading=0.0, seconds=2.0)


@pytest.mark.parametrize("label", LABELS)
def test_make_motion_keeps_bones_whole_and_moves_without_jumps(label):
    rng = np.random.default_rng(3)
    for _ in range(12):
        subject = make_subject("s", rng)
        motion = make_motion(label, subject, rng, heading=0.3, seconds=3.0)
        body = Body(subject, motion.poses(np.arange(0, 3, 1 / 60)))
        for limb in range(2):
            for joints, length in (("legs", subject.leg), ("arms", subject.arm)):
                parts = np.broadcast_arrays(*getattr(body, joints)[limb][:3])
                bones = np.linalg.norm(np.diff(parts, axis=0), axis=-1).sum(axis=0)
                np.testing.assert_allclose(bones, length, rtol=1e-6)
                steps = np.linalg.norm(np.diff(parts, axis=1), axis=-1)
                assert steps.max() < 0.3  # metres in a sixtieth of a second


def test_pose_at_an_instant_is_that_of_all():
    rng = np.random.default_rng(4)
    for label in LABELS:
        subject = make_subject("s", rng)
        poses = make_motion(label, subject, rng, heading=0.3, seconds=3.0).poses(np.arange(9) / 3)
        joints = [np.broadcast_to(joint, (9, 3)) for joint in Body(subject, poses).arms[1]]
        at_once = Body(subject, poses.at(5)).arms[1]
        np.testing.assert_allclose(np.array(joints)[:, 5], at_once, atol=1e-9)


def test_every_variant_of_the_table_can_be_performed():
    table, rng = read_table(), np.random.default_rng(5)
    for label, variants in table["actions"].items():
        drawn = set()
        for _ in range(40 * len(variants)):
            motion = make_motion(label, make_subject("s", rng), rng, heading=0.0, seconds=2.0)
            drawn.add(motion.variant)
        names = {str(variant.get("name", at)) for at, variant in enumerate(variants)}
        assert drawn == names


def test_bend_joint_reaches_the_target_and_bends_the_right_way():
    root, target = np.zeros(3), np.array([0.0, 0.0, -0.6])
    joint, end = bend_joint(root, target, (0.4, 0.4), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(end, target)
    np.testing.assert_allclose(joint, [0, np.sqrt(0.4**2 - 0.3**2), -0.3])


def test_bend_joint_stretches_towards_a_target_out_of_reach():
    _, end = bend_joint(np.zeros(3), np.array([2.0, 0, 0]), (0.3, 0.3), np.array([0, 0, 1.0]))
    np.testing.assert_allclose(end, [0.6 * 0.998, 0, 0])


def test_canvas_draws_the_nearer_shape_in_any_order():
    near = Ellipsoid(np.array([0, -0.5, 0]), np.eye(3) * 0.1, (255, 0, 0))
    far = Capsule(np.array([-1, 0.5, 0]), np.array([1, 0.5, 0]), (0.3, 0.3), (0, 255, 0))
    pictures = []
    for shapes in ((near, far), (far, near)):
        canvas = make_canvas()
        canvas.draw(*shapes)
        pictures.append(np.dstack(canvas.planes()))
    np.testing.assert_array_equal(*pictures)
    assert pictures[0][20, 20, 0] > 0
    assert pictures[0][20, 20, 1] == 0
    assert pictures[0][20, 5, 1] > 0
    assert pictures[0][0, 0, 3] == 0


@pytest.mark.parametrize("batch_pixels", [0, 10**9])
def test_canvas_draws_many_shapes_at_once_as_one_by_one(monkeypatch, batch_pixels):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(solids, "BATCH_PIXELS", batch_pixels)
    ends = rng.uniform(-0.8, 0.8, (12, 2, 3))
    shapes = [Capsule(*both, (0.1, 0.05), tuple(rng.uniform(0, 255, 3))) for both in ends]
    shapes += [
        Ellipsoid(both[0], np.diag(both[1]), (200, 9, 9), stripes, (9, 9, 200))
        for both, stripes in zip(rng.uniform(0.1, 0.5, (4, 2, 3)), (0, 3, 0, 5), strict=True)
    ]
    together, each = make_canvas(), make_canvas()
    together.draw(*shapes)
    for shape in shapes:
        each.draw(shape)
    np.testing.assert_array_equal(together.planes(), each.planes())
    np.testing.assert_array_equal(together.depth, each.depth)


def test_canvas_knows_how_far_an_ellipsoid_is():
    canvas = make_canvas()
    canvas.draw(Ellipsoid(np.zeros(3), np.diag([0.5, 0.25, 0.5]), (9, 9, 9)))
    assert canvas.depth[20, 20] == pytest.approx(1.75, abs=2e-3)
    assert np.isinf(canvas.depth[0, 0])


def test_canvas_paints_a_texture_upright():
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0], texture[1] = (200, 0, 0), (0, 200, 0)
    canvas = make_canvas()
    corner, right, down = np.array([-0.5, 0, 0.5]), np.array([1.0, 0, 0]), np.array([0, 0, -1.0])
    canvas.draw(Rectangle(corner, right, down, texture, lit=False))
    picture = np.dstack(canvas.planes())
    assert picture[14, 20].tolist() == [200, 0, 0, 1]
    assert picture[26, 20].tolist() == [0, 200, 0, 1]


def test_warp_from_agrees_with_projection_of_a_turned_camera():
    position, target = np.array([1.0, -4, 1.5]), np.array([0, 0, 1.0])
    first = Camera(position, look_at(position, target), 300.0, (160, 120), (320, 240))
    second = Camera(position, look_at(position, target + 0.3), 250.0, (100, 90), (200, 180))
    point = np.array([0.4, 0.7, 0.2])
    x, y, _ = first.project(point)
    warped = second.warp_from(first) @ (x, y, 1)
    np.testing.assert_allclose(warped[:2] / warped[2], second.project(point)[:2])


def test_stage_draws_nothing_for_a_user_with_own_videos(project, set_param, capsys):
    set_param("dataset.videos", "data/videos")
    main(out=Path("data/demo"))
    assert [path.name for path in (project / "data" / "demo").iterdir()] == ["not_drawn.txt"]
    assert "dataset.videos in params.yaml is data/videos" in capsys.readouterr().out


def test_stage_draws_where_the_demo_is_named_with_a_slash_at_its_end(project, set_param):
    set_param("dataset.videos", "data/demo/")
    set_param("demo.num_subjects", 0)  # so that drawing would begin with this error
    with pytest.raises(ValueError, match=r"demo\.num_subjects is 0"):
        main(out=Path("data/demo"))
