"""Clips and their views: one flip, crop, speed and shaking hand for all frames of a clip."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import flip_bit

from har.clips.clip import even_indices, load_clip
from har.clips.views import (
    View,
    apply_view,
    draw_views,
    read_views,
    view_indices,
    view_windows,
    write_views,
)
from har.engine.cache import file_digest
from har.engine.seeds import generator_for
from stages.augment import main

SETTINGS = {"num_views": 3, "flip": 0.5, "crop": 0.7, "speed": (0.5, 2.0), "seed": 42}
MORE = {"shake": 0.2}


def noise_clip(num_frames: int = 6, size: int = 16, seed: int = 0) -> np.ndarray:
    shape = (num_frames, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def still_clip(num_frames: int = 6, size: int = 16) -> np.ndarray:
    """The same picture in every frame."""
    return np.repeat(noise_clip(1, size), num_frames, axis=0)


def numbered_clip(num_frames: int = 6, size: int = 8) -> np.ndarray:
    """Frame i has the value i everywhere."""
    frames = np.arange(num_frames, dtype=np.uint8)[:, None, None, None]
    return np.broadcast_to(frames, (num_frames, size, size, 3)).copy()


@pytest.mark.parametrize(
    ("num_available", "num_wanted", "expected"),
    [
        (30, 16, [0, 2, 4, 6, 8, 10, 12, 14, 15, 17, 19, 21, 23, 25, 27, 29]),
        (5, 5, [0, 1, 2, 3, 4]),
        (2, 4, [0, 0, 1, 1]),
        (1, 3, [0, 0, 0]),
        (9, 1, [0]),
    ],
)
def test_even_indices_spans_the_clip(num_available, num_wanted, expected):
    assert even_indices(num_available, num_wanted).tolist() == expected


@pytest.mark.parametrize("seed", range(10))
def test_apply_view_shows_all_frames_alike(seed):
    settings = SETTINGS | {"num_views": 1, "seed": seed}
    shown = apply_view(still_clip(), draw_views("a", **settings)[0])
    assert shown.shape == (6, 16, 16, 3)
    assert (shown == shown[0]).all()
    other = draw_views("a", **SETTINGS | {"seed": 99})[0]
    assert not np.array_equal(shown, apply_view(still_clip(), other))


def test_apply_view_returns_the_clip_when_the_view_changes_nothing():
    clip = noise_clip()
    shown = apply_view(clip, View())
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, clip)
    assert not np.shares_memory(shown, clip)


def test_apply_view_mirrors_left_and_right():
    clip = noise_clip()
    flipped = apply_view(clip, View(flip=True))
    assert np.array_equal(flipped, clip[:, :, ::-1])
    assert np.array_equal(apply_view(flipped, View(flip=True)), clip)


def test_apply_view_crops_where_the_view_says():
    clip = np.zeros((2, 16, 16, 3), np.uint8)
    clip[:, 8:, :8] = (10, 20, 30)  # bottom left quarter
    shown = apply_view(clip, View(crop_size=0.5, crop_top=0.5, crop_left=0.0))
    assert (shown == (10, 20, 30)).all()
    assert (apply_view(clip, View(crop_size=0.5, crop_top=0.5, crop_left=0.5)) == 0).all()


def test_apply_view_holds_the_last_frame_when_twice_as_fast():
    shown = apply_view(numbered_clip(), View(speed=2.0))
    assert shown[:, 0, 0, 0].tolist() == [0, 2, 4, 5, 5, 5]


def test_apply_view_stretches_a_part_when_slower():
    shown = apply_view(numbered_clip(7), View(speed=0.5, start=0.5))
    assert shown[:, 0, 0, 0].tolist() == [3, 4, 4, 4, 5, 6, 6]  # 3, 3.5, 4, 4.5, 5, 5.5, 6


def test_apply_view_returns_the_places_asked_for():
    view = draw_views("a", **SETTINGS | MORE)[0]
    places = np.array([0, 3, 5])
    whole = apply_view(noise_clip(), view)
    assert np.array_equal(apply_view(noise_clip(), view, places), whole[places])


def test_apply_view_takes_the_smallest_crop_at_the_edge():
    shown = apply_view(noise_clip(), View(crop_size=0.001, crop_top=0.999, crop_left=0.999))
    assert (shown == noise_clip()[:, -1:, -1:]).all()


@pytest.mark.parametrize("seed", range(20))
def test_view_indices_stay_in_the_clip_and_never_go_back(seed):
    for view in draw_views("a", **SETTINGS | MORE | {"seed": seed}):
        indices = view_indices(view, 30)
        assert indices[0] >= 0
        assert indices[-1] <= 29
        assert (np.diff(indices) >= 0).all()
        assert view.crop_top + view.crop_size <= 1 + 1e-12
        assert 0.5 <= view.speed <= 2


@pytest.mark.parametrize("more", [{}, MORE], ids=["off", "on"])
def test_draw_views_depends_on_name_and_seed_only(more):
    settings = SETTINGS | more
    before = np.random.get_state()[1].copy()
    first = draw_views("a", **settings)
    draw_views("b", **settings)
    assert draw_views("a", **settings) == first
    assert draw_views("b", **settings) != first
    assert draw_views("a", **settings | {"seed": 43}) != first
    assert draw_views("a", **settings | {"num_views": 5})[:3] == first
    assert np.array_equal(np.random.get_state()[1], before)


def test_draw_views_draws_what_it_drew_before_there_was_more_to_draw():
    first, second = draw_views("a", **SETTINGS | {"num_views": 2})
    assert first == View(
        flip=True,
        crop_size=0.9646606696378361,
        crop_top=0.0009918789723266973,
        crop_left=0.03350272865024448,
        speed=1.9458699993177868,
    )
    assert second == View(
        flip=True,
        crop_size=0.7233414952917836,
        crop_top=0.24232065457648325,
        crop_left=0.2512227516818436,
        speed=0.7850813965370602,
        start=0.13987571124893208,
    )


def test_draw_views_changes_nothing_else_when_the_hand_shakes():
    without, shaken = draw_views("a", **SETTINGS), draw_views("a", **SETTINGS | MORE)
    assert [replace(view, shake=0.0, shake_seed=0) for view in shaken] == without
    assert [view.shake for view in shaken] == [0.2, 0.0, 0.2]
    assert len({view.shake_seed for view in shaken[::2]}) == len(shaken[::2])


def test_shaken_view_shows_a_window_that_walks_within_its_crop():
    rows, columns = np.mgrid[:64, :64].astype(np.uint8) * 4
    clip = np.stack([np.stack([rows, columns, rows], -1)] * 12)
    view = View(crop_size=0.8, crop_top=0.1, crop_left=0.2, shake=0.25, shake_seed=3)
    shown = apply_view(clip, view).astype(int)
    middles = shown[:, 32, 32, :2] / 4
    assert np.ptp(middles, axis=0).min() > 2  # it moves down and right
    assert np.abs(np.diff(middles, axis=0)).max() < 8  # and does not jump
    for axis, start in ((0, 0.1), (1, 0.2)):
        seen = shown[..., axis] / 4 / 64
        assert seen.min() > start - 0.05
        assert seen.max() < start + 0.8 + 0.05
    assert np.array_equal(apply_view(clip, view, np.array([3, 7])), shown[[3, 7]])


@pytest.mark.parametrize("flip", [False, True])
def test_view_windows_say_where_a_crop_is(flip):
    view = View(flip=flip, crop_size=0.5, crop_top=0.25, crop_left=0.5)
    (window,) = view_windows(view, 1)
    corners = np.array([[0, 0, 1], [1, 1, 1]]) @ window.T
    left, right = (1.0, 0.5) if flip else (0.5, 1.0)
    assert corners == pytest.approx(np.array([[left, 0.25], [right, 0.75]]))


def test_draw_views_obeys_the_settings():
    still = draw_views("a", num_views=50, flip=0, crop=1.0, speed=(1.0, 1.0), seed=0)
    assert set(still) == {View()}
    mirrored = draw_views("a", num_views=50, flip=1, crop=0.5, speed=(2.0, 2.0), seed=0)
    assert all(
        view.flip and view.speed == pytest.approx(2) and view.start == 0 for view in mirrored
    )
    assert min(view.crop_size for view in mirrored) < 0.55
    half = draw_views("a", num_views=400, flip=0.5, crop=0.5, speed=(0.5, 2.0), seed=0)
    assert 160 < sum(view.flip for view in half) < 240
    assert 160 < sum(view.speed > 1 for view in half) < 240  # even in the logarithm


@pytest.mark.parametrize("more", [{}, MORE], ids=["off", "on"])
def test_read_views_returns_what_was_written_to_the_last_bit(tmp_path, more):
    views = {f"Übung, 1/{i}": draw_views(str(i), **SETTINGS | more) for i in range(50)}
    write_views(tmp_path / "views.csv", views)
    read = read_views(tmp_path / "views.csv")
    assert read == views
    assert type(read["Übung, 1/0"][0].flip) is bool


def test_read_views_returns_nothing_when_there_are_none(tmp_path):
    write_views(tmp_path / "views.csv", {"a": [], "b": []})
    assert read_views(tmp_path / "views.csv") == {}


def test_generator_for_keeps_names_apart():
    draws = {generator_for(*key).random() for key in ((1, "ab"), (1, "a", "b"), (2, "ab"), (1,))}
    assert len(draws) == 4
    assert generator_for(0, "split").random() == generator_for(0, "split").random()


def test_load_clip_maps_the_file_read_only(tmp_path):
    np.save(tmp_path / "clip.npy", noise_clip())
    clip = load_clip(tmp_path / "clip.npy")
    assert isinstance(clip, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        clip[0] = 0


@pytest.fixture
def manifest(project):
    """Three training videos of two labels, one of val and one of test."""
    rows = [
        ("a/1", "a", "train"), ("b/2", "b", "train"), ("a/3", "a", "val"),
        ("b/4", "b", "test"), ("b/5", "b", "train"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["video_id", "label", "split"])
    table["path"] = [f"clips/{number}.npy" for number in range(len(rows))]
    (project / "clips").mkdir()
    for number, path in enumerate(table["path"]):
        np.save(path, noise_clip(seed=number))
    table["sha256"] = [file_digest(Path(path)) for path in table["path"]]
    table.to_csv("clips.csv", index=False)
    table.to_csv("manifest.csv", index=False)
    return project / "manifest.csv"


def test_stage_makes_views_of_training_clips_only(manifest, project, set_param, capsys):
    set_param("augment.num_views", 2)
    main(manifest=manifest, clips=manifest.with_name("clips.csv"), out=project / "out")
    views = read_views(project / "out" / "views.csv")
    assert {name: len(of_clip) for name, of_clip in views.items()} == {"a/1": 2, "b/2": 2, "b/5": 2}
    assert capsys.readouterr().out == "augment: 2 views of each of 3 training clips\n"


def test_stage_writes_the_same_bytes_again(manifest, project):
    contents = []
    for out in (project / "first", project / "second"):
        main(manifest=manifest, clips=manifest.with_name("clips.csv"), out=out)
        contents.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert sorted(contents[0]) == ["contact_sheet.png", "drawn.csv", "views.csv"]
    assert contents[0]["contact_sheet.png"].startswith(b"\x89PNG")
    assert contents[0] == contents[1]


def test_stage_draws_its_sheet_also_without_views(manifest, project, set_param):
    set_param("augment.num_views", 0)
    main(manifest=manifest, clips=manifest.with_name("clips.csv"), out=project / "out")
    assert read_views(project / "out" / "views.csv") == {}
    assert (project / "out" / "contact_sheet.png").exists()


def test_stage_draws_no_damaged_clip(manifest, project):
    flip_bit(project / "clips" / "1.npy", in_silence=True)
    with pytest.raises(ValueError, match=r"clips/1\.npy is damaged.*`make repro`"):
        main(manifest=manifest, clips=manifest.with_name("clips.csv"), out=project / "out")
