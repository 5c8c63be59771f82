"""Weizmann in miniature: its true layout, imported and read back."""

import zipfile

import pytest
from places import REAL
from small_data_sets import put, table_of

from har.importers.importing import import_dataset
from har.importers.weizmann import plan


def test_import_weizmann_reads_folders_flat_files_and_zip(tmp_path, source, tiny):
    put(tiny, "wave1/daria_wave1.avi", "denis_bend.avi", below=source)
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        for name in ("lena_walk1.avi", "lena_walk2.avi", "__MACOSX/._lena_walk1.avi"):
            archive.write(tiny, name)
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    assert (summary.num_videos, summary.num_linked, summary.num_copied) == (4, 2, 2)
    assert summary.num_skipped == 87
    assert "87 of the 90 videos are missing: 'daria_bend.avi'" in summary.problems[0]
    table = table_of(tmp_path / "weizmann")
    assert table["subject"].to_dict() == {
        "bend/denis_bend": "denis",
        "walk/lena_walk1": "lena",
        "walk/lena_walk2": "lena",
        "wave1/daria_wave1": "daria",
    }
    assert set(table["split"]) == {""}
    assert (tmp_path / "weizmann/walk/lena_walk2.avi").read_bytes() == tiny.read_bytes()


def test_import_weizmann_refuses_a_zip_that_leads_elsewhere(tmp_path, source, tiny):
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        archive.write(tiny, "../../daria_walk.avi")
    with pytest.raises(ValueError, match=r"walk\.zip has the entry .* leads out of it"):
        import_dataset("weizmann", source, tmp_path / "weizmann")


def test_import_weizmann_refuses_a_broken_zip(tmp_path, source):
    (source / "walk.zip").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"walk\.zip is not a whole \.zip file"):
        import_dataset("weizmann", source, tmp_path / "weizmann")


def test_import_weizmann_names_a_damaged_member_and_unknown_files(tmp_path, source, tiny):
    put(tiny, "bend/daria_bend.avi", "bend/eva_bend.avi", below=source)
    with zipfile.ZipFile(source / "walk.zip", "w") as archive:
        archive.write(tiny, "daria_walk.avi")
    content = bytearray((source / "walk.zip").read_bytes())
    content[200] ^= 255
    (source / "walk.zip").write_bytes(content)
    summary = import_dataset("weizmann", source, tmp_path / "weizmann")
    problems = "\n".join(summary.problems)
    assert "eva_bend.avi" in problems
    assert "walk.zip:daria_walk.avi cannot be unpacked" in problems
    assert list(table_of(tmp_path / "weizmann").index) == ["bend/daria_bend"]


def test_import_weizmann_reads_the_true_files(tmp_path):
    if not (REAL / "weizmann").is_dir():
        pytest.skip("the true videos are not here")
    summary = import_dataset("weizmann", REAL / "weizmann", tmp_path / "weizmann")
    table = table_of(tmp_path / "weizmann")
    assert (summary.num_videos, summary.num_skipped) == (60, 30)
    assert table.groupby("label").size().to_dict() == dict.fromkeys(sorted(set(table["label"])), 6)
    assert set(table["subject"]) == {"daria", "denis", "eli", "ido", "ira", "lena"}


def test_braces_in_a_path_do_no_harm(tmp_path):
    source = tmp_path / "{0} {} {names}"
    source.mkdir()
    (source / "daria_walk.avi").touch()
    (problem,) = plan(source).problems
    assert f"Expected them below {source}." in problem
