"""KTH in miniature: its true layout, imported and read back."""

import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from places import REAL
from small_data_sets import numbers_of, official_split, put, snapshot, table_of, write_text

from har.importers.importing import import_dataset
from har.video.extracting import extract_clip
from har.video.reading import probe_video

KTH_HEADER = """
This database contains sequences of six classes of actions performed by
25 subjects in four different conditions (see below).

Training:   person11, 12, 13, 14, 15, 16, 17, 18
Validation: person19, 20, 21, 23, 24, 25, 01, 04
Test:       person22, 02, 03, 05, 06, 07, 08, 09, 10

"""
# From the true list: out of order, overlapping by one, not existing, and padded with blanks.
KTH_SEQUENCES = """
person11_boxing_d4    \t\tframes\t1-10, 11-20, 31-40
person13_handclapping_d3\t*missing*
person19_boxing_d1\t\tframes\t1-10, 31-40, 11-20, 21-30
person22_boxing_d1\t\tframes\t1-10, 10-20
"""


def test_import_kth_cuts_by_the_official_frames_and_splits_by_person(tmp_path, source, numbered):
    names = [f"person{number}_boxing_d{scene}" for number, scene in ((11, 4), (19, 1), (22, 1))]
    put(numbered, *(f"boxing/{name}_uncomp.avi" for name in names), below=source)
    write_text(source, "00sequences.txt", KTH_HEADER + KTH_SEQUENCES)
    before = snapshot(source)

    summary = import_dataset("kth", source, tmp_path / "kth", workers=1)

    assert (summary.num_videos, summary.num_cut, summary.problems) == (9, 9, ())
    boxing = tmp_path / "kth" / "boxing"
    assert numbers_of(boxing / "person11_boxing_d4_seg3.mp4") == list(range(30, 40))
    assert numbers_of(boxing / "person19_boxing_d1_seg2.mp4") == list(range(30, 40))
    assert numbers_of(boxing / "person19_boxing_d1_seg3.mp4") == list(range(10, 20))
    assert numbers_of(boxing / "person22_boxing_d1_seg2.mp4") == list(range(9, 20))
    table = table_of(tmp_path / "kth")
    assert set(table["label"]) == {"boxing"}
    assert table["subject"]["boxing/person22_boxing_d1_seg1"] == "person22"
    split = official_split(tmp_path / "kth")
    assert split["boxing/person11_boxing_d4_seg1"] == "train"
    assert split["boxing/person19_boxing_d1_seg4"] == "val"
    assert split["boxing/person22_boxing_d1_seg2"] == "test"
    assert snapshot(source) == before
    assert not list((tmp_path / "kth").glob("*/.*"))


def test_import_kth_reads_zip_files(tmp_path, source, numbered):
    with zipfile.ZipFile(source / "boxing.zip", "w") as archive:
        archive.write(numbered, "person11_boxing_d4_uncomp.avi")
    write_text(source, "00sequences.txt", "person11_boxing_d4 frames 1-10, 31-40, 41-50\n")
    summary = import_dataset("kth", source, tmp_path / "kth", workers=1)
    assert "but person11_boxing_d4_uncomp.avi has only 40 frames" in summary.problems[0]
    assert numbers_of(tmp_path / "kth/boxing/person11_boxing_d4_seg2.mp4") == list(range(30, 40))
    metadata = pd.read_csv(tmp_path / "kth/metadata.csv")
    expected = "boxing.zip:person11_boxing_d4_uncomp.avi frames 1 to 10"
    assert metadata["origin"][0] == expected
    assert metadata["licence"].str.contains("KTH actions").all()
    assert not (tmp_path / "kth" / ".import").exists()


