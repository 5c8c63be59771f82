"""A view of MLflow's list of runs that has the scores as columns.

MLflow's page shows at first the source, the models and the data set of each run and no metric,
which nothing that is stored changes. A saved view is a tag of the experiment, and the page offers
it under *Views* (`savedViewEnvelope.ts` and `ExperimentPageUIState.tsx` in MLflow's sources); what
it leaves out is as MLflow has it by default.
"""

import json

SCORES = ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "loss")
_STATE = {"selectedColumns": [f"metrics.`{name}`" for name in SCORES]}
VIEW = {
    "mlflow.sharedViewState.scores": json.dumps(
        {"name": "Scores", "createdAt": 0, "state": json.dumps(_STATE)}
    )
}
