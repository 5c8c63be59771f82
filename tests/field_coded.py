"""Interlaced H.264 as camcorders write it: the two fields of a frame are pictures of their own.

No encoder at hand writes it, so it is written here bit by bit, each pixel as it is (I_PCM).
Reference: ITU-T H.264, 7.3: NAL units, parameter sets, slice header and macroblocks.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

SIDE = 4  # macroblocks of 16 x 16 pixels
TICK = Fraction(1, 90_000)  # of a second
FIELD_TICKS = 1800  # 50 fields a second
FIRST_TICKS = 90_000
I_PCM = 25


class _Bits:
    def __init__(self) -> None:
        self.bits: list[int] = []

    def fixed(self, num_bits: int, value: int) -> "_Bits":
        self.bits += [(value >> place) & 1 for place in reversed(range(num_bits))]
        return self

    def golomb(self, *values: int) -> "_Bits":
        for value in values:
            length = (value + 1).bit_length()
            self.fixed(length - 1, 0).fixed(length, value + 1)
        return self

    def aligned(self) -> "_Bits":
        self.bits += [0] * (-len(self.bits) % 8)
        return self


def _nal(header: int, content: _Bits) -> bytes:
    out, num_zeros = bytearray(), 0
    for byte in np.packbits(np.array(content.fixed(1, 1).aligned().bits, np.uint8)).tobytes():
        if num_zeros >= 2 and byte <= 3:
            out.append(3)
            num_zeros = 0
        out.append(byte)
        num_zeros = num_zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([header]) + bytes(out)


def _parameter_sets() -> bytes:
    """Main profile, 16 frame numbers, 4 bits more of order, frames of two fields."""
    sequence = _Bits().fixed(24, 77 << 16 | 30).golomb(0, 0, 0, 4, 1).fixed(1, 0)
    sequence.golomb(SIDE - 1, SIDE // 2 - 1).fixed(5, 0b00100)
    picture = _Bits().golomb(0, 0).fixed(2, 0).golomb(0, 0, 0).fixed(3, 0)
    picture.golomb(0, 0, 0).fixed(3, 0b100)
    return _nal(0x67, sequence) + _nal(0x68, picture)


def _field(number: int, is_bottom: int, luma: int) -> bytes:
    is_first = number == 0 and not is_bottom
    bits = _Bits().golomb(0, 7, 0).fixed(4, number % 16).fixed(1, 1).fixed(1, is_bottom)
    if is_first:
        bits.golomb(0)
    bits.fixed(8, (2 * number + is_bottom) % 256)
    bits.fixed(2 if is_first else 1, 0).golomb(0, 1)
    for _ in range(SIDE * SIDE // 2):
        bits.golomb(I_PCM).aligned()
        bits.bits += np.unpackbits(np.full(256, luma, np.uint8)).tolist()
        bits.bits += np.unpackbits(np.full(128, 128, np.uint8)).tolist()
    return _nal(0x65 if is_first else 0x61, bits)


def field_pictures(num_frames: int) -> list[bytes]:
    """The fields of grey frames of 64 x 64 pixels that get brighter, two a frame."""
    return [
        (_parameter_sets() if number % 12 == 0 and not is_bottom else b"")
        + _field(number, is_bottom, 40 + round(number * 170 / max(1, num_frames - 1)))
        for number in range(num_frames)
        for is_bottom in (0, 1)
    ]


def write_fields(path: Path, packets: Iterable[tuple[int, bytes]]) -> Path:
    """Write packets, each with its time in fields since the first one."""
    packets = list(packets)
    raw = path.with_name(f"{path.name}.h264")
    raw.write_bytes(b"".join(content for _, content in packets))
    with av.open(str(raw)) as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        stream.time_base = TICK
        for (at, content), (after, _) in pairwise([*packets, (packets[-1][0] + 1, b"")]):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, TICK
            packet.pts = packet.dts = FIRST_TICKS + FIELD_TICKS * at
            packet.duration = FIELD_TICKS * (after - at)
            packet.is_keyframe = content.startswith(b"\0\0\0\1\x67")
            output.mux(packet)
    raw.unlink()
    return path
