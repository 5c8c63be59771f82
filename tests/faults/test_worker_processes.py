"""Worker processes of the stages: killed while they work, and out of memory."""

import csv
import random
import shutil
import time

import av
import psutil
import pytest
from one_stage import OUTPUTS, digests, run_stage, start_stage

NUM_KILLS, LONGEST_SECONDS = 10, 0.6  # about what the workers take for all videos
WIDTH, HEIGHT = 12000, 6800


def kill_a_worker(pid: int, rng: random.Random) -> None:
    """Kill one of the processes that work for another one, at a random moment."""
    workers: list[psutil.Process] = []
    while len(workers) < 2:
        servers = psutil.Process(pid).children()
        workers = [worker for server in servers for worker in server.children()]
        time.sleep(0.01)
    time.sleep(rng.uniform(0, LONGEST_SECONDS))
    rng.choice(workers).kill()


@pytest.mark.parametrize("stage", ["convert", "extract"])
def test_worker_that_is_killed_costs_no_video(stage, project, capsys):
    folder, rng = project.folder / OUTPUTS[stage], random.Random(stage)
    expected, num_killed = digests(folder), 0
    for _ in range(NUM_KILLS):
        shutil.rmtree(project.folder / ".har/cache")
        process = start_stage(project, stage)
        try:
            kill_a_worker(process.pid, rng)
            num_killed += 1
        except psutil.NoSuchProcess:  # it had ended
            pass
        said = process.communicate()[0]
        assert process.returncode == 0, said
        assert "Traceback" not in said
        assert digests(folder) == expected
    assert num_killed > NUM_KILLS / 2
    with capsys.disabled():
        print(f"\n{stage}: {num_killed} workers killed, nothing lost")


def test_video_that_takes_all_memory_costs_itself_and_is_made_with_more(project):
    folder = project.folder / OUTPUTS["convert"]
    video = project.folder / "data/videos/still/p0_large.avi"
    expected = digests(folder)
    write_large(video)
    try:
        project.set_params({"convert": {"memory_gigabytes": 0.5}})
        code, said = run_stage(project, "convert")
        assert code == 0, said
        assert "1 failed" in said
        row = report_of(folder, video.name)
        assert "needed more than 0.5 GB of memory" in row["reason"]
        assert "raise convert.memory_gigabytes" in row["reason"]
        made = digests(folder)
        assert {name: made[name] for name in expected if name != "report.csv"} == {
            name: digest for name, digest in expected.items() if name != "report.csv"
        }
        project.set_params({"convert": {"memory_gigabytes": 3}})
        code, said = run_stage(project, "convert")
        assert code == 0, said
        assert report_of(folder, video.name)["reason"] == ""
    finally:
        video.unlink()
        project.set_params({"convert": {"memory_gigabytes": 3}})
    assert run_stage(project, "convert")[0] == 0
    assert digests(folder) == expected


def write_large(path):
    """Write a video of three black pictures whose decoding takes between 0.5 and 3 GB."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=12)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(WIDTH, HEIGHT, "yuvj420p")))
        container.mux(stream.encode(None))


def report_of(folder, name):
    """Return the row of a video in the report of the conversion."""
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["source"].endswith(name)]
    return row
