"""MLflow: runs and the registry of models."""
