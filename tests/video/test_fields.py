"""Field-coded H.264 of camcorders: frames, speed and damage go by the decoded frames."""

from pathlib import Path

import numpy as np
import pytest
from field_coded import field_pictures, write_fields
from video_files import textured_frames, write_at_times

import har.video.reading
from har.video.converting import convert_step, convert_video
from har.video.cutting import cut_video
from har.video.extracting import extract_clip
from har.video.parts import Cut, Span
from har.video.preview import PreviewTask, preview_video
from har.video.reading import probe_video, read_video_timing
from har.video.steady import steady_frames

NUM_FRAMES = 24
FIELDS = field_pictures(NUM_FRAMES)
PAIRS = [(2 * i, FIELDS[2 * i] + FIELDS[2 * i + 1]) for i in range(NUM_FRAMES)]
LUMA = 40 + np.arange(NUM_FRAMES) * 170 / (NUM_FRAMES - 1)
GREYS = (LUMA - 16) * 255 / 219


def adaptive() -> list[tuple[int, bytes]]:
    """Every sixth frame in two packets, the others in one."""
    packets = []
    for number, pair in enumerate(PAIRS):
        at = 2 * number
        packets += [(at, FIELDS[at]), (at + 1, FIELDS[at + 1])] if number % 6 == 3 else [pair]
    return packets


WAYS = {
    "fields.mp4": list(enumerate(FIELDS)),
    "fields.mkv": list(enumerate(FIELDS)),
    "fields.mts": list(enumerate(FIELDS)),
    "one time a frame.mts": PAIRS,  # as AVCHD: the second field has no time of its own
    "frames.mp4": PAIRS,
    "some fields.mp4": adaptive(),
}


@pytest.mark.parametrize("name", WAYS)
def test_frames_and_speed_are_those_that_are_shown(tmp_path, name):
    path = write_fields(tmp_path / name, WAYS[name])
    info = probe_video(path)
    assert (info.num_frames, info.num_promised, info.fps) == (NUM_FRAMES, NUM_FRAMES, 25)
    assert info.duration_seconds == pytest.approx(NUM_FRAMES / 25)
    assert info.interlaced
    convert_video(path, tmp_path / "a.mp4", max_side=640)
    made = probe_video(tmp_path / "a.mp4")
    assert (made.num_frames, made.fps, made.interlaced) == (NUM_FRAMES, 25, False)
    expected = GREYS[[0, 8, 15, 23]]
    for video in (path, tmp_path / "a.mp4"):
        clip, num_repeated = extract_clip(video, num_frames=4, size=32)
        assert num_repeated == 0
        np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), expected, atol=2)
    shown = [frame.mean() for _, frame in steady_frames(path, interval=0.2, size=32, aspect="pad")]
    np.testing.assert_allclose(shown, GREYS[[0, 5, 10, 15, 20]], atol=2)


def test_a_bare_stream_has_half_as_many_frames_as_pictures(tmp_path):
    path = tmp_path / "bare.h264"
    path.write_bytes(b"".join(FIELDS))
    info = probe_video(path)
    assert (info.num_frames, info.num_promised, info.fps) == (NUM_FRAMES, NUM_FRAMES, 25)


def test_a_video_that_is_cut_off_says_how_many_frames_it_had(tmp_path):
    path = write_fields(tmp_path / "a.mp4", WAYS["fields.mp4"])
    content = path.read_bytes()
    index, start = content.index(b"moov") - 4, content.index(b"mdat") - 4
    size = int.from_bytes(content[start : start + 4])
    # The index first, so that it is there; places of the packets move with it.
    moved = bytearray(content[index:])
    place = moved.index(b"stco") + 8
    count = int.from_bytes(moved[place : place + 4])
    for at in range(place + 4, place + 4 + 4 * count, 4):
        moved[at : at + 4] = (int.from_bytes(moved[at : at + 4]) + len(moved)).to_bytes(4)
    path.write_bytes(content[:start] + moved + content[start : start + int(0.7 * size)])
    info = probe_video(path)
    assert info.num_promised == pytest.approx(NUM_FRAMES, abs=1)
    assert info.num_frames == pytest.approx(0.7 * NUM_FRAMES, abs=1)
    note = convert_step(path, tmp_path / "b.mp4", max_side=640)["note"]
    assert note == f"cut off: {info.num_frames} of {info.num_promised} frames are there"


@pytest.mark.parametrize("lost", [[0], [1], [20], [21], [5, 30], [40, 41, 42]])
def test_lost_fields_cost_their_frames_only(tmp_path, lost):
    packets = [(at, field) for at, field in enumerate(FIELDS) if at not in lost]
    # Without the first field, what tells of the stream's size comes at the next whole picture.
    path = write_fields(tmp_path / "a.mp4", packets)
    info = probe_video(path)
    assert NUM_FRAMES - len(lost) <= info.num_frames <= NUM_FRAMES
    assert info.duration_seconds == pytest.approx(NUM_FRAMES / 25, abs=0.09)
    meta = convert_step(path, tmp_path / "b.mp4", max_side=640)
    assert meta["status"] == "encoded"
    assert probe_video(tmp_path / "b.mp4").duration_seconds == pytest.approx(0.96, abs=0.09)
    preview_video(PreviewTask(path, 48, True))
    clip, _ = extract_clip(path, num_frames=4, size=32)
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), GREYS[[0, 8, 15, 23]], atol=20)


def test_a_video_with_few_frames_left_is_damaged(tmp_path):
    packets = [
        (at, bytes(len(field)) if 10 <= at < 44 else field) for at, field in enumerate(FIELDS)
    ]
    path = write_fields(tmp_path / "a.mp4", packets)
    with pytest.raises(har.video.reading.VideoError, match="only 7 of its 24 frames can be dec"):
        convert_video(path, tmp_path / "b.mp4", max_side=640)
    with pytest.raises(har.video.reading.VideoError, match="only 7 of its 24 frames can be dec"):
        extract_clip(path, num_frames=4, size=32)


def test_cuts_go_by_the_frames(tmp_path):
    path = write_fields(tmp_path / "a.mp4", WAYS["fields.mp4"])
    cut = Cut(tmp_path / "b.mp4", Span(0.2, 0.6, "seconds"))
    assert cut_video(path, [cut]) == [""]
    info = probe_video(cut.destination)
    assert (info.num_frames, info.fps) == (10, 25)
    numbered = Cut(tmp_path / "c.mp4", Span(5, 15, "frames"))
    assert cut_video(path, [numbered]) == [""]
    clip, _ = extract_clip(numbered.destination, num_frames=10, size=32)
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), GREYS[5:15], atol=3)


def test_interlaced_frames_in_a_packet_each_are_not_all_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.mp4"
    write_at_times(path, textured_frames(80), range(0, 3200, 40), x264="tff=1:interlaced=1")
    decoded = []
    decode = har.video.reading.decode_packet
    monkeypatch.setattr(
        har.video.reading,
        "decode_packet",
        lambda *of: [decoded.append(one) or one for one in decode(*of)],
    )
    assert len(read_video_timing(Path(path)).times) == 80
    assert len(decoded) < 30
