"""Public data sets in miniature: each in its own true layout, imported and read back."""

import inspect
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import REAL, ROOT
from video_files import corner_colours, corner_frames, write_at_times

from har.dataset.splits import choose_splits
from har.dataset.videos import find_videos
from har.importers import find_importer, importer_names
from har.importers.hmdb51 import source_of
from har.importers.importing import import_dataset
from har.video.converting import convert_video
from har.video.cutting import cut_video
from har.video.extracting import extract_clip
from har.video.parts import Cut, Span
from har.video.reading import decode_frames, open_video, probe_video
from har.video.writing import write_video

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}
NUM_FRAMES = 40

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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """An AVI of a few frames."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.avi"
    write_video(path, barcode_frames(4), fps=25, codec="mpeg4")
    return path


@pytest.fixture(scope="session")
def numbered(tmp_path_factory) -> Path:
    """An AVI whose frames can be told apart."""
    path = tmp_path_factory.mktemp("numbered") / "numbered.avi"
    write_video(path, barcode_frames(NUM_FRAMES), fps=25, codec="mpeg4")
    return path


@pytest.fixture
def source(tmp_path) -> Path:
    """The folder that a data set is downloaded to."""
    folder = tmp_path / "down loads"
    folder.mkdir()
    return folder


def put(video: Path, *names: str, below: Path) -> None:
    """Copy a video to each of the names."""
    for name in names:
        (below / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, below / name)


def write_text(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def barcode_frames(num_frames: int) -> list[np.ndarray]:
    """Frames that any codec leaves apart: eight black or white bars are the bits of the number."""
    bits = (np.arange(num_frames)[:, None] >> np.arange(8)) & 1
    rows = np.repeat(np.where(bits, 220, 30).astype(np.uint8), 8, axis=1)
    return [np.broadcast_to(row[None, :, None], (48, 64, 3)).copy() for row in rows]


def numbers_of(path: Path) -> list[int]:
    """Return which of the barcode frames a video shows."""
    with open_video(path) as (container, stream):
        frames = [frame.to_ndarray(format="gray") for frame in decode_frames(container, stream)]
    bits = np.array(frames)[:, 24, 4:64:8] > 125
    return (bits @ (1 << np.arange(8))).tolist()


def table_of(folder: Path) -> pd.DataFrame:
    table = find_videos(folder)
    assert (table["problem"] == "").all()
    return table.set_index("video_id")


def official_split(folder: Path) -> pd.Series:
    table = find_videos(folder)
    rng = np.random.default_rng(0)
    split, _ = choose_splits(table, fractions=FRACTIONS, folds=None, test_fold=None, rng=rng)
    return split.set_axis(table["video_id"])


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the size and time of all files."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


# The importers


def test_importer_names_are_those_of_the_files_with_a_plan_of_their_own():
    assert importer_names() == ["hmdb51", "kinetics", "kth", "ucf101", "weizmann"]


@pytest.mark.parametrize("name", importer_names())
def test_find_importer_returns_a_module_with_its_facts(name):
    importer = find_importer(name)
    assert importer.LICENCE
    assert importer.LAYOUT
    has_splits = "split" in inspect.signature(importer.plan).parameters
    assert has_splits == hasattr(importer, "NUM_SPLITS")


def test_importer_names_need_nothing_that_is_slow_to_import():
    program = (
        "import sys; from har.importers import importer_names; importer_names(); "
        "sys.exit(bool({'av', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


# KTH


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


# UCF101


def make_ucf101(source: Path, tiny: Path) -> None:
    """Two labels with six groups; groups 1 and 2 are tested on in split 1, 3 and 4 in split 2."""
    lists = {name: [] for name in ("trainlist01", "testlist01", "trainlist02", "testlist02")}
    for index, label in ((1, "Archery"), (2, "HandstandPushups")):
        video = label.replace("Handstand", "HandStand")
        for group in range(1, 7):
            name = f"v_{video}_g{group:02}_c01.avi"
            put(tiny, f"UCF-101/{label}/{name.replace('HandStand', 'Handstand')}", below=source)
            for split, tested in ((1, (1, 2)), (2, (3, 4))):
                is_test = group in tested
                number = "" if is_test else f" {index}"
                stem = f"{'testlist' if is_test else 'trainlist'}{split:02}"
                lists[stem].append(f"{label}/{name}{number}\r\n")
    for stem, lines in lists.items():
        write_text(source, f"ucfTrainTestlist/{stem}.txt", "".join(lines))


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


# HMDB51


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


# Weizmann


def test_import_weizmann_reads_folders_flat_files_and_zip(tmp_path, source, tiny):
    put(tiny, "wave1/daria_wave1.avi", "denis_bend.avi", below=source)
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        for name in ("lena_walk1.avi", "lena_walk2.avi", "__MACOSX/._lena_walk1.avi"):
            archive.write(tiny, name)
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    assert (summary.num_videos, summary.num_linked, summary.num_copied) == (4, 2, 2)
    assert summary.num_skipped == 87
    assert "87 of the 90 videos are missing: 'daria_bend.avi'" in summary.problems[0]
    table = table_of(tmp_path / "weizmann")
    assert table["subject"].to_dict() == {
        "bend/denis_bend": "denis",
        "walk/lena_walk1": "lena",
        "walk/lena_walk2": "lena",
        "wave1/daria_wave1": "daria",
    }
    assert set(table["split"]) == {""}
    assert (tmp_path / "weizmann/walk/lena_walk2.avi").read_bytes() == tiny.read_bytes()


def test_import_weizmann_refuses_a_zip_that_leads_elsewhere(tmp_path, source, tiny):
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        archive.write(tiny, "../../daria_walk.avi")
    with pytest.raises(ValueError, match=r"walk\.zip has the entry .* leads out of it"):
        import_dataset("weizmann", source, tmp_path / "weizmann")


def test_import_weizmann_refuses_a_broken_zip(tmp_path, source):
    (source / "walk.zip").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"walk\.zip is not a whole \.zip file"):
        import_dataset("weizmann", source, tmp_path / "weizmann")


def test_import_weizmann_names_a_damaged_member_and_unknown_files(tmp_path, source, tiny):
    put(tiny, "bend/daria_bend.avi", "bend/eva_bend.avi", below=source)
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        archive.write(tiny, "daria_walk.avi")
    content = bytearray((source / "walk.zip").read_bytes())
    content[200] ^= 255
    (source / "walk.zip").write_bytes(content)
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    problems = "\n".join(summary.problems)
    assert "eva_bend.avi" in problems
    assert "walk.zip:daria_walk.avi cannot be unpacked" in problems
    assert list(table_of(tmp_path / "weizmann").index) == ["bend/daria_bend"]


# Kinetics

KINETICS_HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"
HEAD = "massaging person's head"


def test_import_kinetics_links_clips_and_cuts_whole_videos(tmp_path, source, tiny, numbered):
    put(tiny, "train/abseiling/-3B32lodo2M_000059_000069.avi", below=source)
    put(tiny, "val/_dbcJuKJQNs_000040_000050.avi", "abc_000000_000010.avi", below=source)
    put(numbered, "wholes/x.y-z.avi", below=source)  # 25 frames per second
    write_text(
        source,
        "train.csv",
        f"{KINETICS_HEADER}abseiling,-3B32lodo2M,59,69,train,0\n{HEAD},x.y-z,0.4,1.2,train,0\n",
    )
    write_text(source, "validate.csv", f'{KINETICS_HEADER}"{HEAD}",_dbcJuKJQNs,40,50,validate,0\n')
    write_text(source, "lists/test.csv", f"{KINETICS_HEADER}tango (in a hall),abc,0,10,test,0\n")
    summary = import_dataset("kinetics", source, tmp_path / "k400", workers=1)
    assert (summary.num_videos, summary.num_linked, summary.num_cut) == (4, 3, 1)
    assert summary.problems == ()
    table = table_of(tmp_path / "k400")
    assert table[["label", "subject", "split"]].to_numpy().tolist() == [
        ["abseiling", "-3B32lodo2M", "train"],
        [HEAD, "_dbcJuKJQNs", "val"],
        [HEAD, "x.y-z", "train"],
        ["tango (in a hall)", "abc", "test"],
    ]
    assert numbers_of(tmp_path / f"k400/{HEAD}/x.y-z_000000_000001.mp4") == list(range(10, 30))


def test_import_kinetics_names_rows_that_cannot_be_used(tmp_path, source, tiny):
    rows = [
        "a,good,0,10,train,0",
        "a,good,0,10,train,0",
        "a,two,0,10,train,0",
        "b,two,0,10,train,0",
        "a,gone,0,10,train,0",
        "a,backwards,10,0,train,0",
        "a,shared,0,10,train,0",
        "a,shared,10,20,test,0",
    ]
    write_text(source, "train.csv", KINETICS_HEADER + "\n".join(rows))
    write_text(source, "test.csv", "youtube_id,time_start,time_end,split\nhidden,0,10,test\n")
    write_text(source, "notes.csv", "what,when\nx,y\n")
    put(tiny, "good_000000_000010.avi", "two_000000_000010.avi", below=source)
    put(tiny, "shared_000000_000010.avi", "shared_000010_000020.avi", below=source)
    summary = import_dataset("kinetics", source, tmp_path / "k400")
    problems = "\n".join(summary.problems)
    assert "1 rows repeat another and count once: 'a/good_000000_000010.avi'" in problems
    assert "1 clips have more than one label and are left out: 'two_000000_000010'" in problems
    assert "1 videos are in the lists but not below" in problems
    assert "'gone_000000_000010.mp4'" in problems
    assert "'backwards 10 to 0'" in problems
    assert "test.csv have no label: 'hidden'" in problems
    assert "notes.csv is not read: it has the columns what, when" in problems
    assert "1 sources are in more than one official split: 'shared'" in problems
    table = table_of(tmp_path / "k400")
    assert list(table["subject"]) == ["good", "shared_000000_000010", "shared_000010_000020"]
    assert summary.num_skipped == 4


def test_import_kinetics_prefers_the_replacement(tmp_path, source, tiny, numbered):
    put(tiny, "train/abc_000000_000010.avi", below=source)
    put(numbered, "replacement/replacement_for_corrupted_k400/abc_000000_000010.avi", below=source)
    write_text(source, "train.csv", f"{KINETICS_HEADER}a,abc,0,10,train,0\n")
    import_dataset("kinetics", source, tmp_path / "k400")
    assert probe_video(tmp_path / "k400/a/abc_000000_000010.avi").num_frames == NUM_FRAMES


def test_import_kinetics_says_when_a_whole_video_is_cut_already(tmp_path, source, numbered):
    put(numbered, "abc.avi", "def.avi", below=source)
    rows = "a,abc,59,69,train,0\na,def,0,1,train,0\n"
    write_text(source, "train.csv", KINETICS_HEADER + rows)
    summary = import_dataset("kinetics", source, tmp_path / "k400", workers=1)
    assert "abc_000059_000069.mp4 is left out: expected seconds 59 to 69" in summary.problems[0]
    assert "has only 1.6 seconds. If it is cut already" in summary.problems[0]
    assert list(table_of(tmp_path / "k400")["subject"]) == ["def"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"has no list of clips; expected a \.csv"),
        ("label,youtube_id,time_start\na,b,0\n", "has no column time_end, split"),
        (KINETICS_HEADER + "a,b,0,10,dev,0\n", "line 2 has the split 'dev'"),
        (KINETICS_HEADER + "a,b,zero,10,train,0\n", "line 2 has the times 'zero' and '10'"),
        (KINETICS_HEADER + "../a,b,0,10,train,0\n", r"line 2 has the name '\.\./a'"),
        (KINETICS_HEADER + "a,../../b,0,10,train,0\n", r"line 2 has the name '\.\./\.\./b'"),
        (KINETICS_HEADER + ",b,0,10,train,0\n", "line 2 has the name ''"),
        (KINETICS_HEADER + f"{'a' * 300},b,0,10,train,0\n", "a name of 300 bytes"),
    ],
)
def test_import_kinetics_refuses_a_wrong_list(tmp_path, source, tiny, text, message):
    put(tiny, "b_000000_000010.avi", below=source)
    if text is not None:
        write_text(source, "train.csv", text)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=message):
        import_dataset("kinetics", source, tmp_path / "k400")
    assert snapshot(tmp_path) == before


# What all have in common


def test_import_dataset_goes_on_where_it_stopped(tmp_path, source, tiny, numbered):
    put(numbered, "person11_boxing_d1_uncomp.avi", below=source)
    write_text(source, "00sequences.txt", "person11_boxing_d1 frames 1-10, 11-20\n")
    folder = tmp_path / "kth"
    import_dataset("kth", source, folder, workers=1)
    first, second = sorted((folder / "boxing").glob("*.mp4"))
    kept, wanted = first.stat(), second.read_bytes()
    second.unlink()
    (folder / "boxing/.123.partial.mp4").write_bytes(b"half a video")
    with pytest.raises(ValueError, match="names 1 videos that are not there"):
        find_videos(folder)  # as after an interrupt: the pipeline does not go on with a part
    summary = import_dataset("kth", source, folder, workers=1)
    assert (summary.num_videos, summary.num_reused, summary.num_cut) == (2, 1, 1)
    assert first.stat().st_mtime_ns == kept.st_mtime_ns
    assert second.read_bytes() == wanted
    assert not (folder / "boxing/.123.partial.mp4").exists()


def test_import_dataset_copies_where_links_are_impossible(tmp_path, source, tiny, monkeypatch):
    def refuse(*_, **__):
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", refuse)
    put(tiny, "bend/daria_bend.avi", below=source)
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    assert (summary.num_linked, summary.num_copied) == (0, 1)
    assert (tmp_path / "weizmann/bend/daria_bend.avi").read_bytes() == tiny.read_bytes()
    again = import_dataset("weizmann", source, tmp_path / "weizmann")
    assert (again.num_reused, again.num_copied) == (1, 0)


def test_import_dataset_follows_symbolic_links(tmp_path, source, tiny):
    (source / "daria_bend.avi").symlink_to(tiny)
    put(tiny, "lena_bend.avi", below=tmp_path / "elsewhere")
    (source / "more").symlink_to(tmp_path / "elsewhere")
    (source / "more" / "loop").symlink_to(source)
    import_dataset("weizmann", source, tmp_path / "weizmann")
    assert (tmp_path / "weizmann/bend/lena_bend.avi").is_file()
    made = tmp_path / "weizmann/bend/daria_bend.avi"
    assert not made.is_symlink()
    assert made.samefile(tiny)


def test_import_dataset_names_videos_that_are_not_its_own(tmp_path, source, tiny):
    put(tiny, "daria_bend.avi", below=source)
    import_dataset("weizmann", source, tmp_path / "weizmann")
    put(tiny, "bend/mine.avi", below=tmp_path / "weizmann")
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    assert "'bend/mine.avi'. Remove them" in summary.problems[-1]


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("down loads/inside", "are inside one another"),
        (".", "are inside one another"),
        ("down loads", "are inside one another"),
        ("full", "full is not empty"),
        ("file", "file is a file"),
    ],
)
def test_import_dataset_refuses_a_wrong_destination(tmp_path, source, tiny, destination, message):
    put(tiny, "daria_bend.avi", below=source)
    write_text(tmp_path, "full/mine.txt", "mine")
    write_text(tmp_path, "file", "mine")
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=message):
        import_dataset("weizmann", source, tmp_path / destination)
    assert snapshot(tmp_path) == before


def test_import_dataset_refuses_the_folder_of_another_import(tmp_path, source, tiny):
    make_ucf101(source, tiny)
    import_dataset("ucf101", source, tmp_path / "ucf", split=1)
    with pytest.raises(ValueError, match="has ucf101, split 1; expected ucf101, split 2"):
        import_dataset("ucf101", source, tmp_path / "ucf", split=2)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("imagenet", None, "no importer 'imagenet'; expected one of hmdb51, kinetics"),
        ("ucf101", 4, "split is 4; expected 1 to 3"),
        ("kth", 2, "kth has no splits to choose from"),
    ],
)
def test_import_dataset_refuses_wrong_names(tmp_path, source, name, split, message):
    with pytest.raises(ValueError, match=message):
        import_dataset(name, source, tmp_path / "out", split=split)


@pytest.mark.parametrize("name", importer_names())
def test_import_dataset_says_what_it_expects_when_the_folder_is_empty(tmp_path, source, name):
    with pytest.raises(ValueError, match=r"expected|Expected"):
        import_dataset(name, source, tmp_path / "out")
    with pytest.raises(ValueError, match="There is no folder"):
        import_dataset(name, source / "not there", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Cutting


@pytest.mark.parametrize(
    ("ending", "codec"),
    [(".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9"), (".avi", "mpeg4")],
)
def test_cut_video_is_exact_after_seeking(tmp_path, ending, codec):
    path = tmp_path / f"long{ending}"
    write_video(path, barcode_frames(80), fps=5, codec=codec, gop=7, crf=8)  # 16 seconds
    cuts = [
        Cut(tmp_path / "late.mp4", Span(12, 14, "seconds")),
        Cut(tmp_path / "later.mp4", Span(13.3, 14.3, "seconds")),
        Cut(tmp_path / "early.mp4", Span(2, 3, "seconds")),
    ]
    assert cut_video(path, cuts) == ["", "", ""]
    assert numbers_of(tmp_path / "late.mp4") == list(range(60, 70))
    assert numbers_of(tmp_path / "later.mp4") == [67, 68, 69, 70, 71]  # 13.4 to 14.2 seconds
    assert numbers_of(tmp_path / "early.mp4") == list(range(10, 15))
    alone = Cut(tmp_path / "alone.mp4", Span(12, 14, "seconds"))
    assert cut_video(path, [alone]) == [""]
    assert alone.destination.read_bytes() == (tmp_path / "late.mp4").read_bytes()


def test_cut_video_keeps_times_that_vary(tmp_path):
    times = [0, 100, 200, 250, 700, 800, 1500, 1600]
    path = write_at_times(tmp_path / "phone.mkv", barcode_frames(8), times)
    cut = Cut(tmp_path / "cut.mp4", Span(0.2, 1.5, "seconds"))
    assert cut_video(path, [cut]) == [""]
    assert numbers_of(cut.destination) == [2, 3, 4, 5]
    with open_video(cut.destination) as (container, stream):
        times = [frame.pts * stream.time_base for frame in decode_frames(container, stream)]
    np.testing.assert_allclose(np.array(times, float), [0, 0.05, 0.5, 0.6], atol=1e-6)


def test_cut_video_says_when_frames_are_lost(tmp_path):
    path = tmp_path / "damaged.mp4"
    write_video(path, barcode_frames(60), fps=25, gop=5)
    content = bytearray(path.read_bytes())
    start, stop = content.index(b"mdat"), content.index(b"moov")
    third = (stop - start) // 3
    content[start + third : start + 2 * third] = bytes(third)
    path.write_bytes(content)
    cuts = [Cut(tmp_path / f"{start}.mp4", Span(start, start + 5, "frames")) for start in (0, 10)]
    first, last = cut_video(path, cuts)
    assert first == ""
    assert "damaged.mp4 is damaged: only" in last
    assert "frames can be decoded" in last
    assert numbers_of(cuts[0].destination)[:3] == [0, 1, 2]


def test_cut_video_counts_from_the_start_when_times_are_missing(tmp_path):
    path = tmp_path / "raw.h264"  # a bare stream, in which a search would lose its place
    write_video(path, barcode_frames(280), fps=25, gop=7)
    assert probe_video(path).fps == 25
    cut = Cut(tmp_path / "cut.mp4", Span(10.2, 11.2, "seconds"))
    assert cut_video(path, [cut]) == [""]
    assert numbers_of(cut.destination) == [number % 256 for number in range(255, 280)]


def test_cut_video_makes_what_convert_only_copies(tmp_path, numbered):
    cut = Cut(tmp_path / "cut.mp4", Span(5, 15, "frames"))
    cut_video(numbered, [cut])
    _, is_encoded = convert_video(cut.destination, tmp_path / "converted.mp4", max_side=640)
    assert not is_encoded
    assert numbers_of(tmp_path / "converted.mp4") == list(range(5, 15))


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv420p10le", "yuv422p"])
def test_cut_video_keeps_colours(tmp_path, pixel_format):
    path = tmp_path / "colours.mp4"
    write_video(path, corner_frames(6), fps=25, pixel_format=pixel_format)
    cut = Cut(tmp_path / "cut.mp4", Span(1, 4, "frames"))
    assert cut_video(path, [cut]) == [""]
    before, _ = extract_clip(path, num_frames=1, size=48)
    after, _ = extract_clip(cut.destination, num_frames=1, size=48)
    np.testing.assert_allclose(corner_colours(after[0]), corner_colours(before[0]), atol=3)


def test_cut_video_stays_upright_and_keeps_odd_sizes(tmp_path):
    lying = tmp_path / "lying.mp4"
    write_video(lying, [np.rot90(frame) for frame in corner_frames(6)], fps=25, rotation=90)
    odd = tmp_path / "odd.avi"
    frames = corner_frames(6, width=63, height=47)
    write_video(odd, frames, fps=25, codec="libx264", pixel_format="yuv444p")
    for path, size in ((lying, (64, 48)), (odd, (63, 47))):
        cut = Cut(path.with_suffix(".cut.mp4"), Span(1, 4, "frames"))
        assert cut_video(path, [cut]) == [""]
        info = probe_video(cut.destination)
        assert (info.width, info.height, info.num_frames) == (*size, 3)
        clip, _ = extract_clip(cut.destination, num_frames=1, size=48)
        np.testing.assert_allclose(
            corner_colours(clip[0]), corner_colours(corner_frames(1)[0]), atol=12
        )


# The true files, where they are


def test_import_weizmann_reads_the_true_files(tmp_path):
    if not (REAL / "weizmann").is_dir():
        pytest.skip("the true videos are not here")
    summary = import_dataset("weizmann", REAL / "weizmann", tmp_path / "weizmann")
    table = table_of(tmp_path / "weizmann")
    assert (summary.num_videos, summary.num_skipped) == (60, 30)
    assert table.groupby("label").size().to_dict() == dict.fromkeys(sorted(set(table["label"])), 6)
    assert set(table["subject"]) == {"daria", "denis", "eli", "ido", "ira", "lena"}


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
