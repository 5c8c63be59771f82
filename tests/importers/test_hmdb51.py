"""HMDB51 in miniature: its true layout, imported and read back."""

from pathlib import Path

import pytest
from small_data_sets import official_split, put, table_of, write_text

from har.importers.hmdb51 import source_of
from har.importers.importing import import_dataset


def make_hmdb51(source: Path, tiny: Path) -> None:
    """Two labels; `Both` is in train for one and in test for the other, code 0 is in neither."""
    for label, codes in (
        ("brush_hair", {"April_09": 1, "(Rad)Best!": 1, "Both": 1, "Test #1": 2, "Unused": 0}),
        ("wave", {"One": 1, "Two": 1, "Three": 1, "Both": 2, "Unused": 0}),
    ):
        lines = []
        for name, code in codes.items():
            video = f"{name}_{label}_u_nm_np1_ba_goo_0.avi"
            put(tiny, f"{label}/{video}", below=source)
            lines.append(f"{video} {code} \n")
        lists = "testTrainMulti_7030_splits"
        write_text(source, f"{lists}/{label}_test_split1.txt", "".join(lines))


def test_import_hmdb51_uses_the_official_split_and_names_shared_sources(tmp_path, source, tiny):
    make_hmdb51(source, tiny)
    summary = import_dataset("hmdb51", source, tmp_path / "hmdb")
    assert (summary.num_videos, summary.num_linked, summary.num_skipped) == (8, 8, 2)
    assert summary.licence.endswith("(CC BY 4.0)")
    assert len(summary.problems) == 1
    assert "1 sources are in more than one official split: 'Both'" in summary.problems[0]
    table = table_of(tmp_path / "hmdb")
    video = "brush_hair/Test #1_brush_hair_u_nm_np1_ba_goo_0"
    assert table["subject"][video] == "Test #1"
    assert table["split"][video] == "test"
    split = official_split(tmp_path / "hmdb")  # raises if a subject is in two splits
    assert split["wave/Both_wave_u_nm_np1_ba_goo_0"] == "test"
    assert (split == "test").sum() == 2


def test_import_hmdb51_names_unlisted_missing_and_repeated(tmp_path, source, tiny):
    make_hmdb51(source, tiny)
    lists = source / "testTrainMulti_7030_splits"
    (lists / "wave_test_split1.txt").rename(lists / "wave_split1.txt")
    (source / "brush_hair/Both_brush_hair_u_nm_np1_ba_goo_0.avi").unlink()
    summary = import_dataset("hmdb51", source, tmp_path / "hmdb")
    problems = "\n".join(summary.problems)
    assert "5 videos are in no list as <label>_test_split1.txt" in problems
    assert "Both_brush_hair_u_nm_np1_ba_goo_0.avi" in problems
    with pytest.raises(
        ValueError, match=r"has no list of split 2; expected files as .*split2\.txt"
    ):
        import_dataset("hmdb51", source, tmp_path / "hmdb2", split=2)


def test_import_hmdb51_refuses_an_unknown_code(tmp_path, source, tiny):
    make_hmdb51(source, tiny)
    write_text(source, "testTrainMulti_7030_splits/wave_test_split1.txt", "a_wave.avi 3\n")
    with pytest.raises(ValueError, match=r"line 1 is 'a_wave\.avi 3'; expected .* 0, 1 or 2"):
        import_dataset("hmdb51", source, tmp_path / "hmdb")


def test_source_of_takes_away_label_and_tags():
    name = "Brushing_Her_Hair__[_NEW_AUDIO_]_UPDATED!!!!_brush_hair_h_cm_np1_le_goo_1.avi"
    assert source_of(name, "brush_hair") == "Brushing_Her_Hair__[_NEW_AUDIO_]_UPDATED!!!!"
    assert source_of("odd name.avi", "wave") == "odd name"
