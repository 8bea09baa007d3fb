"""Archives of captures as tasks of a Dask cluster."""
