"""Networks that ask for gigabytes, never end or crash whoever opens them."""

import time

import pytest
from hostile_networks import write_convolutions, write_filling, write_loop

from har.backbones.litert import try_network
from har.integrity import trial
from har.integrity.trial import try_files

HOSTILE = {
    "filling": (write_filling, {}, r"cannot be opened"),
    "convolutions": (write_convolutions, {}, r"(cannot be opened|needed more than 1 GB)"),
    "endless": (write_loop, {"of_itself": False}, r"took longer than 1 s and was stopped"),
    "loop of itself": (write_loop, {"of_itself": True}, r"crashed the process .*SIGSEGV"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_network_is_refused_by_name(name, tmp_path, monkeypatch):
    write, options, said = HOSTILE[name]
    path = tmp_path / "model.tflite"
    write(path, **options)
    monkeypatch.setattr(trial, "SECONDS", 10 if name == "convolutions" else 1)
    began = time.monotonic()
    with pytest.raises(ValueError, match=rf"{path} is damaged or too large: .*{said}"):
        try_files(try_network, [path], remedy="Get it again.")
    assert time.monotonic() - began < 20
