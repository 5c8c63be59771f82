"""Balancing the classes of the training split; validation and test stay as they are."""

import pandas as pd

from har.engine.seeds import generator_for

METHODS = ("downsample", "none", "class_weight")


def balance(
    manifest: pd.DataFrame, *, method: str, seed: int, none_label: str | None = None
) -> pd.DataFrame:
    """Balance the training split and give each of its videos a weight in the loss.

    Args:
        manifest: One row a video, with `video_id`, `label`, `subject` and `split`.
        method: `downsample` keeps as many videos of each label as the smallest has, from as many
            people as possible; `none` keeps all, and training draws each label equally often;
            `class_weight` keeps all and weights each label's loss by the inverse of its count.
        seed: Decides which videos are kept.
        none_label: The label that is no action. Where it has fewer videos, the actions lose none by
            it. `downsample` keeps at most as many of its videos as of each action, and `none` as of
            the commonest: of many more, actions of new people are taken for it
            (docs/research-notes.md).

    Returns:
        The rows kept, in their old order, with a column `weight` whose mean over train is 1.

    Raises:
        ValueError: The method is unknown or a label has no training video.
    """
    if method not in METHODS:
        raise ValueError(f"downsample.method is {method!r}; expected one of {', '.join(METHODS)}.")
    is_train = manifest["split"] == "train"
    counts = manifest.loc[is_train, "label"].value_counts()
    empty = sorted(set(manifest["label"]) - set(counts.index))
    if empty:
        raise ValueError(
            f"No training video has the label {empty[0]!r}. Add videos of it or remove its folder."
        )
    kept = manifest.assign(weight=1.0)
    if method == "class_weight":
        inverse = is_train.sum() / (len(counts) * counts)
        kept.loc[is_train, "weight"] = manifest.loc[is_train, "label"].map(inverse)
    else:
        of_actions = counts[counts.index != none_label]
        if method == "downsample":
            most = dict.fromkeys(counts.index, of_actions.min())
        else:
            most = {none_label: of_actions.max()}
        rank = _rank_within_label(manifest[is_train], seed)
        limit = manifest["label"].map(most)[rank.index]  # NaN, which is never reached: all are kept
        kept = kept.drop(rank.index[rank >= limit])
    return kept


def _rank_within_label(training: pd.DataFrame, seed: int) -> pd.Series:
    """Number each label's videos from 0, one of every person before a second of any."""
    draw = training["video_id"].map(lambda name: generator_for(seed, "downsample", name).random())
    turn = draw.groupby([training["label"], training["subject"]]).rank(method="first")
    order = pd.DataFrame({"label": training["label"], "turn": turn, "draw": draw})
    return order.sort_values(["turn", "draw"]).groupby("label").cumcount()
