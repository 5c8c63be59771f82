"""Clips and their views: one flip, crop, speed and colour for all frames of a clip."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from har.clips.clip import even_indices, load_clip
from har.clips.views import View, apply_view, draw_views, read_views, view_indices, write_views
from har.engine.seeds import generator_for
from stages.augment import main

SETTINGS = {"num_views": 3, "flip": 0.5, "crop": 0.7, "speed": (0.5, 2.0), "seed": 42}


MORE = {"colour": 0.4}


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
    settings = SETTINGS | MORE | {"num_views": 1, "seed": seed}
    shown = apply_view(still_clip(), draw_views("a", **settings)[0])
    assert shown.shape == (6, 16, 16, 3)
    assert (shown == shown[0]).all()
    assert not np.array_equal(shown, apply_view(still_clip(), draw_views("a", **SETTINGS)[0]))


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


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(brightness=0.5), (40, 50, 60)),
        (View(brightness=3.0), (240, 255, 255)),  # 300 and 360 are 255
        (View(contrast=0.5), (104, 114, 124)),  # halfway to 127
        (View(contrast=2.0), (33, 73, 113)),
        (View(saturation=0.0), (96, 96, 96)),  # 0.299 x 80 + 0.587 x 100 + 0.114 x 120 = 96.3
        (View(hue=1 / 3), (120, 80, 100)),  # red gives its value to green, green to blue
    ],
)
def test_apply_view_changes_colours(view, expected):
    clip = np.full((2, 8, 8, 3), (80, 100, 120), np.uint8)
    shown = apply_view(clip, view)
    assert shown.dtype == np.uint8
    assert (shown == shown[0, 0, 0]).all()
    assert shown[0, 0, 0].tolist() == pytest.approx(expected, abs=1)


def test_apply_view_keeps_grey_grey_when_colours_turn():
    clip = np.repeat(noise_clip()[..., :1], 3, axis=-1)
    assert np.array_equal(apply_view(clip, View(hue=0.2, saturation=1.5)), clip)


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


def test_draw_views_changes_nothing_else_when_colour_is_switched_on():
    fields = ["brightness", "contrast", "saturation", "hue"]
    without, coloured = draw_views("a", **SETTINGS), draw_views("a", **SETTINGS | MORE)
    nothing = {field: getattr(View, field) for field in fields}
    assert [replace(view, **nothing) for view in coloured] == without
    assert all(
        getattr(view, field) != getattr(View, field) for view in coloured for field in fields
    )


def test_draw_views_draws_the_whole_range_evenly():
    views = draw_views("a", **SETTINGS | MORE | {"num_views": 2000})
    for name, low, high in (
        ("brightness", 0.6, 1.4),
        ("contrast", 0.6, 1.4),
        ("saturation", 0.6, 1.4),
        ("hue", -0.1, 0.1),
    ):
        values = np.array([getattr(view, name) for view in views])
        assert values.min() == pytest.approx(low, abs=0.01)
        assert values.max() == pytest.approx(high, abs=0.01)
        counts, _ = np.histogram(values, 4, (low, high))
        assert (counts > 400).all()
        assert counts.sum() == 2000


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
    table.to_csv("manifest.csv", index=False)
    return project / "manifest.csv"


def test_stage_makes_views_of_training_clips_only(manifest, project, set_param, capsys):
    set_param("augment.num_views", 2)
    main(manifest=manifest, out=project / "out")
    views = read_views(project / "out" / "views.csv")
    assert {name: len(of_clip) for name, of_clip in views.items()} == {"a/1": 2, "b/2": 2, "b/5": 2}
    assert capsys.readouterr().out == "augment: 2 views of each of 3 training clips\n"


def test_stage_writes_the_same_bytes_again(manifest, project):
    contents = []
    for out in (project / "first", project / "second"):
        main(manifest=manifest, out=out)
        contents.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert sorted(contents[0]) == ["contact_sheet.png", "views.csv"]
    assert contents[0]["contact_sheet.png"].startswith(b"\x89PNG")
    assert contents[0] == contents[1]


def test_stage_shows_colours_on_its_sheet(manifest, project, set_param):
    main(manifest=manifest, out=project / "plain")
    set_param("augment.colour", 0.5)
    main(manifest=manifest, out=project / "coloured")
    plain, coloured = (project / name / "contact_sheet.png" for name in ("plain", "coloured"))
    assert plain.read_bytes() != coloured.read_bytes()
    view = read_views(project / "coloured" / "views.csv")["a/1"][0]
    assert view.hue != View.hue


def test_stage_draws_its_sheet_also_without_views(manifest, project, set_param):
    set_param("augment.num_views", 0)
    main(manifest=manifest, out=project / "out")
    assert read_views(project / "out" / "views.csv") == {}
    assert (project / "out" / "contact_sheet.png").exists()
