"""The folder of videos: labels, files that are none, and metadata.csv."""

import os
import sys
import unicodedata

import pytest

from har.dataset.subjects import subject_from_name
from har.dataset.videos import BROKEN_LINK, COLUMNS, NOT_UTF8, find_videos, survey_videos


@pytest.fixture
def make_videos(tmp_path):
    """Make a folder with empty files of the given names."""

    def make(*names: str, metadata: str | bytes | None = None):
        folder = tmp_path / "videos"
        folder.mkdir()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        if metadata is not None:
            content = metadata if isinstance(metadata, bytes) else metadata.encode()
            (folder / "metadata.csv").write_bytes(content)
        return folder

    return make


def test_find_videos_takes_label_from_first_folder(make_videos):
    folder = make_videos("waving/a.mov", "walking/park/b.MP4", "walking/c.avi")
    table = find_videos(folder)
    assert table.columns.tolist() == list(COLUMNS)
    assert table[["video_id", "label", "problem"]].to_numpy().tolist() == [
        ["walking/c", "walking", ""],
        ["walking/park/b", "walking", ""],
        ["waving/a", "waving", ""],
    ]
    assert table["path"].tolist()[2] == f"{folder.as_posix()}/waving/a.mov"
    assert (table[["subject", "split", "fold"]] == "").all(axis=None)


def test_find_videos_leaves_out_hidden_files(make_videos):
    folder = make_videos("a/1.mov", "a/.DS_Store", ".dvc/tmp/2.mov", "a/.cache/3.mov", ".gitignore")
    assert find_videos(folder)["video_id"].tolist() == ["a/1"]


def test_find_videos_marks_files_that_are_no_videos(make_videos):
    table = find_videos(make_videos("a/1.mov", "a/notes.txt", "a/README"))
    problems = table.set_index("video_id")["problem"]
    assert problems["a/1"] == ""
    assert problems["a/notes"] == "not a video by its ending '.txt'"
    assert problems["a/README"] == "not a video by its ending ''"


def test_find_videos_marks_files_beside_the_label_folders(make_videos):
    table = find_videos(make_videos("a/1.mov", "stray.mov"))
    stray = table.set_index("video_id").loc["stray"]
    assert stray["problem"].startswith("not in a label folder: move it into one")
    assert stray["label"] == ""


def test_find_videos_marks_the_later_of_two_endings(make_videos):
    folder = make_videos("a/1.mp4", "a/1.mov", "a/1.txt")
    problems = find_videos(folder).set_index("path")["problem"]
    assert problems[f"{folder}/a/1.mov"] == ""
    assert problems[f"{folder}/a/1.mp4"] == (
        f"same name as {folder}/a/1.mov but for the ending: rename one"
    )
    assert problems[f"{folder}/a/1.txt"] == "not a video by its ending '.txt'"


def test_find_videos_keeps_names_with_dots_apart(make_videos):
    table = find_videos(make_videos("a/take.1.mov", "a/take.2.mov"))
    assert table["video_id"].tolist() == ["a/take.1", "a/take.2"]
    assert (table["problem"] == "").all()


def test_find_videos_takes_unusual_names(make_videos):
    names = ["Übung 1/日本 'a'.mov", 'walking, "fast"/b & c.mov', "None/NA.mov"]
    metadata = 'path,subject\nNone/NA.mov,NA\n"walking, ""fast""/b & c.mov",José\n'
    table = find_videos(make_videos(*names, metadata=metadata)).set_index("video_id")
    assert table["label"].tolist() == ["None", 'walking, "fast"', "Übung 1"]
    assert table["subject"].tolist() == ["NA", "José", ""]
    assert (table["problem"] == "").all()


def test_find_videos_follows_links_to_files_and_names_all_others(make_videos, tmp_path):
    folder = make_videos("a/1.mov")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.mov").touch()
    for name, target in {
        "a/link.mov": "../../elsewhere/b.mov",
        "a/broken.mov": "nowhere",
        "a/loop.mov": "loop.mov",
        "a/up": "..",
        "b": "../elsewhere",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "a/pipe.mov")
    table = find_videos(folder).set_index("video_id")
    problems = table["problem"].to_dict()
    linked_folder = "a link to a folder, which DVC does not follow: put the folder itself here"
    assert problems == {
        "a/1": "",
        "a/broken": BROKEN_LINK,
        "a/link": "",
        "a/loop": BROKEN_LINK,
        "a/pipe": "not a file but a pipe, a socket or a device: remove it",
        "a/up": linked_folder,
        "b": linked_folder,
    }
    assert table.loc["b", "label"] == "b"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names")
def test_find_videos_marks_names_that_cannot_be_written_down(make_videos):
    folder = make_videos("a/1.mov", "a/" + "n" * 252 + ".ts")
    open(os.fsencode(folder) + b"/a/\xff.mov", "w").close()
    table = find_videos(folder).set_index("video_id")
    assert table.loc["a/\\xff", "problem"] == NOT_UTF8
    assert table.loc["a/" + "n" * 252, "problem"].startswith("a name too long: shorten it to 251")
    table.to_csv().encode()


