"""Colours that an ordinary screen cannot show, HDR and wide gamuts, as it would show them: BT.709.

The decoders leave such pictures as they are stored, where taken for BT.709 a red is a dull brown.
Light is measured in that of a white sheet of paper, 203 cd/m2 in HDR: dark and middle tones stay as
they are, and highlights up to 1000 cd/m2 are compressed, not cut. It is what FFmpeg calls::

    zscale=t=linear:npl=203:agamma=0,format=gbrpf32le,zscale=p=bt709,
    tonemap=mobius:desat=0:peak=4.926,zscale=t=bt709

where `agamma=0` gives HLG the gamma of BT.2100, which depends on the luminance; `mobius` is the
curve that leaves the other tones alone.

Reference: ITU-R BT.2100 (HLG and PQ), BT.2408 (the white of HDR), BT.1886 (that of SDR); FFmpeg,
libavfilter/vf_tonemap.c (the curve). PyAV's wheel has no zscale, so it is done here in NumPy.
"""

import functools
import sys
from collections.abc import Callable
from enum import IntEnum

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import (
    ColorPrimaries,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

WHITE_NITS = 203.0  # cd/m2 of white paper in HDR, by BT.2408; white in the result
PEAK_NITS = 1000.0  # the brightest that HLG has, and that phones write in PQ
LINEAR_BELOW = 0.3  # of white: darker light stays as it is
SDR_GAMMA = 2.4  # of a screen, by BT.1886
HLG_GAMMA = 1.2  # of a screen of 1000 cd/m2
UNSAID = 2  # in place of a matrix, by ITU-T H.273
NUM_CODES = 1 << 16
BLOCK_PIXELS = 1 << 14  # done at once, so that what is needed for it stays in the cache
DEEP_RGB = "gbrp16le"  # 16 bits keep the steps of HDR in the shadows

HDR = {ColorTrc.ARIB_STD_B67: "HLG", ColorTrc.SMPTE2084: "PQ"}
GAMUTS = {
    ColorPrimaries.BT2020: "BT.2020",
    ColorPrimaries.SMPTE431: "DCI-P3",
    ColorPrimaries.SMPTE432: "Display P3",
}
# x and y of red, green, blue and white, by ITU-T H.273, table 2.
_D65 = (0.3127, 0.3290)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
CHROMATICITIES = {
    ColorPrimaries.BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    ColorPrimaries.BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    ColorPrimaries.SMPTE431: (*_P3, (0.314, 0.351)),
    ColorPrimaries.SMPTE432: (*_P3, _D65),
}
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def beyond_sdr(frame: av.VideoFrame) -> str:
    """Return which colours a frame has that no ordinary screen shows; empty for none."""
    if curve := HDR.get(frame.color_trc):
        return f"HDR ({curve})"
    gamut = GAMUTS.get(frame.color_primaries)
    return f"wide gamut ({gamut})" if gamut else ""


def unsaid_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """Return the matrix to take where a frame of HDR does not say its own; None where it does."""
    is_unsaid = frame.colorspace == UNSAID and frame.color_trc in HDR
    return Colorspace.BT2020 if is_unsaid else None


def has_colours_of_dolby(frame: av.VideoFrame) -> bool:
    """Return whether a frame is Dolby Vision that nothing else can show: profile 5, or 10.0 of AV1.

    Its pictures are in no space that FFmpeg's scaler knows, and green where taken for any other.
    Other profiles are HDR or SDR with additions. Reference: FFmpeg, libavutil/dovi_meta.h.
    """
    found = frame.side_data.get(SideData.DOVI_METADATA)
    if found is None:
        return False
    content = bytes(found)
    header = int.from_bytes(content[:8], sys.byteorder)
    return content[header + 4] == 0  # vdr_rpu_profile: 1 for those that others can show


def to_rgb(
    frame: av.VideoFrame,
    width: int | None = None,
    height: int | None = None,
    *,
    interpolation: Interpolation | None = None,
    scaler: VideoReformatter | None = None,
    pixel_format: str = "rgb24",
    threads: int | None = None,
) -> np.ndarray:
    """Return a decoded frame, scaled, in the colours of an ordinary screen.

    All that looks at frames goes through here, but for `convert`, which shares `to_sdr`.

    Args:
        frame: As it is stored.
        width: Of the result; None for that of the frame.
        height: Likewise.
        interpolation: Of the scaling; None for bilinear.
        scaler: Kept from frame to frame, which saves its making.
        pixel_format: On the way, of frames without HDR or a wide gamut: `rgb24` or `gbrp`.
        threads: Of the scaling; None for as many as there are processors.

    Returns:
        uint8 RGB, shape (height, width, 3).
    """
    reformat = (scaler or VideoReformatter()).reformat
    is_beyond = bool(beyond_sdr(frame))
    scaled = reformat(
        frame,
        width=width,
        height=height,
        format=DEEP_RGB if is_beyond else pixel_format,
        src_colorspace=unsaid_matrix(frame),
        interpolation=interpolation,
        threads=threads,
    )
    return to_sdr(scaled) if is_beyond else scaled.to_ndarray()


def to_sdr(frame: av.VideoFrame) -> np.ndarray:
    """Return a frame for which `beyond_sdr` has an answer in BT.709 and SDR.

    Args:
        frame: In the format `DEEP_RGB`, and still saying how its colours are meant.

    Returns:
        uint8 RGB, shape (height, width, 3).
    """
    curve = HDR.get(frame.color_trc, "SDR")
    # Either curve is for BT.2020, where a file does not say.
    primaries = frame.color_primaries
    if primaries not in CHROMATICITIES:
        primaries = ColorPrimaries.BT2020 if curve != "SDR" else ColorPrimaries.BT709
    codes = frame.to_ndarray()
    shown = np.empty(codes.shape, np.uint8)
    num_rows = max(1, BLOCK_PIXELS // codes.shape[1])
    for top in range(0, len(codes), num_rows):
        rows = slice(top, top + num_rows)
        shown[rows] = _on_screen(codes[rows], curve, _to_bt709(primaries))
    return shown


def _on_screen(codes: np.ndarray, curve: str, to_bt709: np.ndarray) -> np.ndarray:
    light = _LIGHT[curve](codes) @ to_bt709.T
    if curve != "SDR":
        brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
        light *= _compressed(brightest) / brightest
    np.clip(light, 0, 1, out=light)
    return np.round(255 * light ** np.float32(1 / SDR_GAMMA)).astype(np.uint8)


def _hlg_light(codes: np.ndarray) -> np.ndarray:
    """Return the light of a screen of 1000 cd/m2, in whites, from the stored values."""
    scene = _hlg_scene()[codes]
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    scene *= (PEAK_NITS / WHITE_NITS * luminance ** (HLG_GAMMA - 1))[..., None]
    return scene


@functools.cache
def _hlg_scene() -> np.ndarray:
    """Return the light of the scene, 0 to 1, for each stored value."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.linspace(0, 1, NUM_CODES)
    bright = (np.exp((signal - c) / a) + b) / 12
    return np.where(signal <= 0.5, signal**2 / 3, bright).astype(np.float32)


@functools.cache
def _pq_light() -> np.ndarray:
    """Return the light in whites for each stored value."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = np.linspace(0, 1, NUM_CODES) ** (1 / m2)
    nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return (nits / WHITE_NITS).astype(np.float32)


@functools.cache
def _sdr_light() -> np.ndarray:
    """Return the light in whites for each stored value."""
    return (np.linspace(0, 1, NUM_CODES) ** SDR_GAMMA).astype(np.float32)


_LIGHT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "HLG": _hlg_light,
    "PQ": lambda codes: _pq_light()[codes],
    "SDR": lambda codes: _sdr_light()[codes],
}


def _compressed(light: np.ndarray) -> np.ndarray:
    """Return light of which the peak is white, and what is below `LINEAR_BELOW` as it was."""
    low, peak = LINEAR_BELOW, PEAK_NITS / WHITE_NITS
    a = -(low**2) * (peak - 1) / (low**2 - 2 * low + peak)
    b = (low**2 - 2 * low * peak + peak) / (peak - 1)
    bright = (b**2 + 2 * b * low + low**2) / (b - a) * (light + a) / (light + b)
    return np.where(light <= low, light, bright)


@functools.cache
def _to_bt709(primaries: IntEnum) -> np.ndarray:
    """Return the matrix that takes linear RGB of some primaries to that of BT.709."""
    source, target = CHROMATICITIES[primaries], CHROMATICITIES[ColorPrimaries.BT709]
    seen, wanted = BRADFORD @ _xyz(source[3]), BRADFORD @ _xyz(target[3])
    adapted = np.linalg.inv(BRADFORD) @ np.diag(wanted / seen) @ BRADFORD
    matrix = np.linalg.inv(_rgb_to_xyz(target)) @ adapted @ _rgb_to_xyz(source)
    return matrix.astype(np.float32)


def _rgb_to_xyz(chromaticities: tuple[tuple[float, float], ...]) -> np.ndarray:
    *primaries, white = map(_xyz, chromaticities)
    columns = np.stack(primaries, axis=1)
    return columns * np.linalg.solve(columns, white)


def _xyz(place: tuple[float, float]) -> np.ndarray:
    """Return X, Y and Z of a chromaticity at the luminance 1."""
    x, y = place
    return np.array([x / y, 1, (1 - x - y) / y])
