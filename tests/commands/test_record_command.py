"""`har record`: clips filmed by a fake camera, kept or thrown away, never overwritten."""

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from fake_camera import fake_camera

import har.timeline.filming
import har.timeline.screen
from har.dataset.adding import add_video, next_video
from har.dataset.videos import find_videos
from har.video.reading import probe_video

FAST = ["--seconds", "0.6", "--countdown", "0.2"]


@pytest.fixture
def camera():
    with fake_camera(grey=90, num_pictures=500) as address:
        yield address


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class PressedKeys:
    """A screen before which somebody presses keys once a clip is shown again."""

    def __init__(self, title: str):
        self.key, self.title = "", title

    def show(self, picture: np.ndarray) -> bool:
        return True

    def close(self) -> None:
        pass


@pytest.fixture
def press(monkeypatch):
    """A screen on which these keys are pressed, one for each clip that is shown again."""

    def prepare(*keys: str) -> None:
        left = list(keys)
        monkeypatch.setattr(har.timeline.screen, "Screen", PressedKeys)
        answers = {"\r": "keep", "x": "drop", "q": "end"}
        monkeypatch.setattr(
            har.timeline.filming, "look_again", lambda filmed, show: answers[left.pop(0)]
        )

    return prepare


def test_record_films_clips_that_can_be_trained_on(project, camera, capsys):
    code, out, err = run(
        "record", "--label", "waving", "--subject", "anna", "--count", "2", "--headless",
        "--camera", camera, *FAST, "--json", capsys=capsys,
    )  # fmt: skip
    assert code == 0, err
    folder = Path("data/videos")  # dataset.videos is the drawn demo
    assert "record: kept as data/videos/waving/anna_01.mp4" in err
    assert "2 of 2 clips of waving by anna in data/videos" in err
    paths = ["waving/anna_01.mp4", "waving/anna_02.mp4"]
    about = {"folder": "data/videos", "label": "waving", "subject": "anna"}
    assert json.loads(out) == about | {"kept": [f"data/videos/{path}" for path in paths]}
    assert rows_of(folder) == [{"path": path, "subject": "anna"} for path in paths]
    found = find_videos(folder)
    assert found["subject"].tolist() == ["anna", "anna"]
    info = probe_video(folder / paths[0])
    assert 0.5 < info.duration_seconds < 1.2
    assert (info.width, info.height) == (64, 48)
    assert not list(folder.glob(".*"))


def test_record_keeps_what_is_kept_and_ends_with_q(project, camera, press, capsys):
    press("x", "\r", "q")
    code, out, _ = run(
        "record", "--label", "waving", "--subject", "anna", "--videos", "mine",
        "--camera", camera, *FAST, capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert [path.name for path in Path("mine/waving").iterdir()] == ["anna_01.mp4"]
    assert "1 of 10 clips of waving by anna in mine" in out
    assert len(rows_of(Path("mine"))) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "a/b", "--subject", "anna"], "--label is 'a/b'; expected a name without a"),
        (["--label", "waving", "--subject", ".x"], "--subject is '.x'; expected a name without"),
    ],
)
def test_record_refuses_names_that_are_no_folder(project, options, message, capsys):
    code, _, err = run("record", *options, "--headless", capsys=capsys)
    assert code == 1
    assert message in err


def test_record_says_that_there_is_no_camera(project, capsys):
    code, _, err = run(
        "record", "--label", "a", "--subject", "b", "--camera", "97", "--headless", capsys=capsys
    )
    assert code == 1
    assert "There is no camera 97" in err


def test_record_says_that_the_camera_was_lost_and_keeps_what_is_kept(project, capsys):
    with fake_camera(grey=90, num_pictures=45) as address:
        code, _, err = run(
            "record", "--label", "a", "--subject", "b", "--camera", address, "--headless",
            *FAST, capsys=capsys,
        )  # fmt: skip
    assert code == 1
    assert "was lost" in err
    assert Path("data/videos/a/b_01.mp4").is_file()
    assert not Path("data/videos/.recording.mp4").exists()


