"""Features: agreement with Keras, the same bits however they are made, the cache and the errors."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT
from reference_frames import reference_frames

import har.backbones.conversion
import har.backbones.extractor
from har.backbones.conversion import check_agreement
from har.backbones.extractor import Extractor, make_extractor
from har.engine.workers import map_in_threads

SIZE = 64
RANDOM = {"weights": "random", "seed": 0, "frame_size": SIZE}


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def extractor(cache_folder) -> Extractor:
    return make_extractor(**RANDOM, runtime="litert", num_threads=2, cache_folder=cache_folder)


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8) for _ in range(6)]


def test_make_extractor_agrees_with_keras_on_pretrained_weights(tmp_path):
    from har.backbones.building import build_backbone

    frames = np.stack(list(reference_frames().values()))
    features = make_extractor(runtime="litert", cache_folder=tmp_path)(frames)
    expected = build_backbone().predict(frames, verbose=0)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4)


def test_make_extractor_gives_the_same_bits_for_any_batch_and_number_of_threads(
    extractor, clips, cache_folder
):
    one_thread = make_extractor(
        **RANDOM, runtime="litert", num_threads=1, cache_folder=cache_folder
    )
    together = one_thread(clips[0])
    np.testing.assert_array_equal(extractor(clips[0]), together)
    np.testing.assert_array_equal(extractor(clips[0][::-1]), together[::-1])
    singly = np.concatenate([extractor(frame[None]) for frame in clips[0]])
    np.testing.assert_array_equal(singly, together)


def test_make_extractor_gives_the_same_bits_by_keras_for_any_place_in_the_batch(
    clips, extractor, cache_folder
):
    by_keras = make_extractor(**RANDOM, runtime="keras", cache_folder=cache_folder)
    frames = np.concatenate(clips * 2)[:40]  # more than a batch of 32, no multiple of it
    features = by_keras(frames)
    assert features.shape == (40, 1280)
    np.testing.assert_array_equal(by_keras(frames[33:36]), features[33:36])
    check_agreement(extractor(frames), features)
    assert by_keras.fingerprint != extractor.fingerprint


def test_make_extractor_needs_no_tensorflow_when_the_converted_model_is_cached(
    extractor, clips, cache_folder
):
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from har.backbones.extractor import make_extractor\n"
        f"extractor = make_extractor(**{RANDOM}, runtime='litert', "
        f"cache_folder=Path({str(cache_folder)!r}))\n"
        f"extractor(np.zeros((1, {SIZE}, {SIZE}, 3), np.uint8))\n"
        "print(extractor.fingerprint, 'tensorflow' in sys.modules or 'keras' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == [extractor.fingerprint, "False"]
    assert done.stderr == ""


def test_make_extractor_has_a_fingerprint_of_what_decides_the_features(extractor, cache_folder):
    def fingerprint(**changes):
        options = {"runtime": "litert", "cache_folder": cache_folder, **RANDOM} | changes
        return make_extractor(**options).fingerprint

    assert fingerprint(num_threads=1) == extractor.fingerprint
    others = {fingerprint(seed=1), fingerprint(frame_size=32), extractor.fingerprint}
    assert len(others) == 3


@pytest.mark.parametrize(("has_gpu", "runtime"), [(False, "litert"), (True, "keras")])
def test_make_extractor_chooses_keras_only_with_a_graphics_card(
    has_gpu, runtime, cache_folder, monkeypatch
):
    monkeypatch.setattr(har.backbones.extractor, "_has_gpu", lambda: has_gpu)
    assert make_extractor(**RANDOM, cache_folder=cache_folder).runtime == runtime


def test_make_extractor_makes_a_damaged_converted_model_again(
    extractor, cache_folder, tmp_path, clips, capsys
):
    copy = shutil.copytree(cache_folder, tmp_path / "copy")
    for made in copy.glob("backbone/*/*.npz"):
        made.unlink()
        made.write_bytes(b"cut short")
    again = make_extractor(**RANDOM, runtime="litert", cache_folder=copy)(clips[0])
    np.testing.assert_array_equal(again, extractor(clips[0]))
    assert "damaged" in capsys.readouterr().err


def test_make_extractor_fails_when_litert_disagrees_with_keras(
    extractor, cache_folder, monkeypatch
):
    monkeypatch.setattr(har.backbones.conversion, "MAX_ERROR", 0.0)
    with pytest.raises(ValueError, match=r"differ from those by Keras.*features\.runtime"):
        make_extractor(**RANDOM, runtime="litert", cache_folder=cache_folder)


def test_make_extractor_names_the_other_runtime_when_litert_cannot_run_the_backbone(
    cache_folder, monkeypatch
):
    import har.backbones.building
    from har.engine.runtime import keras

    def build(**options):
        frames = keras.Input((SIZE, SIZE, 3))
        x = keras.layers.Reshape((SIZE * SIZE, 3))(frames)
        x = keras.layers.EinsumDense("bnd,d->bnd", x.shape[1:], name="scale")(x)
        model = keras.Model(frames, keras.layers.GlobalAveragePooling1D()(x), name="scaled")
        model.trainable = False
        return model

    monkeypatch.setattr(har.backbones.building, "build_backbone", build)
    message = r"scaled could not be converted to LiteRT: .*Set features\.runtime to 'keras'"
    with pytest.raises(ValueError, match=message):
        make_extractor(**RANDOM | {"seed": 7}, runtime="litert", cache_folder=cache_folder)
    options = RANDOM | {"seed": 7, "cache_folder": cache_folder}
    assert make_extractor(**options, runtime="keras").runtime == "keras"


def test_make_extractor_refuses_an_unknown_runtime():
    with pytest.raises(ValueError, match=r"features\.runtime is 'torch', expected one of: auto"):
        make_extractor(runtime="torch")


def test_make_extractor_refuses_a_negative_number_of_threads():
    with pytest.raises(ValueError, match="num_threads is -1"):
        make_extractor(num_threads=-1)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((2, SIZE, SIZE, 3), np.float32),
        np.zeros((2, SIZE, SIZE + 1, 3), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
        np.zeros((0, SIZE, SIZE, 3), np.uint8),
    ],
)
def test_extractor_refuses_frames_of_another_type_or_shape(frames, extractor):
    with pytest.raises(ValueError, match=r"expected uint8 and \(num_frames, 64, 64, 3\)"):
        extractor(frames)


def test_extractor_runs_repeated_frames_once(clips):
    seen = []

    def mean_colour(frames):
        seen.extend(frames)
        return frames.mean(axis=(1, 2)).astype(np.float32)

    fake = Extractor([mean_colour], runtime="fake", fingerprint="", frame_size=SIZE)
    frames = clips[0][[0, 0, 1, 2, 2, 2, 0]]
    np.testing.assert_array_equal(fake(frames), mean_colour(frames))
    assert len(seen) == 4 + 7  # 0 1 2 0, then all seven for the expected value


def extract(clips, extractor: Extractor):
    """Yield the key and the features of each clip, with as many at once as there are threads."""
    return map_in_threads(
        lambda one: (one[0], extractor.run(one[1])), clips, num_threads=extractor.num_threads
    )


def test_clips_in_threads_keep_keys_and_order(extractor, clips):
    found = list(extract(zip("abcdef", clips, strict=True), extractor))
    assert [key for key, _ in found] == list("abcdef")
    for (_, features), clip in zip(found, clips, strict=True):
        np.testing.assert_array_equal(features, extractor(clip))


def test_clips_in_threads_are_read_only_a_few_ahead(clips):
    num_read = 0

    def read():
        nonlocal num_read
        for number in range(100):
            num_read += 1
            yield number, clips[0]

    fake = Extractor(
        [lambda frames: np.zeros((len(frames), 3), np.float32)] * 2,
        runtime="fake",
        fingerprint="",
        frame_size=SIZE,
    )
    features = extract(read(), fake)
    next(features)
    assert num_read <= 2 * fake.num_threads + 1
    features.close()


def test_clips_in_threads_pass_on_the_error_of_a_bad_one(extractor, clips):
    items = [("good", clips[0]), ("bad", clips[0][:, :32])]
    with pytest.raises(ValueError, match=r"extract\.size"):
        list(extract(items, extractor))


def test_check_agreement_is_relative_to_the_largest_feature():
    expected = np.array([[0.0, 10.0]], np.float32)
    error = check_agreement(expected + np.float32(5e-4), expected)
    assert error == pytest.approx(5e-5, rel=0.01)
    with pytest.raises(ValueError, match=r"differ from those by Keras by 2\.0e-04"):
        check_agreement(expected + np.float32(2e-3), expected)


def test_check_agreement_refuses_not_a_number():
    expected = np.ones((1, 2), np.float32)
    with pytest.raises(ValueError, match="differ"):
        check_agreement(np.full((1, 2), np.nan, np.float32), expected)


def test_has_gpu_does_not_ask_tensorflow_when_there_is_no_driver(monkeypatch):
    monkeypatch.setattr(os.path, "exists", lambda file: False)
    assert har.backbones.extractor._has_gpu() is False
