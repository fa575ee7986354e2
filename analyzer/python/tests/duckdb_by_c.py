"""As much of DuckDB's Python module as the package uses, over DuckDB's library in C, for machines without the module.

It answers text alone, which is all that the package asks for. The variable LIBDUCKDB names the library.
"""

import ctypes
import os


class Error(Exception):
    """What the engine says of a statement."""


class _Result(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("columns", "rows", "changed")] + [
        (name, ctypes.c_void_p) for name in ("column_data", "error", "internal")
    ]


def connect(_name):
    return _Connection()


class _Connection:
    def __init__(self):
        self._library = library = ctypes.CDLL(os.environ["LIBDUCKDB"])
        library.duckdb_result_error.restype = ctypes.c_char_p
        library.duckdb_value_varchar.restype = ctypes.c_void_p
        for count in (library.duckdb_column_count, library.duckdb_row_count):
            count.restype = ctypes.c_uint64
        library.duckdb_value_varchar.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
        library.duckdb_free.argtypes = [ctypes.c_void_p]
        database, self._connection = ctypes.c_void_p(), ctypes.c_void_p()
        if library.duckdb_open(None, ctypes.byref(database)) or library.duckdb_connect(database, ctypes.byref(self._connection)):
            raise Error("the library does not open a database in memory")

    def execute(self, sql):
        self._rows = []
        result = _Result()
        failed = self._library.duckdb_query(self._connection, sql.encode(), ctypes.byref(result))
        try:
            if failed:
                raise Error(self._library.duckdb_result_error(ctypes.byref(result)).decode())
            columns = self._library.duckdb_column_count(ctypes.byref(result))
            rows = self._library.duckdb_row_count(ctypes.byref(result))
            self._rows = [tuple(self._text(result, column, row) for column in range(columns)) for row in range(rows)]
        finally:
            self._library.duckdb_destroy_result(ctypes.byref(result))
        return self

    def fetchall(self):
        return self._rows

    def _text(self, result, column, row):
        text = self._library.duckdb_value_varchar(ctypes.byref(result), column, row)
        if text is None:
            return None
        try:
            return ctypes.string_at(text).decode()
        finally:
            self._library.duckdb_free(text)
