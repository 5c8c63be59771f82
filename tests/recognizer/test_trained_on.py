"""Who and what a model was trained on, as its folder says."""

import pandas as pd
import pytest

from har.dataset.subjects import SAME_PEOPLE, UNKNOWN
from har.recognizer.trained_on import (
    NAME,
    describe_training,
    read_trained_on,
    write_trained_on,
)

MANIFEST = pd.DataFrame(
    [("sit/b", "ben", "train"), ("sit/a", "anna", "train"), ("walk/a", "anna", "train"),
     ("sit/c", "cleo", "val"), ("sit/d", "dan", "test"), ("sit/e", "eva", "unused")],
    columns=["video_id", "subject", "split"],
)  # fmt: skip
# "sit/b" is there twice: what failed has a digest and no path.
REPORT = pd.DataFrame(
    [(video, f"data/{video}.mp4", f"sha-{video}") for video in MANIFEST["video_id"]]
    + [("sit/b", "", "sha-failed")],
    columns=["video_id", "path", "source_sha256"],
)


def test_trained_on_has_names_and_digests_of_training_and_validation_alone(tmp_path):
    content = describe_training(MANIFEST, REPORT, grouped_by="metadata.csv")
    assert content == {
        "grouped_by": "metadata.csv",
        "people": {"train": ["anna", "ben"], "val": ["cleo"]},
        "videos": {"train": ["sha-sit/a", "sha-sit/b", "sha-walk/a"], "val": ["sha-sit/c"]},
    }
    write_trained_on(content, tmp_path)
    trained_on = read_trained_on(tmp_path)
    assert trained_on.people == {"anna": "train", "ben": "train", "cleo": "val"}
    assert trained_on.videos["sha-sit/c"] == "val"
    assert len(trained_on.videos) == 4


def test_trained_on_is_the_same_file_for_rows_in_another_order(tmp_path):
    for name, manifest in (("a", MANIFEST), ("b", MANIFEST[::-1])):
        content = describe_training(manifest, REPORT[::-1], grouped_by="metadata.csv")
        write_trained_on(content, tmp_path / name)
    first, second = ((tmp_path / name / NAME).read_bytes() for name in "ab")
    assert first == second


def test_trained_on_has_no_names_where_nobody_is_named(tmp_path):
    for grouped_by in (UNKNOWN, SAME_PEOPLE):
        content = describe_training(MANIFEST, REPORT, grouped_by=grouped_by)
        write_trained_on(content, tmp_path)
        assert read_trained_on(tmp_path).people is None
        assert "anna" not in (tmp_path / NAME).read_text(encoding="utf-8")


def test_read_trained_on_of_a_model_made_before(tmp_path):
    assert read_trained_on(tmp_path) is None


@pytest.mark.parametrize("content", ["[]", "{}", '{"people": 1}', '{"people": {"train": 1}}'])
def test_damaged_trained_on_is_named(content, tmp_path):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(ValueError, match=rf"{NAME} is damaged: it does not name the people"):
        read_trained_on(tmp_path)
