"""Devices: what is chosen, what is refused, and that two devices train what one does."""

import json
import subprocess
import sys

import pytest
from places import ROOT

from har.engine.runtime import tf
from har.settings.sections import Train
from har.training import devices
from har.training.devices import choose_devices, is_chief, read_cluster


def config(addresses: list[str], kind: str = "worker", index: int = 0, **more: object) -> str:
    return json.dumps(
        {"cluster": {"worker": addresses}, "task": {"type": kind, "index": index}} | more
    )


HOSTS = ["10.0.0.1:2222", "10.0.0.2:2222"]


def test_auto_is_one_device_on_a_processor(capsys):
    chosen = choose_devices(Train(), most=16)
    assert chosen.are_plain
    assert chosen.strategy is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "mirrored"}, "is mirrored, TensorFlow sees no graphics cards.*to auto"),
        ({"strategy": "multi_worker"}, "TF_CONFIG is not set; expected one as .*index"),
        ({"precision": "mixed_float16"}, "mixed_float16, and TensorFlow sees no graphics card"),
    ],
)
def test_choose_devices_refuses_what_a_processor_has_not(monkeypatch, options, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=message):
        choose_devices(Train(**options), most=16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "mixed_float16"}, "mixed_float16, whose scaled losses.*mixed_bfloat16"),
        ({"xla": True}, "train.xla is true, which is for one device"),
    ],
)
def test_choose_devices_refuses_what_several_cards_cannot(monkeypatch, options, message):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0", "GPU:1"])
    with pytest.raises(ValueError, match=message):
        choose_devices(Train(**options), most=16)


def test_choose_devices_says_what_is_slow_and_what_is_not_used(monkeypatch, capsys):
    monkeypatch.setenv("TF_CONFIG", config(HOSTS))
    chosen = choose_devices(Train(precision="mixed_bfloat16", xla=True), most=16)
    assert (chosen.strategy, chosen.precision, chosen.xla) == (None, "mixed_bfloat16", True)
    slow, unused = capsys.readouterr().out.splitlines()
    assert slow.startswith("warning: train.precision is mixed_bfloat16 and train.xla is true, and")
    assert unused.startswith("warning: TF_CONFIG is set, and train.strategy is auto")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG cannot be used .JSONDecodeError"),
        ("[]", "TF_CONFIG cannot be used .TypeError"),
        ("{}", "TF_CONFIG cannot be used .KeyError: 'cluster'"),
        (config(HOSTS, index=2), "whose task is one of its cluster's chief and workers"),
        (config(HOSTS, kind="ps"), "whose task is one of its cluster's chief and workers"),
        (config([HOSTS[0], "10.0.0.2"]), "addresses 10.0.0.1:2222, 10.0.0.2; expected HOST:PORT"),
        (config([HOSTS[0], HOSTS[0]]), "another one for each process"),
    ],
    ids=range(7),
)
def test_read_cluster_refuses_what_tensorflow_would_not_take(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=message):
        read_cluster()


def test_the_chief_is_the_first_worker_or_the_one_named_so(monkeypatch):
    together = Train(strategy="multi_worker")
    monkeypatch.setenv("TF_CONFIG", config(HOSTS, index=1))
    assert read_cluster() == devices.Cluster(HOSTS, 1)
    assert not is_chief(together)
    assert is_chief(Train())  # which trains alone
    with_chief = {"cluster": {"chief": ["a:1"], "worker": HOSTS}}
    monkeypatch.setenv("TF_CONFIG", config([], kind="worker", index=0, **with_chief))
    assert read_cluster() == devices.Cluster(["a:1", *HOSTS], 1)
    assert not is_chief(together)
    monkeypatch.setenv("TF_CONFIG", config([], kind="chief", index=0, **with_chief))
    assert is_chief(together)


@pytest.mark.slow
def test_two_devices_train_what_one_does():
    """Also where the last step has no example for the second; frames, and batch normalization."""
    command = [sys.executable, "-m", "tests.two_devices", "cnn3d", "float32"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    differs = json.loads(ended.stdout.splitlines()[-1])
    assert differs["scores"] < 1e-3
    assert differs["weights"] < 1e-3
