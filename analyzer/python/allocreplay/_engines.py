"""What answers SQL: DuckDB's Python module, or the ``allocreplay`` command, which has DuckDB in it.

Both are asked for text alone, as the engine casts it, so that a value takes one way into a frame, whoever answered.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional, Protocol

from ._views import all_views

Row = tuple[Optional[str], ...]


class QueryError(Exception):
    """What the engine says of a wrong statement, or of a dataset that it cannot read."""


class Engine(Protocol):
    """Answers SQL over one dataset."""

    def rows(self, sql: str) -> list[Row]:
        """The rows of a SELECT of which every column is VARCHAR. Raises QueryError."""


def tables_of(directory: Path) -> list[str]:
    """The names of the tables that a dataset has files of, in order of names."""
    return sorted(p.name for p in directory.iterdir() if p.is_dir() and next(p.glob("**/*.parquet"), None) is not None)


class CommandEngine:
    """``allocreplay query``, a process for each question."""

    def __init__(self, directory: Path, command: Optional[str] = None):
        """Takes the command that is named, else that of the variable ALLOCREPLAY, else the one on the PATH."""
        self._directory = directory
        wanted = command or os.environ.get("ALLOCREPLAY") or "allocreplay"
        found = shutil.which(wanted)
        if found is None:
            raise FileNotFoundError(
                f"expected the command {wanted}, found none: put allocreplay on the PATH, name it in the variable ALLOCREPLAY, "
                "or install DuckDB's Python module (pip install duckdb)"
            )
        self._command = found

    def rows(self, sql: str) -> list[Row]:
        result = subprocess.run(
            [self._command, "query", str(self._directory), sql, "--json"], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8"
        )
        if result.returncode != 0:
            raise QueryError(result.stderr.strip())
        return [tuple(row.values()) for row in json.loads(result.stdout)]


class DuckDBEngine:
    """DuckDB inside this process, with the tables and the named views of the dataset."""

    def __init__(self, directory: Path):
        import duckdb

        self._duckdb = duckdb
        self._connection = duckdb.connect(":memory:")
        for table in tables_of(directory):
            files = _literal(f"{_escape_glob(str(directory))}/{table}/**/*.parquet")
            # Partition values are text, also where they look like a number.
            self._connection.execute(
                f"CREATE VIEW {_name(table)} AS SELECT * FROM read_parquet({files}, "
                "hive_partitioning = true, hive_types_autocast = false, union_by_name = true)"
            )
        for view in all_views().values():
            try:
                self._connection.execute(f"CREATE VIEW {_name(view.name)} AS {view.sql()}")
            except duckdb.Error:
                pass  # the dataset is of an older version, without a table of the view; who asks for the view is told

    def rows(self, sql: str) -> list[Row]:
        try:
            return self._connection.execute(sql).fetchall()
        except self._duckdb.Error as error:
            raise QueryError(str(error)) from error


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _escape_glob(path: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)
