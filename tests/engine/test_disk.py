"""A full disk: what is half-written goes, and one line says what is missing and how to get it."""

import errno
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from small_disk import small_disk

from har.engine.files import (
    check_space,
    describe_full_disk,
    disk_full,
    is_disk_full,
    save_array,
    whole,
    write_json,
    writing,
)

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (FULL, True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError("24576 requested and 8064 written"), True),  # NumPy's, without a number
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ValueError("24576 requested and 8064 written, by whom?"), False),
    ],
)
def test_is_disk_full_knows_the_errors_of_all_that_writes(error, is_full):
    assert is_disk_full(error) == is_full


def test_writing_removes_what_is_half_written_and_names_it(tmp_path):
    path = tmp_path / "new" / "clip.npy"

    def fill():
        with writing(path, num_bytes=4_500_000):
            path.write_bytes(b"half")
            raise OSError("24576 requested and 8064 written")

    message = rf"at least 4\.5 MB needed, [\d.]+ MB free: '{path}'"
    with pytest.raises(OSError, match=message) as caught:
        fill()
    assert not path.exists()
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_writing_lets_other_errors_through(tmp_path, error):
    def fail():
        with writing(tmp_path / "a.npy") as path:
            path.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert not list(tmp_path.iterdir())


def test_whole_leaves_what_was_there(tmp_path):
    path = tmp_path / "scores.json"
    write_json({"accuracy": 1}, path)

    def fill():
        with whole(path) as partial:
            partial.write_text("half")
            raise FULL

    with pytest.raises(OSError, match=str(path)):
        fill()
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"]
    assert path.read_text() == '{\n  "accuracy": 1\n}\n'


def test_whole_writes_into_what_is_no_file(tmp_path):
    with whole(Path("/dev/null")) as place:
        assert place == Path("/dev/null")
    assert not Path("/dev/null").is_file()


def test_save_array_says_how_much_is_missing(tmp_path, monkeypatch):
    def fill(*arguments, **options):
        raise FULL

    monkeypatch.setattr(np, "save", fill)
    with pytest.raises(OSError, match=r"at least 1\.0 MB needed"):
        save_array(np.zeros(125_000), tmp_path / "a.npy")


def test_check_space_compares_with_what_is_free(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=12_345)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    check_space(tmp_path / "model", 12_345)
    with pytest.raises(OSError, match=r"at least 2\.0 MB needed, 12\.3 kB free"):
        check_space(tmp_path / "model", 2_000_000)


def test_describe_full_disk_is_one_line_with_the_stage_the_file_and_what_to_delete(tmp_path):
    error = disk_full(tmp_path / "a.npy", 4_500_000)
    said = describe_full_disk(error, "the stage `extract`")
    assert "\n" not in said
    assert f"the stage `extract` cannot write {tmp_path / 'a.npy'}: at least 4.5 MB needed" in said
    # DVC's `gc -w` would delete the models of all experiments.
    assert said.index("delete .har/cache first") < said.index("dvc gc --all-commits --all-exp")
    assert "which is lost" in said


def test_describe_full_disk_adds_the_space_where_the_system_names_the_file_alone(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "new" / "a.npy"))
    said = describe_full_disk(error, "the stage `extract`")
    assert re.search(rf"cannot write {tmp_path}/new/a\.npy: [\d.]+ [kM]B free\. To free", said)


def test_a_disk_without_room_for_a_file_more_is_called_that(tmp_path):
    with small_disk(tmp_path / "disk", kilobytes=100, files=3) as disk:
        for number in range(2):  # its own folder is the third
            (disk / str(number)).touch()
        assert "room for no file more" in str(disk_full(disk / "a.npy", 1000))


def test_a_disk_that_fills_up_in_a_worker_leaves_nothing_behind(tmp_path):
    program = """
import numpy, pathlib, sys
from har.engine.errors import plain_errors
from har.engine.steps import Job, Limits, run_step
from make import fill
if __name__ == "__main__":
    jobs = [Job(pathlib.Path(f"{i}"), str(i), pathlib.Path(f"out/{i}.npy")) for i in range(4)]
    with plain_errors("the stage `extract`"):
        run_step("extract", fill, jobs, parameters={}, code_version="1",
                 limits=Limits(2, 60, 1, 1))
"""
    step = """
import time
def fill(source, destination):
    destination.write_bytes(b"half")
    time.sleep(2 if source.name == "0" else 60)  # the others are stopped half-way
    raise OSError("24576 requested and 8064 written")
"""
    (tmp_path / "make.py").write_text(step)
    (tmp_path / "run.py").write_text(program)
    result = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, env={"PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    error = result.stderr.strip().splitlines()[-1]
    assert error.startswith("error: the disk is full: the stage `extract` cannot write ")
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob(".har/cache/partial/*"))