def test_import_kth_names_what_is_missing_broken_short_or_unknown(tmp_path, source, numbered):
    put(numbered, "person11_boxing_d1.avi", "Person_11.avi", below=source)
    (source / "person11_boxing_d2_uncomp.avi").write_bytes(b"no video")
    write_text(
        source,
        "00sequences.txt",
        "person11_boxing_d1 frames 1-10, 35-45, 50-60\n"
        "person11_boxing_d2 frames 1-10\n"
        "person11_boxing_d3 frames 1-10, 11-20\n",
    )
    summary = import_dataset("kth", source, tmp_path / "kth", workers=1)
    assert list(table_of(tmp_path / "kth").index) == [
        "boxing/person11_boxing_d1_seg1",
        "boxing/person11_boxing_d1_seg2",
    ]
    assert numbers_of(tmp_path / "kth/boxing/person11_boxing_d1_seg2.mp4") == list(range(34, 40))
    problems = "\n".join(summary.problems)
    assert "2 sequences are left out" in problems
    assert "'boxing/person11_boxing_d3_seg1.mp4'" in problems
    assert "Person_11.avi" in problems
    assert "person11_boxing_d1_seg2.mp4 is cut short: expected frames 35 to 45" in problems
    assert "has only 40 frames" in problems
    assert "person11_boxing_d1_seg3.mp4 is left out: expected frames 50 to 60" in problems
    assert "person11_boxing_d2_uncomp.avi is not a video" in problems
    assert (summary.num_videos, summary.num_skipped) == (2, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no 00sequences.txt; expected one"),
        ("person11_boxing_d1 frames 95-1\n", "line 1 has the frame range '95-1'"),
        ("person11_boxing_d1 frames 1:95\n", "line 1 has the frame range '1:95'"),
        ("person99_boxing_d1 frames 1-95\n", "line 1 is 'person99_boxing_d1 frames 1-95'"),
        ("nothing\n", "has no line as"),
        ("person11_boxing_d1 frames 1-9\n" * 2, "line 2 repeats person11_boxing_d1"),
    ],
)
def test_import_kth_refuses_a_wrong_list(tmp_path, source, tiny, text, message):
    put(tiny, "person11_boxing_d1_uncomp.avi", below=source)
    if text is not None:
        write_text(source, "00sequences.txt", text)
    with pytest.raises(ValueError, match=message):
        import_dataset("kth", source, tmp_path / "kth")
    assert not (tmp_path / "kth").exists()


def test_import_kth_cuts_the_true_files(tmp_path, source):
    if not (REAL / "kth_originals").is_dir():
        pytest.skip("the true videos are not here")
    for file in (REAL / "kth_originals" / "walking").iterdir():
        shutil.copyfile(file, source / file.name)
    write_text(
        source,
        "00sequences.txt",
        "person01_walking_d4\t\tframes\t1-115, 155-260, 280-385, 440-565\n"
        "person02_walking_d3\t\tframes\t1-86, 172-258, 280-372, 458-542\n"
        "person06_walking_d1\t\tframes\t1-72, 126-192, 240-308, 350-420\n"
        "person07_walking_d3\t\tframes\t1-88, 112-194, 298-386, 414-495\n",
    )
    summary = import_dataset("kth", source, tmp_path / "kth")
    assert (summary.num_videos, summary.problems) == (16, ())
    counts = [probe_video(path).num_frames for path in sorted((tmp_path / "kth").rglob("*.mp4"))]
    assert counts == [115, 106, 106, 126, 86, 87, 93, 85, 72, 67, 69, 71, 88, 83, 89, 82]
    made, _ = extract_clip(
        tmp_path / "kth/walking/person01_walking_d4_seg2.mp4", num_frames=106, size=64
    )
    whole, _ = extract_clip(source / "person01_walking_d4.avi", num_frames=565, size=64)
    difference = np.abs(made.astype(int) - whole[154:260]).mean(axis=(1, 2, 3))
    assert difference.max() < 2
    splits = table_of(tmp_path / "kth").groupby("subject")["split"].first()
    assert splits.to_dict() == {
        "person01": "val", "person02": "test", "person06": "test", "person07": "test"
    }  # fmt: skip
