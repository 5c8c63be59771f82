"""Drawn sequences as features: one file for each action."""

import multiprocessing

import numpy as np
import pytest

import har.features.drawn
from har.features.drawn import COLUMNS, pack_drawn
from har.pose.joints import NUM_POSE_FEATURES


@pytest.fixture
def pack(project):
    """Pack three sequences of each label, by one worker."""
    options = {"number": 3, "num_frames": 6, "seed": 1, "num_workers": 1, "max_gigabytes": 1.0}

    def run(labels, out, **changes):
        return pack_drawn(labels, project / out, **options | changes)

    return run


def test_pack_drawn_writes_a_file_for_each_action_that_it_knows(pack, project):
    table = pack(["waving", "juggling", "none"], "drawn")
    assert list(table.columns) == COLUMNS
    assert table["label"].tolist() == ["none", "waving"]
    assert table["num_sequences"].tolist() == [3, 3]
    waving = np.load(table["path"][1])
    assert (waving.shape, waving.dtype) == ((3, 2, 6, NUM_POSE_FEATURES), np.float32)
    assert pack(["juggling"], "other").empty
    assert pack(["waving"], "none", number=0).empty


def test_second_view_is_the_mirror_image(pack):
    features = np.load(pack(["waving"], "drawn")["path"][0])
    plain, mirrored = features[:, 0], features[:, 1]
    np.testing.assert_allclose(mirrored[..., 0], -plain[..., 0], atol=1e-4)  # the nose, across
    np.testing.assert_allclose(mirrored[..., 1], plain[..., 1], atol=1e-4)  # and down


def test_sequences_are_the_same_for_any_number_of_them_and_of_workers(pack, project):
    few = np.load(pack(["waving"], "few")["path"][0])
    (project / ".har").rename(project / "old")  # what was drawn before
    again = np.load(pack(["waving"], "again", num_workers=2)["path"][0])
    more = np.load(pack(["waving"], "more", number=4)["path"][0])
    np.testing.assert_array_equal(few, again)
    np.testing.assert_array_equal(few, more[:3])
    assert not np.array_equal(few, np.load(pack(["waving"], "seed", seed=2)["path"][0]))


def test_workers_end_where_a_part_fails(pack, monkeypatch):
    before = set(multiprocessing.active_children())
    monkeypatch.setattr(har.features.drawn, "SECONDS", 0.2)
    monkeypatch.setattr(har.features.drawn, "PART", 1)
    with pytest.raises(ValueError, match=r"waving could not be drawn: took longer") as caught:
        pack(["waving"], "drawn", num_frames=20_000, num_workers=2)
    assert caught.tb, "which holds what was in use"
    assert not set(multiprocessing.active_children()) - before
