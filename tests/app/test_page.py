"""The page as programs may misuse it: other files, other hosts, addresses, without a password."""

import json
import os
import uuid
from pathlib import Path

import pytest
import requests
from video_files import write_numbered

SECONDS = 30
PASSWORD = "correct horse"  # noqa: S105 - of a page that nobody else reaches


def send(address: str, content: bytes, name: str) -> requests.Response:
    """Send a file as a browser does."""
    files = {"files": (name, content)}
    return requests.post(f"{address}/gradio_api/upload", files=files, timeout=SECONDS)


def find_event(address: str, name: str) -> int:
    """Return the number of the event that calls a function of this name."""
    config = requests.get(f"{address}/config", timeout=SECONDS).json()
    return next(one["id"] for one in config["dependencies"] if one["api_name"] == name)


def tell(address: str, event: int, data: list, **headers: str) -> requests.Response:
    """Tell of an event as a browser does."""
    said = {"data": data, "fn_index": event, "session_hash": uuid.uuid4().hex}
    joined = requests.post(
        f"{address}/gradio_api/queue/join", json=said, headers=headers, timeout=SECONDS
    )
    return joined if joined.status_code != 200 else follow(address, said["session_hash"])


def follow(address: str, session: str) -> dict:
    """Return what the page shows in the end."""
    asked = {"session_hash": session}
    with requests.get(
        f"{address}/gradio_api/queue/data", params=asked, stream=True, timeout=SECONDS
    ) as lines:
        for line in lines.iter_lines():
            message = json.loads(line[6:]) if line.startswith(b"data: ") else {}
            if message.get("msg") == "process_completed":
                return message
    raise AssertionError("the page has not answered")


def as_file(path: Path | str) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> bytes:
    return write_numbered(tmp_path_factory.mktemp("video") / "a.mp4", 20).read_bytes()


def test_what_is_sent_is_removed_once_it_is_named(page, video):
    address, _ = page
    (sent,) = send(address, video, "walk.mp4").json()
    assert Path(sent).is_file()
    message = tell(address, find_event(address, "answer"), [as_file(sent), "bright", ""])
    assert message["success"]
    assert "bright" in json.dumps(message["output"])
    assert not Path(sent).parent.exists()


@pytest.mark.parametrize("name", ["../../../walk.mp4", "/etc/walk.mp4", "..", "a\\..\\b.mp4"])
def test_names_of_files_lead_nowhere_else(page, video, name):
    address, folder = page
    before = sorted(folder.rglob("*"))
    answer = send(address, video, name)
    if answer.ok:
        assert Path(answer.json()[0]).resolve().is_relative_to(os.environ["GRADIO_TEMP_DIR"])
    assert sorted(folder.rglob("*")) == before


def test_a_file_that_is_too_large_is_refused(page):
    assert send(page[0], bytes(1_100_000), "a.mp4").status_code == 413


def test_files_that_nobody_sent_are_neither_named_nor_removed(page, video):
    address, folder = page
    mine = folder / "mine.mp4"
    mine.write_bytes(video)
    for event, more in (("answer", ["bright", ""]), ("keep", ["waving", "anna"])):
        message = tell(address, find_event(address, event), [as_file(mine), *more])
        assert not message["success"]
    assert mine.read_bytes() == video
    assert not (folder / "data" / "videos").exists()


@pytest.mark.parametrize("name", ["params.yaml", "models/bright/params.json", "data/clips/0.npy"])
def test_files_of_the_project_are_not_served(page, name):
    address, folder = page
    assert (folder / name).is_file()
    for path in (name, folder / name, f"./{name}", f"{os.environ['GRADIO_TEMP_DIR']}/../{name}"):
        answer = requests.get(f"{address}/gradio_api/file={path}", timeout=SECONDS)
        assert answer.status_code in (403, 404), path


def test_files_of_the_system_are_not_served(page):
    for path in ("/etc/passwd", "../../../../etc/passwd", "/proc/self/environ"):
        answer = requests.get(f"{page[0]}/gradio_api/file={path}", timeout=SECONDS)
        assert answer.status_code in (403, 404), path


@pytest.mark.parametrize("event", ["answer", "keep", "first"])
def test_addresses_in_place_of_files_are_not_fetched(page, event):
    address, _ = page
    number = find_event(address, event)
    data = [as_file("http://127.0.0.1:9/a.mp4"), "", ""]
    assert tell(address, number, data).status_code == 400


@pytest.mark.parametrize(
    "model", ["../models/bright", "/etc", "models/bright", None, 7, {"path": "/etc/passwd"}]
)
def test_names_of_models_are_no_paths(page, video, model):
    address, _ = page
    (sent,) = send(address, video, "walk.mp4").json()
    message = tell(address, find_event(address, "answer"), [as_file(sent), model, ""])
    assert not message["success"] or "There is no model" in json.dumps(message["output"])
    assert "Probabilities" not in json.dumps(message["output"])


def test_other_hosts_are_refused(page):
    for host, status in (("elsewhere.org", 400), ("127.0.0.1", 200), ("localhost:7860", 200)):
        answer = requests.get(page[0], headers={"Host": host}, timeout=SECONDS)
        assert answer.status_code == status


def test_browsers_are_told_to_load_nothing_from_elsewhere(page):
    policy = requests.get(page[0], timeout=SECONDS).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_nothing_can_be_called_by_name(page):
    told = requests.get(f"{page[0]}/gradio_api/info", timeout=SECONDS).json()
    assert told["named_endpoints"] == told["unnamed_endpoints"] == {}


def test_without_the_password_nothing_is_shown(served):
    with served(password=PASSWORD) as (address, _):
        for path in ("/config", "/gradio_api/file=params.yaml", "/gradio_api/info"):
            assert requests.get(f"{address}{path}", timeout=SECONDS).status_code == 401
        assert send(address, b"content", "a.mp4").status_code == 401
        visitor = requests.Session()
        for password, status in (("wrong", 400), (PASSWORD, 200)):
            login = {"username": "anna", "password": password}
            said = visitor.post(f"{address}/login", data=login, timeout=SECONDS)
            assert said.status_code == status
        assert visitor.get(f"{address}/config", timeout=SECONDS).status_code == 200


def test_what_was_sent_is_removed_when_the_page_ends(served, video):
    with served() as (address, _):
        (sent,) = send(address, video, "walk.mp4").json()
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder in Path(sent).parents
        assert folder.stat().st_mode & 0o077 == 0  # nobody else on this computer sees it
    assert not folder.exists()


def test_a_port_that_is_taken_is_named(served, page):
    port = int(page[0].rpartition(":")[2])
    with pytest.raises(ValueError, match=f"port {port} .* with --port"), served(port=port):
        pass
