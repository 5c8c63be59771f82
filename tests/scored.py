"""Scores as `evaluate` writes them to scores.json."""

METRICS = {
    "model": "cnn3d",
    "grouped_by": "metadata.csv",
    "num_test_videos": 20,
    "num_test_subjects": 4,
    "accuracy": 0.85,
    "accuracy_low": 0.64,
    "accuracy_high": 0.95,
    "baselines": {
        f"{name}{end}": value
        for name in ("majority", "single_frame", "pooled_linear")
        for end, value in (("", 0.5), ("_low", 0.3), ("_high", 0.7))
    },
    "unsure": 0.1,
    "accuracy_if_sure": 0.9,
    "per_class": {"waving": {"precision": 1.0, "recall": 0.75, "support": 4}},
}
