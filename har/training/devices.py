"""Which devices train: one, the graphics cards of this machine, or several machines.

Several are TensorFlow's own `tf.distribute`: each has a copy of the model and takes its share of
every step's examples, and their gradients are added. The machines of a `multi_worker` training are
named by `TF_CONFIG`, as TensorFlow has it; the first of them is the chief, which alone writes.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from har.engine.runtime import keras, tf

if TYPE_CHECKING:
    from har.settings.sections import Train

EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", '
    '"index": 0}}'
)


@dataclass(frozen=True)
class Devices:
    """What a model is built and trained on.

    Attributes:
        strategy: A `tf.distribute.Strategy`; None: one device, without one.
        precision: Of the numbers, as `train.precision` has it.
        xla: Whether XLA compiles the steps.
        is_chief: Whether this process writes what is trained.
    """

    strategy: Any = None
    precision: str = "float32"
    xla: bool = False
    is_chief: bool = True

    @property
    def are_plain(self) -> bool:
        """Whether a model of them is as one is used: on one device, of float32."""
        return self.strategy is None and self.precision == "float32"

    @contextlib.contextmanager
    def building(self) -> Iterator[None]:
        """Let models that are built within it be of these devices and this precision."""
        before = keras.config.dtype_policy()
        scope = contextlib.nullcontext() if self.strategy is None else self.strategy.scope()
        with scope:
            keras.config.set_dtype_policy(self.precision)
            try:
                yield
            finally:
                keras.config.set_dtype_policy(before)

    def prepare(self, model: keras.Model) -> None:
        """Let batch normalization go by the examples of all devices, as it does on one."""
        if self.strategy is not None:
            for layer in model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True


def choose_devices(options: Train, *, most: int) -> Devices:
    """Return the devices that `train` in params.yaml asks for, and say what is unusual of them.

    For several machines it connects them, so it must come before TensorFlow's first operation.

    Args:
        options: The section `train`.
        most: Graphics cards to use at most: the examples of a step.

    Raises:
        ValueError: There are fewer devices than asked for, `TF_CONFIG` is missing or wrong, or
            what is asked for does not go together.
    """
    cards = tf.config.list_physical_devices("GPU")
    if not cards:
        _check_without_card(options)
    if options.strategy == "multi_worker":
        cluster = read_cluster()
        _check_several(options)
        return Devices(_connect(cluster), options.precision, is_chief=cluster.place == 0)
    if "TF_CONFIG" in os.environ:
        print(
            f"warning: TF_CONFIG is set, and train.strategy is {options.strategy}, which trains on "
            "this machine alone. For several machines set it to multi_worker."
        )
    number = min(len(cards), most)
    if number > 1:
        _check_several(options)
        print(f"train: mirrored on {number} of {len(cards)} graphics cards")
        strategy = tf.distribute.MirroredStrategy([f"GPU:{place}" for place in range(number)])
        return Devices(strategy, options.precision, options.xla)
    if options.strategy == "mirrored":
        raise ValueError(
            f"train.strategy is mirrored, TensorFlow sees {_count(len(cards))}, and a step has "
            f"{most} examples; expected two or more of both. Set train.strategy to auto in "
            "params.yaml; docs/gpu.md says how TensorFlow comes to see a card."
        )
    return Devices(None, options.precision, options.xla)


@dataclass(frozen=True)
class Cluster:
    """The machines of a training.

    Attributes:
        addresses: HOST:PORT of each, the chief's first.
        place: Of this process among them.
    """

    addresses: list[str]
    place: int


def read_cluster() -> Cluster:
    """Return what `TF_CONFIG` says.

    Raises:
        ValueError: It is missing, or not as TensorFlow expects it.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        raise ValueError(
            "train.strategy is multi_worker, and the environment variable TF_CONFIG is not set; "
            f"expected one as {EXAMPLE} in each process, with its own index. For this machine "
            "alone set train.strategy to auto."
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        groups = [("chief", place) for place in range(len(cluster.get("chief", [])))]
        groups += [("worker", place) for place in range(len(cluster.get("worker", [])))]
        addresses = [cluster[kind][place] for kind, place in groups]
        place = groups.index((task["type"], int(task["index"])))
        are_addresses = all(address.rpartition(":")[2].isdecimal() for address in addresses)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"TF_CONFIG cannot be used ({type(error).__name__}: {error}): {text}. Expected one as "
            f"{EXAMPLE}, whose task is one of its cluster's chief and workers."
        ) from error
    if not are_addresses or len(set(addresses)) < len(addresses):
        raise ValueError(
            f"TF_CONFIG has the addresses {', '.join(addresses)}; expected HOST:PORT, another one "
            "for each process."
        )
    return Cluster(addresses, place)


def is_chief(options: Train) -> bool:
    """Return whether this process is the one that writes; see `read_cluster` for errors."""
    return options.strategy != "multi_worker" or read_cluster().place == 0


def _connect(cluster: Cluster) -> Any:
    """Return the strategy of several machines, when all of them have come."""
    role = "chief" if cluster.place == 0 else "worker"
    print(
        f"train: process {cluster.place + 1} of {len(cluster.addresses)}, the {role}, at "
        f"{cluster.addresses[cluster.place]}; waits for the others",
        flush=True,
    )
    return tf.distribute.MultiWorkerMirroredStrategy()


def _check_several(options: Train) -> None:
    if options.precision == "mixed_float16":
        raise ValueError(
            "train.precision is mixed_float16, whose scaled losses Keras does not share out to "
            "several devices. Set it to mixed_bfloat16, which needs no scaling, or to float32; for "
            "one of several cards set the environment variable CUDA_VISIBLE_DEVICES=0."
        )
    if options.xla:
        raise ValueError(
            "train.xla is true, which is for one device: XLA does not compile what several say to "
            "each other. Set it to false."
        )


def _check_without_card(options: Train) -> None:
    """Refuse what a processor cannot do, and say what is slow on it."""
    if options.precision == "mixed_float16":
        raise ValueError(
            "train.precision is mixed_float16, and TensorFlow sees no graphics card; it has not "
            "all operations of that kind for a processor. Set it to float32 in params.yaml."
        )
    slow = ["train.precision is mixed_bfloat16"] if options.precision != "float32" else []
    slow += ["train.xla is true"] if options.xla else []
    if slow:
        print(
            f"warning: {' and '.join(slow)}, and TensorFlow sees no graphics card: most processors "
            "train slower so (docs/gpu.md)."
        )


def _count(num_cards: int) -> str:
    return "one graphics card" if num_cards == 1 else f"{num_cards or 'no'} graphics cards"
