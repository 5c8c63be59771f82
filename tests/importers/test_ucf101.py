"""UCF101 in miniature: its true layout, imported and read back."""

import pytest
from small_data_sets import make_ucf101, official_split, put, snapshot, table_of, write_text

from har.importers.importing import import_dataset


def test_import_ucf101_links_and_uses_the_official_split(tmp_path, source, tiny):
    make_ucf101(source, tiny)
    summary = import_dataset("ucf101", source, tmp_path / "ucf")
    assert (summary.num_videos, summary.num_linked, summary.problems) == (12, 12, ())
    # The letters of the list win, whatever those of the file are.
    linked = tmp_path / "ucf/HandstandPushups/v_HandStandPushups_g01_c01.avi"
    assert linked.samefile(source / "UCF-101/HandstandPushups/v_HandstandPushups_g01_c01.avi")
    table = table_of(tmp_path / "ucf")
    assert table["subject"]["Archery/v_Archery_g05_c01"] == "Archery_g05"
    split = official_split(tmp_path / "ucf")
    groups = split.index.str.extract(r"_g(\d+)_")[0].to_numpy()
    assert set(groups[split == "test"]) == {"01", "02"}
    assert set(split) == {"train", "val", "test"}


def test_import_ucf101_takes_another_split(tmp_path, source, tiny):
    make_ucf101(source, tiny)
    import_dataset("ucf101", source, tmp_path / "ucf", split=2)
    table = table_of(tmp_path / "ucf")
    assert set(table["subject"][table["split"] == "test"]) == {
        "Archery_g03", "Archery_g04", "HandstandPushups_g03", "HandstandPushups_g04"
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"has no trainlist03\.txt; expected the official lists"):
        import_dataset("ucf101", source, tmp_path / "ucf3", split=3)


def test_import_ucf101_names_missing_unlisted_and_repeated_videos(tmp_path, source, tiny):
    make_ucf101(source, tiny)
    for group in range(2, 7):
        (source / f"UCF-101/Archery/v_Archery_g0{group}_c01.avi").unlink()
    put(tiny, "UCF-101/Archery/renamed.avi", below=source)
    with (source / "ucfTrainTestlist/testlist01.txt").open("a") as file:
        file.write("Archery/v_Archery_g01_c01.avi\n")
    summary = import_dataset("ucf101", source, tmp_path / "ucf")
    problems = "\n".join(summary.problems)
    assert "5 videos are in the lists but not below" in problems
    assert "'Archery/v_Archery_g03_c01.avi'" in problems
    assert "1 videos are not in the lists of split 1" in problems
    assert "renamed.avi" in problems
    assert "1 rows repeat another and count once: 'Archery/v_Archery_g01_c01.avi'" in problems
    assert (summary.num_videos, summary.num_skipped) == (7, 6)


def test_import_ucf101_leaves_out_a_video_in_both_lists(tmp_path, source, tiny):
    make_ucf101(source, tiny)
    with (source / "ucfTrainTestlist/trainlist01.txt").open("a") as file:
        file.write("Archery/v_Archery_g01_c01.avi 1\n")
    summary = import_dataset("ucf101", source, tmp_path / "ucf")
    assert "named twice with different splits" in "\n".join(summary.problems)
    assert "Archery/v_Archery_g01_c01" not in table_of(tmp_path / "ucf").index


@pytest.mark.parametrize(
    "line",
    [
        "../v_Archery_g01_c01.avi 1",
        "Archery/../../v_Archery_g01_c01.avi 1",
        "/etc/v_Archery_g01_c01.avi 1",
        "Archery\\..\\x/v_Archery_g01_c01.avi 1",
        ".Archery/v_Archery_g01_c01.avi 1",
        "Archery/renamed.avi 1",
    ],
)
def test_import_ucf101_refuses_names_that_lead_elsewhere(tmp_path, source, tiny, line):
    make_ucf101(source, tiny)
    write_text(source, "ucfTrainTestlist/trainlist01.txt", line)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=r"trainlist01\.txt, line 1 (is|has the name)"):
        import_dataset("ucf101", source, tmp_path / "ucf")
    assert snapshot(tmp_path) == before
