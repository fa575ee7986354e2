"""Parameters of views: the one place where values get into the SQL of a view.

A view declares them in the comments at its head, ``-- :name type = default: meaning``, and has in each place of its SQL the
default as a literal behind the name, ``/*:name*/0``. So the file runs as it stands in any engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DECLARED = re.compile(r"^-- :(\w+) (bytes|time|count|text|ratio) = (.*?): (.+)$", re.MULTILINE)
_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "": 1e9}
_EXPECTED = {
    "bytes": "a size such as 64K or 1M",
    "time": "a time such as 500ms, 30s or 5m",
    "ratio": "a part of a whole such as 0.05 or 5%",
    "count": "a number, 0 or more",
}


@dataclass(frozen=True)
class Parameter:
    """What can be set of a view."""

    name: str
    type: str
    """bytes (64K, 1M: powers of 1024), time (500ms, 30s; a number alone is seconds), count, ratio (0.05, 5%) or text."""
    default: str
    """As a user would write it."""
    meaning: str
    """One line."""

    def literal(self, value) -> str:
        """A value as a literal of SQL: bytes, and nanoseconds of a time. Raises ValueError for what is no value of the type."""
        text = str(value)
        if self.type == "text":
            return "'" + text.replace("'", "''") + "'"
        if self.type == "time" and text == self.default == "none":
            return "-1"
        number = {"bytes": _bytes, "time": _time, "ratio": _ratio, "count": _count}[self.type](text)
        if number is None:
            raise ValueError(f"{self.name}={text}: expected {_EXPECTED[self.type]}")
        return number


def parameters_of(sql: str) -> list[Parameter]:
    """The parameters that a view declares, in their order."""
    return [Parameter(*found) for found in _DECLARED.findall(sql)]


def put_into(sql: str, literals: dict[str, str]) -> str:
    """The SQL of a view with literals in the places of their parameters. In one pass: what a literal says is no place."""
    if not literals:
        return sql
    places = re.compile(rf"(/\*:({'|'.join(literals)})\*/)(?:-?[\d.]+|'(?:[^']|'')*')")
    return places.sub(lambda place: place[1] + literals[place[2]], sql)


def _count(text: str):
    return str(int(text)) if re.fullmatch(r"[0-9]+", text) and int(text) < 2**63 else None


def _bytes(text: str):
    found = re.fullmatch(r"([0-9]+)([KMGT]?)", text, re.IGNORECASE)
    return _count(str(int(found[1]) << 10 * " KMGT".index(found[2].upper() or " "))) if found else None


def _time(text: str):
    found = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([a-zµ]*)", text)
    return _count(str(round(float(found[1]) * _NS[found[2]]))) if found and found[2] in _NS else None


def _ratio(text: str):
    found = re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)(%?)", text)
    if not found:
        return None
    part = float(found[1]) / (100 if found[2] else 1)
    return f"{part:.11f}" if part <= 1 else None
