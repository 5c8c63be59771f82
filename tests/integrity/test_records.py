"""DVC's own files that a kill cuts off, and what is left of them."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from har.engine.repository import explain_lock, holding_rwlock
from har.integrity.records import find_torn_records, fix_lock, fix_record

NAMES = ("convert", "extract", "train")
LOCK = b"schema: '2.0'\nstages:\n" + b"".join(
    f"""  {name}:
    cmd: 'python -m stages.{name} --out "data: {name}"'
    deps:
    - path: stages/{name}.py
      hash: md5
      md5: '12e34567890123456789012345678901'
      size: 10
    params:
      params.yaml:
        {name}:
          of:
          - 1
        text: |2-

            two: lines
    outs:
    - path: data/{name}
      hash: md5
      md5: 22345678901234567890123456789012.dir
      nfiles: 3
""".encode()
    for name in NAMES
)
TORN = LOCK[: LOCK.rindex(b"outs:") + 3]


def names_in(lock: bytes) -> list[str]:
    return list(yaml.safe_load(lock)["stages"] or ())


def test_explain_lock_accepts_what_dvc_reads():
    assert explain_lock(LOCK) == ""
    assert explain_lock(b"")
    assert explain_lock(TORN)
    assert explain_lock(LOCK.replace(b"python", b"\xff", 1))


def test_fix_lock_keeps_each_whole_stage_wherever_it_is_cut():
    starts = [LOCK.index(f"  {name}:\n".encode()) for name in NAMES]
    for end in range(0, len(LOCK), 31):
        torn = LOCK[:end]
        fixed = fix_lock(torn)
        whole = [name for name, start in zip(NAMES, starts[1:], strict=False) if start <= end]
        assert set(whole) <= set(names_in(fixed))
        assert LOCK.startswith(fixed) or not names_in(fixed)
        assert not names_in(fixed) or explain_lock(fixed) == ""


def test_fix_lock_takes_the_stages_that_are_gone_from_the_last_commit():
    fixed = fix_lock(LOCK[:500], committed=LOCK.rstrip())
    assert names_in(fixed) == list(NAMES)
    assert explain_lock(fixed) == ""
    assert names_in(fix_lock(b"", committed=LOCK)) == list(NAMES)
    assert names_in(fix_lock(LOCK[:500], committed=TORN)) == ["convert"]


@pytest.mark.parametrize("num_bytes", [0, 20, 600])
def test_torn_lock_is_found_and_put_right(repository, num_bytes):
    path = Path("dvc.lock")
    path.write_bytes(LOCK)
    assert list(find_torn_records()) == []
    path.write_bytes(LOCK[:num_bytes])
    assert list(find_torn_records()) == [path]
    said = fix_record(path)
    assert "run cache" in said
    assert list(find_torn_records()) == []
    assert path.exists() == (num_bytes > 500)


def test_torn_lock_gets_the_stages_of_the_last_commit(repository):
    Path("dvc.lock").write_bytes(LOCK)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    for command in (["init", "--quiet"], ["add", "dvc.lock"], ["commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *identity, *command], check=True)
    Path("dvc.lock").write_bytes(LOCK[:600])
    fix_record(Path("dvc.lock"))
    assert Path("dvc.lock").read_bytes() == LOCK


@pytest.mark.parametrize("folder", [".dvc/tmp", ".dvc/tmp/exps"])
@pytest.mark.parametrize(
    "content", [b"", b'{"write": {"a', b"[]", b'{"read": {"a": [1]}}', b"\xff"]
)
def test_torn_rwlock_is_found_and_removed(repository, folder, content):
    path = Path(folder, "rwlock")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    assert list(find_torn_records()) == [path]
    fix_record(path)
    assert not path.exists()
    assert list(find_torn_records()) == []


def test_whole_rwlock_is_left_alone(repository):
    holder = {"pid": 1, "cmd": "dvc repro"}
    path = Path(".dvc/tmp/rwlock")
    path.write_text(json.dumps({"write": {"/a": holder}, "read": {"/b": [holder, holder]}}))
    assert list(find_torn_records()) == []
    path.write_text("{}")
    assert list(find_torn_records()) == []


def test_rwlock_that_another_process_holds_is_not_touched(repository, monkeypatch):
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.01)
    path = Path(".dvc/tmp/rwlock")
    path.write_text("{")
    with (
        holding_rwlock(path),
        pytest.raises(ValueError, match="in use by another DVC process"),
        holding_rwlock(path),
    ):
        pass
    assert path.read_text() == "{"
