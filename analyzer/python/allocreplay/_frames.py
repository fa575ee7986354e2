"""From text, as an engine casts values to it, to a DataFrame with the types that the engine names."""

from __future__ import annotations

from typing import Optional

import pandas as pd

from ._engines import Engine, Row

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
_INT64 = range(-(2**63), 2**63)


def frame_of(engine: Engine, sql: str) -> pd.DataFrame:
    """The rows of a statement that may stand after FROM: SELECT, PIVOT, DESCRIBE, … Raises QueryError.

    Whole numbers are int64, Int64 where one is missing, and Python's own where one is beyond 64 bits; DOUBLE and DECIMAL are
    float64, BOOLEAN is bool, or boolean where one is missing. All else is text as DuckDB writes it, None where it is missing.
    """
    statement = sql.strip().rstrip(";").rstrip()
    # A comment at the end of the statement must not swallow what follows it: hence the line feeds.
    columns = engine.rows(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ({statement}\n))")
    aliases = [f"c{i}" for i in range(len(columns))]  # columns may share a name
    texts = ", ".join(f"CAST({alias} AS VARCHAR) AS {alias}" for alias in aliases)
    rows = engine.rows(f"SELECT {texts} FROM ({statement}\n) AS answer({', '.join(aliases)})")
    frame = pd.DataFrame({i: _series(rows, i, str(kind)) for i, (_, kind) in enumerate(columns)})
    frame.columns = [name for name, _ in columns]
    return frame


def _series(rows: list[Row], position: int, kind: str) -> pd.Series:
    texts = [row[position] for row in rows]
    if kind in _WHOLE:
        return _whole(texts)
    if kind in ("DOUBLE", "FLOAT") or kind.startswith("DECIMAL"):
        return pd.Series([float("nan") if text is None else float(text) for text in texts], dtype="float64")
    if kind == "BOOLEAN":
        values = [None if text is None else text == "true" for text in texts]
        return pd.Series(values, dtype="boolean" if None in values else "bool")
    return pd.Series(texts, dtype="object")


def _whole(texts: list[Optional[str]]) -> pd.Series:
    values = [None if text is None else int(text) for text in texts]
    if any(value is not None and value not in _INT64 for value in values):
        return pd.Series(values, dtype="object")
    return pd.Series(values, dtype="Int64" if None in values else "int64")
