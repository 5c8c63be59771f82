"""What every room stands on: cache, workers, steps, errors, progress, seeds, the repository."""
