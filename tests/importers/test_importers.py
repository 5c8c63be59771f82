"""What all importers have in common."""

import inspect
import os
import subprocess
import sys

import pytest
from places import ROOT
from small_data_sets import make_ucf101, put, snapshot, write_text

from har.dataset.videos import find_videos
from har.importers import find_importer, importer_names
from har.importers.importing import import_dataset


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


def test_import_dataset_goes_on_where_it_stopped(tmp_path, source, tiny, numbered):
    put(numbered, "person11_boxing_d1_uncomp.avi", below=source)
    write_text(source, "00sequences.txt", "person11_boxing_d1 frames 1-10, 11-20\n")
    folder = tmp_path / "kth"
    import_dataset("kth", source, folder, workers=1)
    first, second = sorted((folder / "boxing").glob("*.mp4"))
    kept, wanted = first.stat(), second.read_bytes()
    second.unlink()
    (folder / "boxing/.1234abcd.mp4").write_bytes(b"half a video")
    with pytest.raises(ValueError, match="names 1 videos that are not there"):
        find_videos(folder)  # as after an interrupt: the pipeline does not go on with a part
    summary = import_dataset("kth", source, folder, workers=1)
    assert (summary.num_videos, summary.num_reused, summary.num_cut) == (2, 1, 1)
    assert first.stat().st_mtime_ns == kept.st_mtime_ns
    assert second.read_bytes() == wanted
    assert not (folder / "boxing/.1234abcd.mp4").exists()


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
