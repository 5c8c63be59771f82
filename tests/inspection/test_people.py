"""Looking at a folder of videos: who is in them, and what keeps people apart."""

import unicodedata

from inspected import find_problem, inspect_videos
from video_files import write_numbered

from har.pages.inspection import count_kinds, describe_inspection


def test_inspect_videos_proposes_who_is_who_and_says_what_a_score_will_mean(good, project):
    inspection = inspect_videos(good, None)
    said = find_problem(inspection, "^Nobody says who").what
    assert "show 4 people (p0, p1, p2, p3), if it is they: try --subject-pattern" in said
    meaning = find_problem(inspection, "^What a score will mean: nobody says who is in the videos")
    assert "a test of 2 videos even a score of 100 % has a 95 % interval from 34 %" in meaning.what
    assert not meaning.blocks


def test_inspect_videos_notes_that_a_split_by_video_does_not_keep_people_apart(good, set_param):
    set_param("split.by", "video")
    inspection = inspect_videos(good)
    assert inspection.can_train
    assert inspection.grouped_by == "the same people, other videos"
    problem = find_problem(inspection, "^Videos are split one by one.*does not tell how")
    assert not problem.blocks
    assert "split by video" in describe_inspection(inspection, page="page.html")


def test_inspect_videos_uses_metadata_with_fixed_splits(good_copy):
    names = ("train", "train", "val", "test")
    rows = [
        f"{label}/p{person}_a.mp4,anna{person},{name}"
        for label in ("sit", "walk")
        for person, name in enumerate(names)
    ]
    (good_copy / "metadata.csv").write_text("\n".join(["path,subject,split", *rows]))
    inspection = inspect_videos(good_copy, None)
    assert inspection.can_train
    assert inspection.grouped_by == "metadata.csv"
    assert inspection.usable["split"].tolist() == [*names, *names]
    assert dict(count_kinds(inspection)["people"])["anna3"] == 2


def test_inspect_videos_takes_folders_of_splits_and_keeps_people_apart(good_copy):
    for person, name in enumerate(("Train", "Train", "valid", "Test")):
        for label in ("sit", "walk"):
            (good_copy / name / label).mkdir(parents=True, exist_ok=True)
            (good_copy / label / f"p{person}_a.mp4").rename(
                good_copy / name / label / f"p{person}_a.mp4"
            )
    for label in ("sit", "walk"):
        (good_copy / label).rmdir()
    inspection = inspect_videos(good_copy)
    assert inspection.can_train
    assert inspection.labels[["label", "train", "val", "test"]].to_numpy().tolist() == [
        ["sit", 2, 1, 1],
        ["walk", 2, 1, 1],
    ]
    write_numbered(good_copy / "Test" / "sit" / "p0_b.mp4", 50)
    problem = find_problem(inspect_videos(good_copy), "'p0' in test and train; a person must be in")
    assert problem.blocks
    assert "or the folders of the splits" in problem.what


def test_inspect_videos_refuses_a_person_in_two_splits(good_copy):
    rows = [f"{path.parent.name}/{path.name},ann" for path in good_copy.glob("*/*")]
    rows = [f"{row},{name}" for row, name in zip(rows, ["train", "val", "test"] * 3, strict=False)]
    (good_copy / "metadata.csv").write_text("\n".join(["path,subject,split", *rows]))
    problem = find_problem(inspect_videos(good_copy, None), "subjects are in more than one split")
    assert problem.blocks


def test_inspect_videos_refuses_a_pattern_that_does_not_match(good, project):
    problem = find_problem(inspect_videos(good, r"^(\d+)_"), "does not match the file name")
    assert problem.blocks


def test_inspect_videos_notes_names_that_are_nearly_the_same(good_copy):
    (good_copy / "sit").rename(good_copy / "Walk")
    (good_copy / "walk" / "p3_a.mp4").rename(good_copy / "walk" / "P3_A.mp4")
    inspection = inspect_videos(good_copy, r"^([pP]\d)")
    assert inspection.can_train
    find_problem(inspection, "^These labels have nearly the same name: 'Walk' and 'walk'. Give one")
    find_problem(inspection, "^These people have nearly the same name: 'P3' and 'p3'. Give one")
    clash = find_problem(inspection, "^4 pairs of files whose names differ in case alone")
    assert clash.details[3] == "videos/Walk/p3_a.mp4 and videos/walk/P3_A.mp4"


def test_inspect_videos_takes_two_spellings_of_a_name_for_one(good_copy):
    (good_copy / "walk").rename(good_copy / "größe")
    for number, name in enumerate(("größe", unicodedata.normalize("NFD", "größe"))):
        write_numbered(good_copy / name / f"Zoë{number}_a.mp4", 50 + number)
        write_numbered(
            good_copy / name / unicodedata.normalize("NFD", f"Zoë_{number}.mp4"), 60 + number
        )
    inspection = inspect_videos(good_copy, r"^([^_\d]+\d?)_")
    assert inspection.labels["label"].tolist() == ["größe", "sit"]
    assert set(inspection.usable["subject"]) == {"p0", "p1", "p2", "p3", "Zoë", "Zoë0", "Zoë1"}
    assert inspection.usable.groupby("subject")["split"].nunique().eq(1).all()
