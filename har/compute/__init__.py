"""Where work on many items runs: in processes of this machine or by workers of a Dask scheduler.

Both ways keep the same promise: an item that hangs, crashes or eats memory costs itself only.
"""
