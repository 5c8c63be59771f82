"""Kinetics in miniature: its true layout, imported and read back."""

import pytest
from small_data_sets import NUM_FRAMES, numbers_of, put, snapshot, table_of, write_text

from har.importers.importing import import_dataset
from har.video.reading import probe_video

KINETICS_HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"
HEAD = "massaging person's head"


def test_import_kinetics_links_clips_and_cuts_whole_videos(tmp_path, source, tiny, numbered):
    put(tiny, "train/abseiling/-3B32lodo2M_000059_000069.avi", below=source)
    put(tiny, "val/_dbcJuKJQNs_000040_000050.avi", "abc_000000_000010.avi", below=source)
    put(numbered, "wholes/x.y-z.avi", below=source)  # 25 frames per second
    write_text(
        source,
        "train.csv",
        f"{KINETICS_HEADER}abseiling,-3B32lodo2M,59,69,train,0\n{HEAD},x.y-z,0.4,1.2,train,0\n",
    )
    write_text(source, "validate.csv", f'{KINETICS_HEADER}"{HEAD}",_dbcJuKJQNs,40,50,validate,0\n')
    write_text(source, "lists/test.csv", f"{KINETICS_HEADER}tango (in a hall),abc,0,10,test,0\n")
    summary = import_dataset("kinetics", source, tmp_path / "k400", workers=1)
    assert (summary.num_videos, summary.num_linked, summary.num_cut) == (4, 3, 1)
    assert summary.problems == ()
    table = table_of(tmp_path / "k400")
    assert table[["label", "subject", "split"]].to_numpy().tolist() == [
        ["abseiling", "-3B32lodo2M", "train"],
        [HEAD, "_dbcJuKJQNs", "val"],
        [HEAD, "x.y-z", "train"],
        ["tango (in a hall)", "abc", "test"],
    ]
    assert numbers_of(tmp_path / f"k400/{HEAD}/x.y-z_000000_000001.mp4") == list(range(10, 30))


def test_import_kinetics_names_rows_that_cannot_be_used(tmp_path, source, tiny):
    rows = [
        "a,good,0,10,train,0",
        "a,good,0,10,train,0",
        "a,two,0,10,train,0",
        "b,two,0,10,train,0",
        "a,gone,0,10,train,0",
        "a,backwards,10,0,train,0",
        "a,shared,0,10,train,0",
        "a,shared,10,20,test,0",
    ]
    write_text(source, "train.csv", KINETICS_HEADER + "\n".join(rows))
    write_text(source, "test.csv", "youtube_id,time_start,time_end,split\nhidden,0,10,test\n")
    write_text(source, "notes.csv", "what,when\nx,y\n")
    put(tiny, "good_000000_000010.avi", "two_000000_000010.avi", below=source)
    put(tiny, "shared_000000_000010.avi", "shared_000010_000020.avi", below=source)
    summary = import_dataset("kinetics", source, tmp_path / "k400")
    problems = "\n".join(summary.problems)
    assert "1 rows repeat another and count once: 'a/good_000000_000010.avi'" in problems
    assert "1 clips have more than one label and are left out: 'two_000000_000010'" in problems
    assert "1 videos are in the lists but not below" in problems
    assert "'gone_000000_000010.mp4'" in problems
    assert "'backwards 10 to 0'" in problems
    assert "test.csv have no label: 'hidden'" in problems
    assert "notes.csv is not read: it has the columns what, when" in problems
    assert "1 sources are in more than one official split: 'shared'" in problems
    table = table_of(tmp_path / "k400")
    assert list(table["subject"]) == ["good", "shared_000000_000010", "shared_000010_000020"]
    assert summary.num_skipped == 4


def test_import_kinetics_prefers_the_replacement(tmp_path, source, tiny, numbered):
    put(tiny, "train/abc_000000_000010.avi", below=source)
    put(numbered, "replacement/replacement_for_corrupted_k400/abc_000000_000010.avi", below=source)
    write_text(source, "train.csv", f"{KINETICS_HEADER}a,abc,0,10,train,0\n")
    import_dataset("kinetics", source, tmp_path / "k400")
    assert probe_video(tmp_path / "k400/a/abc_000000_000010.avi").num_frames == NUM_FRAMES


def test_import_kinetics_says_when_a_whole_video_is_cut_already(tmp_path, source, numbered):
    put(numbered, "abc.avi", "def.avi", below=source)
    rows = "a,abc,59,69,train,0\na,def,0,1,train,0\n"
    write_text(source, "train.csv", KINETICS_HEADER + rows)
    summary = import_dataset("kinetics", source, tmp_path / "k400", workers=1)
    assert "abc_000059_000069.mp4 is left out: expected seconds 59 to 69" in summary.problems[0]
    assert "has only 1.6 seconds. If it is cut already" in summary.problems[0]
    assert list(table_of(tmp_path / "k400")["subject"]) == ["def"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"has no list of clips; expected a \.csv"),
        ("label,youtube_id,time_start\na,b,0\n", "has no column time_end, split"),
        (KINETICS_HEADER + "a,b,0,10,dev,0\n", "line 2 has the split 'dev'"),
        (KINETICS_HEADER + "a,b,zero,10,train,0\n", "line 2 has the times 'zero' and '10'"),
        (KINETICS_HEADER + "../a,b,0,10,train,0\n", r"line 2 has the name '\.\./a'"),
        (KINETICS_HEADER + "a,../../b,0,10,train,0\n", r"line 2 has the name '\.\./\.\./b'"),
        (KINETICS_HEADER + ",b,0,10,train,0\n", "line 2 has the name ''"),
        (KINETICS_HEADER + f"{'a' * 300},b,0,10,train,0\n", "a name of 300 bytes"),
    ],
)
def test_import_kinetics_refuses_a_wrong_list(tmp_path, source, tiny, text, message):
    put(tiny, "b_000000_000010.avi", below=source)
    if text is not None:
        write_text(source, "train.csv", text)
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match=message):
        import_dataset("kinetics", source, tmp_path / "k400")
    assert snapshot(tmp_path) == before
