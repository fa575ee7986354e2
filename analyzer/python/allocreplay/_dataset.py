"""A dataset that can be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

import pandas as pd

from ._engines import CommandEngine, DuckDBEngine, Engine, tables_of
from ._frames import frame_of
from ._plots import Plots
from ._views import all_views


class Dataset:
    """A directory that ``allocreplay analyze`` wrote; see :func:`allocreplay.open`."""

    def __init__(self, directory: Path, engine: Engine):
        self.directory = directory
        """Where it is."""
        self._engine = engine

    def sql(self, statement: str) -> pd.DataFrame:
        """Runs one statement that reads: SELECT, PIVOT, DESCRIBE, … in DuckDB's dialect, over the tables and the named views.

        Whole numbers come as int64 (Int64 where a value is missing, Python's own beyond 64 bits), DOUBLE and DECIMAL as float64,
        BOOLEAN as bool, all else as text. NULL is pandas' missing value. Raises QueryError.
        """
        return frame_of(self._engine, statement)

    def view(self, name: str, **parameters) -> pd.DataFrame:
        """Runs a named view.

        parameters: as ``min_bytes="1M"``, where the view declares such: sizes, times and parts are written as ``allocreplay query``
        takes them.

        Raises ValueError where there is no such view, or no such parameter of it, and for a value that is none of its type.
        """
        views = all_views()
        if name not in views:
            raise ValueError(f"no view {name}; there are {', '.join(views)}")
        return self.sql(views[name].sql(**parameters))

    def views(self) -> pd.DataFrame:
        """The named views: name, what each answers, and its parameters with their defaults."""
        views = all_views().values()
        return pd.DataFrame(
            {
                "name": [v.name for v in views],
                "description": [v.description for v in views],
                "parameters": [", ".join(f"{p.name}={p.default}" for p in v.parameters.values()) for v in views],
            }
        )

    def tables(self) -> list[str]:
        """The names of the tables that can be asked, in order of names."""
        return tables_of(self.directory)

    @property
    def plot(self) -> Plots:
        """Plots by matplotlib, each on axes that it gives back: live_bytes, lifetime_by_size, top_sites."""
        return Plots(self)

    def __repr__(self) -> str:
        return f"Dataset({str(self.directory)!r})"


def open_dataset(directory: Union[str, Path], engine: Optional[str] = None) -> Dataset:
    """Opens a dataset: the directory that ``allocreplay analyze`` wrote.

    engine: "duckdb" is DuckDB's Python module; "command" is the ``allocreplay`` command, that of the variable ALLOCREPLAY or
    else the one on the PATH. By default the module where it is installed, else the command. Both give the same frames.

    Raises FileNotFoundError where there is no dataset, or no command; ModuleNotFoundError where there is no module.
    """
    path = Path(directory).absolute()
    if not (path / "allocations").is_dir():
        raise FileNotFoundError(f"{directory}: expected a dataset as 'allocreplay analyze' writes it, found no table allocations")
    if engine == "command":
        return Dataset(path, CommandEngine(path))
    if engine == "duckdb":
        return Dataset(path, DuckDBEngine(path))
    if engine is not None:
        raise ValueError(f"engine: expected 'duckdb' or 'command', found {engine!r}")
    try:
        return Dataset(path, DuckDBEngine(path))
    except ModuleNotFoundError:
        return Dataset(path, CommandEngine(path))