def test_names_go_on_where_they_ended(tmp_path):
    (tmp_path / "waving").mkdir()
    for name in ("anna_09.mp4", "Anna_11.MOV", "bob_40.mp4", "anna_x.mp4"):
        (tmp_path / "waving" / name).touch()
    assert next_video(tmp_path, "waving", "anna").name == "anna_12.mp4"
    assert next_video(tmp_path, "waving", "a.b").name == "a.b_01.mp4"


def test_a_label_goes_to_its_folder_however_that_is_spelled(tmp_path):
    folder = tmp_path / unicodedata.normalize("NFD", "größe")
    folder.mkdir()
    recorded = tmp_path / ".new.mp4"
    recorded.touch()
    path = add_video(recorded, tmp_path, "größe", "anna")
    assert path == folder / "anna_01.mp4"
    assert find_videos(tmp_path)[["label", "subject"]].to_numpy().tolist() == [["größe", "anna"]]


def test_record_says_that_a_label_has_nearly_the_same_name(project, camera, press, capsys):
    Path("mine/waving").mkdir(parents=True)
    press("q")
    _, out, _ = run(
        "record", "--label", "Waving", "--subject", "anna", "--videos", "mine",
        "--camera", camera, *FAST, capsys=capsys,
    )  # fmt: skip
    assert "note: there is a label 'waving', which is nearly 'Waving'" in out


def test_other_columns_of_the_table_stay(tmp_path):
    (tmp_path / "metadata.csv").write_text("path,split,subject\nold/a.mp4,train,bob")
    recorded = tmp_path / ".new.mp4"
    recorded.write_bytes(b"video")
    path = add_video(recorded, tmp_path, "sitting", "anna")
    assert path.read_bytes() == b"video"
    assert (tmp_path / "metadata.csv").read_text() == (
        "path,split,subject\nold/a.mp4,train,bob\nsitting/anna_01.mp4,,anna\n"
    )


def test_a_table_without_subjects_is_named(tmp_path):
    (tmp_path / "metadata.csv").write_text("path,split\n")
    recorded = tmp_path / ".new.mp4"
    recorded.touch()
    with pytest.raises(ValueError, match=r"columns path, split; expected path and subject"):
        add_video(recorded, tmp_path, "sitting", "anna")


def test_a_second_look_goes_on_until_a_key_is_pressed():
    pictures = [np.zeros((48, 64, 3), np.uint8)] * 2
    filmed = har.timeline.filming.Filmed(Path("a.mp4"), pictures, 1.0, is_ended=False)
    for key, said in (("k", "keep"), ("x", "drop"), ("q", "end"), ("\r", "keep")):
        pressed = iter(["", "", "", key])
        assert har.timeline.filming.look_again(filmed, lambda _, keys=pressed: next(keys)) == said


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "utf-8"])
def test_a_table_of_a_spreadsheet_stays_one(tmp_path, encoding):
    (tmp_path / "alt").mkdir()
    (tmp_path / "alt" / "ä.mp4").touch()
    table = tmp_path / "Metadata.csv"
    table.write_bytes("sep=;\r\nDatei;Person;Video\r\n;Zoë;alt/ä.mp4\r\n".encode(encoding))
    recorded = tmp_path / ".new.mp4"
    recorded.touch()
    add_video(recorded, tmp_path, "sitting", "anna; b")
    written = table.read_bytes().decode("utf-8" if encoding == "utf-8" else "utf-8-sig")
    assert written.endswith(';Zoë;alt/ä.mp4\r\n;"anna; b";"sitting/anna; b_01.mp4"\n')
    assert table.read_bytes().startswith(b"\xef\xbb\xbf") == (encoding != "utf-8")
    assert find_videos(tmp_path)["subject"].tolist() == ["Zoë", "anna; b"]


def test_a_folder_of_the_name_of_the_table_is_named(tmp_path):
    (tmp_path / "metadata.csv").mkdir()
    recorded = tmp_path / ".new.mp4"
    recorded.touch()
    with pytest.raises(ValueError, match=r"metadata\.csv is a folder; expected the table"):
        add_video(recorded, tmp_path, "sitting", "anna")
