"""The named views: one ``.sql`` file each, portable SQL over the tables of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ._parameters import Parameter, parameters_of, put_into

_HERE = Path(__file__).resolve().parent
# Of an installed package, and of the source tree.
_PLACES = (_HERE / "views", _HERE.parent.parent / "views")


@dataclass(frozen=True)
class View:
    """A question with a name."""

    name: str
    """By which SQL can select from it."""
    text: str
    """The whole file: one SELECT, with its comments."""

    @property
    def description(self) -> str:
        """One line: the first comment line of the file."""
        return self.text.split("\n", 1)[0].lstrip("- ")

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What can be set, by name."""
        return {p.name: p for p in parameters_of(self.text)}

    def sql(self, **values) -> str:
        """The SELECT with these values in place of defaults.

        Raises ValueError for a parameter that the view does not have, or a value that is none of its type.
        """
        declared = self.parameters
        for name in values:
            if name not in declared:
                known = f"it has {', '.join(declared)}" if declared else "it has none"
                raise ValueError(f"view {self.name} has no parameter {name}; {known}")
        return put_into(self.text, {name: declared[name].literal(value) for name, value in values.items()})


def all_views() -> dict[str, View]:
    """The named views, by name."""
    for place in _PLACES:
        files = sorted(place.glob("*.sql"))
        if files:
            return {file.stem: View(file.stem, file.read_text(encoding="utf-8")) for file in files}
    raise FileNotFoundError(f"expected the named views in {_PLACES[0]}: install the package from its source tree")