def test_find_videos_marks_names_that_act_on_a_terminal(make_videos):
    folder = make_videos("a/1.mov", "a/\x1b[2J.mov", "b\x07/2.mov")
    table = find_videos(folder).set_index("video_id")
    assert table.loc["a/\\u001b[2J", "problem"] == "a name with control characters: rename it"
    assert table.loc["b\\u0007/2", "label"] == "b\\u0007"


def test_find_videos_says_which_folder_cannot_be_read(make_videos, monkeypatch):
    folder = make_videos("a/1.mov", "b/2.mov")
    scan = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("b"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"b cannot be read \(Permission denied\)\. Allow it"):
        find_videos(folder)


def test_find_videos_joins_metadata_whose_accents_are_written_apart(make_videos):
    name = unicodedata.normalize("NFD", "a/größe.mov")
    metadata = unicodedata.normalize("NFC", "path,subject\na/größe.mov,ann\n")
    assert find_videos(make_videos(name, metadata=metadata))["subject"].tolist() == ["ann"]


def test_find_videos_gives_labels_and_people_in_one_spelling(make_videos):
    apart = unicodedata.normalize("NFD", "größe")
    names = ["größe/1.mov", f"{apart}/2.mov", "größe /3.mov", "\u200egröße/4.mov"]
    people = ["Zoë", unicodedata.normalize("NFD", "Zoë"), "Zoë\u00a0", "\ufeffZoë"]
    rows = [f"{name},{person}" for name, person in zip(names, people, strict=True)]
    table = find_videos(make_videos(*names, metadata="\n".join(["path,subject", *rows])))
    assert table["label"].tolist() == ["größe"] * 4
    assert table["subject"].tolist() == ["Zoë"] * 4
    assert len(set(table["video_id"])) == 4


def test_find_videos_refuses_missing_folder(tmp_path):
    with pytest.raises(ValueError, match=r"There is no folder .*nowhere.*`dataset\.videos`"):
        find_videos(tmp_path / "nowhere")


@pytest.mark.parametrize("names", [(), ("stray.mov",), ("a/notes.txt",), ("metadata.csv",)])
def test_find_videos_refuses_folder_without_videos(make_videos, names):
    with pytest.raises(ValueError, match=r"has no videos in label folders.*walking/clip1\.mov"):
        find_videos(make_videos(*names))


def test_find_videos_joins_metadata(make_videos):
    metadata = "path,subject,split,fold,camera\na/1.mov,ann,train,1,left\nb/2.mov,ben,test,2,\n"
    table = find_videos(make_videos("a/1.mov", "b/2.mov", "b/3.mov", metadata=metadata))
    assert table.columns.tolist() == list(COLUMNS)
    assert table[["subject", "split", "fold"]].to_numpy().tolist() == [
        ["ann", "train", "1"],
        ["ben", "test", "2"],
        ["", "", ""],
    ]


def test_find_videos_reads_metadata_as_spreadsheets_write_it(make_videos):
    metadata = "\ufeffpath, subject ,fold\r\n a/1.mov , ann ,01\r\n".encode()
    table = find_videos(make_videos("a/1.mov", metadata=metadata))
    assert table[["subject", "fold"]].to_numpy().tolist() == [["ann", "01"]]


TABLE = "path,subject\na/1.mov,Zoë\nb/2.mov,ben\n"


@pytest.mark.parametrize(
    "metadata",
    [
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "|"),
        "sep=;\r\n" + TABLE.replace(",", ";").replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.replace("\n", ",,\n"),
        "\n,\n" + TABLE.replace("\n", "\n\n,,,\n"),
        TABLE.replace("path,subject", "path,subject,"),
        TABLE.replace("path,subject", '"Path","SUBJECT"'),
        TABLE.replace("path,subject", "Video File,Person"),
        TABLE.replace("path,subject", "file_name,participant [id]"),
        TABLE.replace("path,subject", "path,subject,video"),
        TABLE.replace("/", "\\"),
        TABLE.replace("a/", "C:\\Users\\ann\\videos\\a\\").replace("b/", "/home/ben/videos/b/"),
        TABLE.replace("a/", "./a/").replace("b/2.mov", "2.mov"),
        TABLE.replace("a/1.mov", "A/1.MOV"),
        TABLE.replace("Zoë", "\u200eZoë\u00a0"),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.encode("utf-16-le"),
        TABLE.replace(",", "\t").encode("utf-16-be"),
        TABLE.encode("cp1252"),
    ],
)
def test_find_videos_reads_metadata_as_people_have_it(make_videos, metadata):
    table = find_videos(make_videos("a/1.mov", "b/2.mov", metadata=metadata))
    assert table["subject"].tolist() == ["Zoë", "ben"]


def test_find_videos_reads_metadata_whatever_the_case_of_its_name(make_videos):
    folder = make_videos("a/1.mov", metadata="path,subject\na/1.mov,ann\n")
    (folder / "metadata.csv").rename(folder / "Metadata.CSV")
    assert find_videos(folder)[["path", "subject"]].to_numpy().tolist() == [
        [f"{folder}/a/1.mov", "ann"]
    ]


