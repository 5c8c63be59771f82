"""The pictures of results in the docs: a run, its experiment `attention` and that one's report.

`make pictures` runs `python -m benchmarks.result_pictures` where there are all of them.
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import requests

from benchmarks.browsing import MAX_HEIGHT, PATIENCE, open_browser, save, save_page, write
from har.dataset.tables import read_table
from har.tracking.connection import EXPERIMENT

if TYPE_CHECKING:  # which is not always installed
    from playwright.sync_api import Browser, Page

DEMO = Path("data/demo")
REPORT = Path("report/index.html")
NUM_PEOPLE, SIDE, NAMES_WIDTH = 7, 150, 95  # of the picture of the demo, in pixels
PREDICTED = ("waving", "calling")  # the labels of two of the videos that are named
SECONDS = 300  # until `mlflow ui` answers
SETTLED = 15_000  # milliseconds until a page of MLflow has all its parts


def main() -> None:
    """Write all of them."""
    write(show_demo(), "demo")
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        har("compare", "HEAD", "attention", "--html", f"{folder}/compare.html")
        har("predict", *predicted_videos(), "--html", f"{folder}/predict.html")
        har("inspect", str(DEMO), "--html", f"{folder}/inspect.html")
        for name in ("compare", "predict", "inspect"):
            save_page(browser, Path(folder, f"{name}.html"), name)
        save_page(browser, REPORT, "report")
        with serving_mlflow() as address:
            show_mlflow(browser, address)


def har(*arguments: str) -> None:
    """Run a verb."""
    subprocess.run([sys.executable, "-m", "har", *arguments], check=True)


def predicted_videos() -> list[str]:
    """Return a test video of each of some labels."""
    manifest = read_table(Path("data/split/manifest.csv"))
    test = manifest[manifest["split"] == "test"].drop_duplicates("label").set_index("label")
    return [str(next(DEMO.glob(f"{test.loc[label, 'video_id']}.*"))) for label in PREDICTED]


def show_demo() -> np.ndarray:
    """Return a frame of each of some people in each action, uint8 BGR."""
    clips = read_table(Path("data/clips/clips.csv"))
    rows = []
    for label, group in clips.groupby("label"):
        name = np.full((SIDE, NAMES_WIDTH, 3), 255, np.uint8)
        cv2.putText(name, label, (4, SIDE // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0, 1, cv2.LINE_AA)
        frames = [np.load(path, mmap_mode="r") for path in group["path"].head(NUM_PEOPLE)]
        middle = [np.ascontiguousarray(clip[len(clip) // 2, ..., ::-1]) for clip in frames]
        rows.append(np.hstack([name, *(cv2.resize(one, (SIDE, SIDE)) for one in middle)]))
    return np.vstack(rows)


@contextlib.contextmanager
def serving_mlflow() -> Iterator[str]:
    """Run `mlflow ui` in the project's folder during the body, which gets its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--port", str(port)]
    )
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + SECONDS
    try:
        while not answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("`mlflow ui` does not answer.")
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    """Return whether a server answers."""
    try:
        return requests.get(f"{address}/health", timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def show_mlflow(browser: "Browser", address: str) -> None:
    """Write pictures of the list of runs, a run, two runs compared, and the model."""
    experiment, runs = find_runs()
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.set_default_timeout(3 * PATIENCE)
    tab.goto(address)
    tab.get_by_text("Model training", exact=True).click()  # its other half is on language models
    tab.get_by_role("button", name="Close", exact=True).click()  # an assistant
    of_experiment = f"{address}/#/experiments/{experiment}"
    scores = f"{of_experiment}/runs?viewStateShareKey=scores"
    look(tab, scores, "mlflow-runs", until="macro_f1")
    look(tab, f"{of_experiment}/runs/{runs[0]}", "mlflow-run", until="accuracy")
    both = f"runs={json.dumps(runs[:2])}&experiments={json.dumps([experiment])}"
    tab.goto(f"{address}/#/compare-runs?{both}")
    tab.set_viewport_size({"width": 1280, "height": MAX_HEIGHT})
    for part in ("Visualizations", "Artifacts"):  # folds them: the tables say more
        tab.get_by_text(part, exact=True).click()
    for table in ("Parameters", "Metrics", "Tags"):  # which the address cannot say
        tab.get_by_role("switch", name=f"{table} - Show diff only").click()
    tab.wait_for_timeout(SETTLED)
    save(tab.screenshot(), "mlflow-compare")
    tab.set_viewport_size({"width": 1280, "height": 800})
    look(tab, f"{address}/#/models/har/versions/1", "mlflow-model", until="Version 1")
    tab.close()


def look(tab: "Page", address: str, name: str, *, until: str) -> None:
    """Open an address and write what it shows, some seconds after a text is there."""
    tab.goto(address)
    tab.get_by_text(until).first.wait_for()
    tab.wait_for_timeout(SETTLED)
    save(tab.screenshot(), name)


def find_runs() -> tuple[str, list[str]]:
    """Return the experiment's identifier in MLflow, and its runs', the first one first."""
    from mlflow import MlflowClient

    client = MlflowClient("sqlite:///mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    found = client.search_runs([experiment], order_by=["start_time ASC"])
    if len(found) < 2:
        sys.exit("Expected two runs in mlflow.db: run `make pictures`.")
    return experiment, [run.info.run_id for run in found]


if __name__ == "__main__":
    main()
