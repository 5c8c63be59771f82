"""The whole pipeline as `make repro` runs and shows it: lines, time left, what to do next."""