def test_find_videos_tells_files_apart_that_a_table_names_exactly(make_videos):
    names = ["a/x.mov", "A/X.mov", "a/y\\z.mov", "a/y/z.mov"]
    rows = [f"{name},p{place}" for place, name in enumerate(names)]
    folder = make_videos(*names, metadata="\n".join(["path,subject", *rows]))
    subjects = find_videos(folder).set_index("path")["subject"]
    assert [subjects[f"{folder}/{name}"] for name in names] == ["p0", "p1", "p2", "p3"]


def test_find_videos_does_not_guess_between_two_files(make_videos):
    folder = make_videos("a/1.mov", "b/1.mov", metadata="path,subject\n1.mov,ann\n")
    with pytest.raises(ValueError, match=r"names 1 videos that are not there, as '1\.mov'"):
        find_videos(folder)


def test_survey_videos_notes_columns_that_are_not_used(make_videos):
    metadata = "path,who,subject,split,origin,licence\na/1.mov,x,ann,Training,o,l\n"
    survey = survey_videos(make_videos("a/1.mov", metadata=metadata))
    assert survey.videos[["subject", "split"]].to_numpy().tolist() == [["ann", "train"]]
    (note,) = survey.notes
    assert "has columns that are not used: who. Known are path, subject, split, fold" in note


def test_survey_videos_notes_a_table_in_the_letters_of_windows(make_videos):
    metadata = "path,subject\na/1.mov,José\n".encode("cp1252")
    survey = survey_videos(make_videos("a/1.mov", metadata=metadata))
    assert survey.videos["subject"].tolist() == ["José"]
    assert "read as Windows-1252. Save it as UTF-8." in survey.notes[0]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("clip,subject\na/1.mov,ann\n", "has the columns clip, subject; expected at least `path`"),
        ("path,subject\na/9.mov,ann\n", r"names 1 videos that are not there, as 'a/9\.mov'"),
        ("path\na/1.mov\na/1.mov\n", r"more than one row for 'a/1\.mov': lines 2 and 3\. Keep one"),
        (
            "path\na/1.mov\n a/1.mov\n",
            r"more than one row for 'a/1\.mov': lines 2 and 3\. Keep one",
        ),
        ("", r"metadata\.csv is empty; expected at least `path`"),
        (",,\n\n", r"metadata\.csv is empty; expected at least `path`"),
        ("path\na/1.mov,x\n", r"line 2, has 2 cells, and the heading has 1 \(path\): 'a/1\.mov,x'"),
        (
            "path,subject\na, b/1.mov,ann\n",
            "line 2, has 3 cells.*has a comma in it in double quotes",
        ),
        (
            "path,subject, subject\na/1.mov,ann,b\n",
            "two columns for the subject, 'subject' and 'sub",
        ),
        ("path,person,actor\na/1.mov,ann,b\n", "two columns for the subject, 'person' and 'actor'"),
        ("path,subject\n\n,ann\n", r"line 3, has no path; expected one, as walking/clip1\.mov"),
        ('path,subject\n"a/1.mov,ann\n', "line 2, cannot be read .*correct the double quotes"),
        ("path,subject\na/11.mov,ann\n", r"'a/11\.mov' in line 2 \(is it 'a/1\.mov'\?\)"),
        (b"PK\x03\x04\x00\x00path,subject", "is not text. Expected a table with a heading"),
        (b"path\na/\x81.mov", "is not text. Expected a table with a heading"),
    ],
)
def test_find_videos_refuses_wrong_metadata(make_videos, metadata, message):
    with pytest.raises(ValueError, match=message):
        find_videos(make_videos("a/1.mov", metadata=metadata))


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        (r"^([a-z]+)_", "ann"),
        (r"^(?P<take>x)?(?P<subject>[a-z]+)_", "ann"),
        (r"p\d+", "p07"),
        (r"_(p\d+)_(\d)", "p07"),
    ],
)
def test_subject_from_name_takes_named_group_first_group_or_match(pattern, subject):
    assert subject_from_name("ann_p07_2.mov", pattern) == subject


def test_subject_from_name_gives_one_spelling():
    apart = unicodedata.normalize("NFD", "Zoë _1.mov")
    assert subject_from_name(apart, r"^([^_]+)_") == "Zoë"
    assert subject_from_name(apart, unicodedata.normalize("NFD", r"^(zoë|Zoë) ")) == "Zoë"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^(\d+)_", r"'\^\(\\\\d\+\)_' does not match the file name 'ann_1\.mov'.*metadata\.csv"),
        (r"^([a-z]+_", "cannot be used: missing"),
        (r"^(\d*)", r"finds an empty subject in 'ann_1\.mov'"),
        (r"^(?:ann|(ben))_", r"finds an empty subject in 'ann_1\.mov'"),
    ],
)
def test_subject_from_name_refuses_pattern(pattern, message):
    with pytest.raises(ValueError, match=message):
        subject_from_name("ann_1.mov", pattern)
