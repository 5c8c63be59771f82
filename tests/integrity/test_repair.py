"""The repair that `make repro` begins with, and that of `har doctor`."""

import os
from pathlib import Path

from command_line import run, run_process
from damage import flip_bit
from dvc.repo import Repo

import har.commands.checks
from har.engine.cache import Cache
from har.integrity.objects import last_checked
from har.integrity.repair import find_damage, main, remake_missing

PIPELINE = """stages:
  first:
    cmd: mkdir -p data/a && echo one > data/a/one.txt
    deps: [in.txt]
    outs: [data/a]
  second:
    cmd: mkdir -p data/b && rev data/a/one.txt > data/b/one.txt
    deps: [data/a]
    outs: [data/b]
  other:
    cmd: cp other.txt out.txt
    deps: [other.txt]
    outs: [out.txt]
"""


def make_pipeline() -> None:
    """Run stages, of which the second reads what the first has made."""
    for name in ("in.txt", "other.txt"):
        Path(name).write_text(name)
    Path("dvc.yaml").write_text(PIPELINE)
    with Repo() as repo, repo.config.edit("repo") as config:
        config["cache"] = {"type": ["hardlink"]}
    with Repo() as repo:
        repo.reproduce()


def test_repair_says_nothing_where_all_is_whole(repository, capsys):
    make_pipeline()
    capsys.readouterr()
    main()
    assert capsys.readouterr().out == ""
    assert last_checked() > 0


def test_repair_discards_what_was_damaged_since_and_dvc_makes_it_again(repository, capsys):
    make_pipeline()
    main()
    flip_bit(Path("data/a/one.txt"))
    capsys.readouterr()
    main()
    assert "in DVC's cache data/a/one.txt is damaged; discarded 1" in capsys.readouterr().out
    with Repo() as repo:
        repo.reproduce()
    assert Path("data/a/one.txt").read_text() == "one\n"
    assert list(find_damage(everything=True)) == []


def test_repair_reads_everything_after_a_stage_has_met_damage(repository, capsys):
    from har.engine.verification import mark_damaged

    make_pipeline()
    for file in Path(".dvc/cache").rglob("*"):
        if file.is_file():
            os.utime(file, (1, 1))
    main()
    flip_bit(Path("data/a/one.txt"), in_silence=True)
    main()
    assert "damaged" not in capsys.readouterr().out
    copy = Path("copy.txt")  # of another disk, say
    copy.write_bytes(Path("data/a/one.txt").read_bytes())
    mark_damaged(copy)
    main()
    assert "data/a/one.txt is damaged" in capsys.readouterr().out


def test_repair_puts_a_torn_lock_right_and_no_finished_stage_runs_again(repository, capsys):
    make_pipeline()
    whole = Path("dvc.lock").read_bytes()
    for num_bytes in (0, 5, len(whole) // 2, len(whole) - 70):
        Path("dvc.lock").write_bytes(whole[:num_bytes])
        main()
        capsys.readouterr()
        with Repo() as repo:
            repo.reproduce()
        assert "Running stage" not in capsys.readouterr().out
        assert Path("dvc.lock").read_bytes() == whole


def test_remake_missing_runs_only_stages_whose_outputs_alone_changed(repository):
    make_pipeline()
    for name in ("data/a/one.txt", "data/b/one.txt", "out.txt"):
        Path(name).unlink()
    for file in Path(".dvc/cache/files").rglob("*"):
        if file.is_file() and file.suffix != ".dir":
            file.unlink()
    Path("other.txt").write_text("changed")  # what its user changed, its user runs
    assert remake_missing() == ["first", "second"]
    assert Path("data/b/one.txt").read_text() == "eno\n"
    assert not Path("out.txt").exists()


def test_doctor_names_what_is_damaged_and_fixes_it(repository, monkeypatch, capfd):
    monkeypatch.setattr(har.commands.checks, "examine", lambda: iter(()))
    make_pipeline()
    cache = Cache("extract", ending=".npy")
    made = cache.new_file()
    made.write_bytes(b"clip")
    entry = cache.put("a" * 64, made, {})
    capfd.readouterr()
    assert run("doctor", capsys=capfd)[0] == 0
    flip_bit(Path("data/a/one.txt"), in_silence=True)
    flip_bit(entry.data)
    Path(".dvc/tmp/rwlock").write_text("{")
    code, out, _ = run("doctor", capsys=capfd)
    assert code == 1
    assert "data/a/one.txt is damaged" in out
    assert ".dvc/tmp/rwlock was cut off" in out
    assert f"{entry.data.with_suffix('.json')} is damaged" in out
    assert out.count("-> python -m har doctor --fix") == 3
    code, out, _ = run("doctor", "--fix", capsys=capfd)
    assert code == 0, out
    assert "made again by first" in out
    assert Path("data/a/one.txt").read_text() == "one\n"
    assert not entry.data.exists()
    Path(".har/damaged").mkdir()
    Path(".har/damaged/ab").write_bytes(bytes(300_000))
    out = run("doctor", capsys=capfd)[1]
    assert "all that is kept is as it was made" in out
    assert f"1 of what was damaged, 0.3 MB, in {Path.cwd() / '.har/damaged'}" in out


def test_repair_runs_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list(find_damage(everything=True)) == []


def test_repair_is_a_command(repository):
    result = run_process("-m", "har.integrity.repair")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
