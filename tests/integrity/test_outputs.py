"""What stages have made, against the SHA-256 in their tables."""

from pathlib import Path

from damage import flip_bit

from har.engine.cache import Cache, file_digest, find_damaged_entries
from har.integrity.outputs import find_damaged_outputs


def make_outputs(folder: Path) -> list[Path]:
    """Write two files and the table that names them, and a table without digests."""
    folder.mkdir(parents=True)
    paths = [folder / f"{name}.npy" for name in "ab"]
    rows = ["video_id,path,sha256"]
    for path in paths:
        path.write_bytes(path.name.encode() * 100)
        rows.append(f"{path.stem},{path},{file_digest(path)}")
    (folder / "clips.csv").write_text("\n".join([*rows, "failed,,", ""]))
    (folder / "views.csv").write_text("video_id,flip\na,1\n")
    return paths


def test_find_damaged_outputs_finds_what_a_table_says_otherwise(tmp_path):
    first, second = make_outputs(tmp_path / "clips")
    assert list(find_damaged_outputs(tmp_path)) == []
    flip_bit(second, in_silence=True)
    assert list(find_damaged_outputs(tmp_path)) == [second]
    first.unlink()  # DVC sees that by itself
    assert list(find_damaged_outputs(tmp_path)) == [second]


def test_find_damaged_outputs_names_a_table_that_cannot_be_read(tmp_path):
    make_outputs(tmp_path / "clips")
    table = tmp_path / "clips" / "clips.csv"
    table.write_bytes(table.read_bytes().replace(b"b.npy", b"\xff.npy"))
    assert list(find_damaged_outputs(tmp_path)) == [table]


def test_find_damaged_entries_names_the_files_of_each(tmp_path):
    cache = Cache("extract", ending=".npy", folder=tmp_path)
    entries = []
    for key in ("a" * 64, "b" * 64, "c" * 64, "d" * 64):
        made = cache.new_file()
        made.write_bytes(key.encode())
        entries.append(cache.put(key, made, {}))
    assert list(find_damaged_entries(tmp_path)) == []
    data = [entry.data for entry in entries]
    records = [file.with_suffix(".json") for file in data]
    flip_bit(data[1])
    flip_bit(records[2])
    data[3].unlink()
    assert list(find_damaged_entries(tmp_path)) == [
        [records[1], data[1]],
        [records[2], data[2]],
        [records[3]],
    ]
