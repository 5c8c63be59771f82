"""What people edit is a file of its own, also after `dvc add` by hard links."""

import os
import stat

from dvc.repo import Repo

from har.folder.originals import linked_files, unlink_table

TABLE = "path,subject\nwalking/a.mp4,ann\n"


def test_unlink_table_leaves_dvc_s_cache_alone(project):
    videos = project / "data" / "videos"
    table = videos / "metadata.csv"
    (videos / "walking").mkdir(parents=True)
    (videos / "walking" / "a.mp4").write_bytes(b"video")
    table.write_text(TABLE)
    with Repo.init(no_scm=True) as repo, repo.config.edit("repo") as config:
        config["cache"] = {"type": ["hardlink"]}
    with Repo() as repo:
        repo.add(["data/videos"])
    assert set(linked_files(videos)) == {table, videos / "walking" / "a.mp4"}
    (kept,) = [file for file in project.glob(".dvc/cache/files/md5/*/*") if file.samefile(table)]
    time = table.stat().st_mtime_ns
    assert unlink_table(videos)
    assert table.stat().st_mode & stat.S_IWUSR
    assert table.stat().st_mtime_ns == time
    with Repo() as repo:
        assert repo.status() == {}
    table.write_text(TABLE.replace("ann", "bob"))
    assert kept.read_text() == TABLE
    assert not unlink_table(videos)


def test_unlink_table_leaves_the_user_s_own_links_alone(tmp_path):
    table = tmp_path / "metadata.csv"
    assert not unlink_table(tmp_path)
    table.write_text(TABLE)
    os.link(table, tmp_path / "another name")
    assert not unlink_table(tmp_path)
    assert table.samefile(tmp_path / "another name")
