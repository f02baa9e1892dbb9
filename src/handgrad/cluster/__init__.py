"""The one door to an engine: tasks run in local processes, on a Dask cluster of this machine, or on any Dask scheduler."""
