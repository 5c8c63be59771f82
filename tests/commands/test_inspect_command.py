"""`har inspect`: its tables, page, JSON and exit codes."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from command_line import run, run_process
from video_files import write_numbered

import har.inspection.inspection


@pytest.fixture
def videos(project, set_param) -> Path:
    """Two labels of three people each, in the current folder."""
    set_param("dataset.subject_pattern", r"^(p\d)")
    for number in range(6):
        write_numbered(Path(f"my videos/{'ab'[number % 2]}/p{number // 2}.mp4"), 30 + number)
    return Path("my videos")


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_inspect_prints_tables_and_writes_the_page_here(videos, capsys):
    code, out, _ = run("inspect", "my videos", capsys=capsys)
    assert code == 0
    assert out.startswith("my videos: 6 usable videos of 6 files, 2 labels, 3 people")
    assert "can be trained on.\nLook at them in inspect-my videos.html\n" in out
    assert out.splitlines()[-1].startswith("Next: dvc add --no-relink 'my videos';")
    assert Path("inspect-my videos.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_inspect_prints_nothing_but_json_when_asked(videos, capsys):
    code, out, _ = run("inspect", "my videos", "--json", "--html", "out/a.html", capsys=capsys)
    assert code == 0
    content = json.loads(out)
    assert content["can_train"] is True
    assert content["page"] == "out/a.html"
    assert Path("out/a.html").is_file()


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_inspect_ends_with_1_and_the_reason_when_videos_cannot_be_trained_on(videos, capsys):
    shutil.copy(videos / "a" / "p0.mp4", videos / "b" / "again.mp4")
    code, out, _ = run("inspect", "my videos", "--subject-pattern", "^(..)", capsys=capsys)
    assert code == 1
    assert "error: 1 video with two labels" in out
    assert "my videos/a/p0.mp4 = my videos/b/again.mp4" in out


def test_inspect_prints_a_mistake_without_traceback(project):
    (project / "empty").mkdir()
    result = run_process("-m", "har", "inspect", "empty", folder=project)
    assert result.returncode == 1
    assert result.stderr.startswith("\nerror: empty has no videos in label folders. Expected")
    assert "Traceback" not in result.stderr


def test_inspect_does_without_tensorflow(videos):
    code = (
        "import sys; from har.__main__ import main\n"
        "try: main(['inspect', 'my videos'])\n"
        "finally: print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    result = run_process("-c", code, folder=Path.cwd())
    # In the folder of the project `stages` is found; here it comes by PYTHONPATH.
    assert result.stdout.endswith("False False\n"), result.stderr


def test_main_ends_with_130_when_interrupted(videos, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(har.inspection.inspection, "inspect_videos", interrupt)
    assert run("inspect", "my videos", capsys=capsys)[0] == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_main_ends_as_other_programs_when_it_is_ended(videos, monkeypatch, capsys, number, code):
    def end(*arguments, **options):
        signal.raise_signal(number)

    monkeypatch.setattr(har.inspection.inspection, "inspect_videos", end)
    ended, _, err = run("inspect", "my videos", capsys=capsys)
    assert ended == code
    assert "error: ended by the system; what is finished is kept" in err
