"""Three simple classifiers that every model must stand beside.

They are fitted on the same training videos and views as the model, on all that the stage `features`
has made of them, and nothing of them is chosen on the test videos:

- *majority* always says the commonest training label (of equally common ones the first by name);
- *single frame* is a linear model on the middle frame's features: what no motion is needed for;
- *pooled linear* is a linear model on the features' mean, standard deviation and mean absolute
  difference over time: what motion adds without a network.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from har.features.packed import read_features
from har.training.examples import Examples

MAX_ITERATIONS = 2000
MAX_EXAMPLES = 10_000  # videos and views to fit on, so that memory is the same for any number


def pooled_statistics(features: np.ndarray) -> np.ndarray:
    """Return what the features are and how they change over time.

    Args:
        features: float, shape (..., num_frames, num_features).

    Returns:
        float, shape (..., 3 * num_features): mean, standard deviation and mean absolute difference
        between one frame and the next.

    Example:
        >>> pooled_statistics(np.array([[1.0], [3.0]])).tolist()
        [2.0, 1.0, 2.0]
    """
    num_differences = max(1, features.shape[-2] - 1)  # a single frame has not changed
    difference = np.abs(np.diff(features, axis=-2)).sum(axis=-2) / num_differences
    return np.concatenate([features.mean(axis=-2), features.std(axis=-2), difference], axis=-1)


def middle_frame(features: np.ndarray) -> np.ndarray:
    """Return the features of the middle frame, shape (..., num_features)."""
    return features[..., features.shape[-2] // 2, :]


def predict_baselines(
    videos: pd.DataFrame,
    labels: list[str],
    *,
    fit_on: Sequence[str] = ("train",),
    none_label: str | None = None,
    drawn: Examples | None = None,
) -> dict[str, np.ndarray]:
    """Fit the three baselines on the training videos and predict the test videos.

    Args:
        videos: One row a video, with `label`, `split`, `weight` and `features_path`, a packed file
            as `har.features.packed.read_features` takes it. Each training view is an example.
        labels: Names of the classes, in order.
        fit_on: The splits that the model was trained on.
        none_label: The label that is no action, which *majority* does not say; None for none.
        drawn: Drawn sequences that the model was trained on too.

    Returns:
        The predicted label index of each test video, int, by the baseline's name.
    """
    train, test = (videos[videos["split"].isin(splits)] for splits in (fit_on, ["test"]))
    label_indices = train["label"].map(labels.index).to_numpy()
    paths = train["features_path"].tolist()
    examples = choose_examples([len(_load(path)) for path in paths], maximum=MAX_EXAMPLES)
    chosen = [video for video, _ in examples]
    targets, weights = label_indices[chosen], train["weight"].to_numpy()[chosen]
    of_actions = label_indices[(train["label"] != none_label).to_numpy()]
    predictions = {"majority": predict_majority(of_actions, len(test))}
    sequences = [] if drawn is None else [drawn.read(at, 0) for at in range(drawn.num_drawn)]
    if drawn is not None:
        targets = np.concatenate([targets, drawn.label_indices])
        weights = np.concatenate([weights, drawn.weights])
    for name, summarize in (("single_frame", middle_frame), ("pooled_linear", pooled_statistics)):
        # Copies, so that no file stays open: there can be thousands.
        inputs = [np.array(summarize(_load(paths[video])[view])) for video, view in examples]
        inputs += map(summarize, sequences)
        tested = [np.array(summarize(_load(path)[0])) for path in test["features_path"]]
        classifier = fit_linear(np.stack(inputs), targets, weights)
        predictions[name] = classifier.predict(np.stack(tested))
    return predictions


def choose_examples(num_views: list[int], *, maximum: int) -> list[tuple[int, int]]:
    """Return which views of which videos to fit on: all, or as many as allowed.

    Where they are too many, every video keeps its first views, and where there are too many videos,
    they are drawn.

    Args:
        num_views: Of each video, the clip itself counted.
        maximum: Most examples to return.

    Returns:
        Pairs of a video's place and a view's number, in order.

    Example:
        >>> choose_examples([2, 2, 2], maximum=4)
        [(0, 0), (1, 0), (2, 0), (2, 1)]
    """
    drawn = np.random.default_rng(0).permutation(len(num_views)).tolist()
    rounds = range(max(num_views, default=0))
    examples = ((video, view) for view in rounds for video in drawn if view < num_views[video])
    return sorted(itertools.islice(examples, maximum))


def _load(path: str) -> np.ndarray:
    return read_features(path)[0]


def predict_majority(label_indices: np.ndarray, num_test_videos: int) -> np.ndarray:
    """Return the commonest training label for every test video."""
    return np.full(num_test_videos, np.bincount(label_indices).argmax())


def fit_linear(inputs: np.ndarray, label_indices: np.ndarray, weights: np.ndarray) -> Pipeline:
    """Fit logistic regression on standardized inputs.

    Args:
        inputs: float, shape (num_examples, num_inputs).
        label_indices: int, shape (num_examples,).
        weights: float, shape (num_examples,), each example's weight in the loss.
    """
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))
    return classifier.fit(inputs, label_indices, logisticregression__sample_weight=weights)
