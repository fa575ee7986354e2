"""Plots of a dataset by matplotlib, each on axes that are given back, so that a notebook can change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ._names import labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from ._dataset import Dataset

_MIB = 1024 * 1024

# What each block adds to the live bytes when it begins and takes when it ends, summed up by site and step of the time.
_CHANGES = """
WITH ends AS (SELECT max(end_ns) + 1 AS to_ns FROM allocations)
SELECT site, step, CAST(sum(bytes) AS BIGINT) AS bytes
FROM (
    SELECT site, (alloc_ns * {steps}) // to_ns AS step, size AS bytes FROM allocations, ends
    UNION ALL
    SELECT site, (end_ns * {steps}) // to_ns AS step, -size AS bytes FROM allocations, ends WHERE end_kind <> 'alive_at_end'
) AS changes
GROUP BY site, step
"""

_LIFETIME_BY_SIZE = """
SELECT CASE WHEN size < 1 THEN 0 ELSE CAST(floor(log2(size)) AS INTEGER) END AS power_of_size,
       CASE WHEN lifetime_ns < 100 THEN 1 ELSE CAST(floor(log10(lifetime_ns)) AS INTEGER) END AS decade,
       count(*) AS blocks
FROM allocations
GROUP BY ALL
"""


class Plots:
    """The plots of a dataset: ``d.plot.live_bytes()``. Of several processes in a dataset, all are added up."""

    def __init__(self, dataset: Dataset):
        self._dataset = dataset

    def live_bytes(self, by: Optional[str] = None, top: int = 6, steps: int = 200, ax: Optional[Axes] = None) -> Axes:
        """Live MiB over the seconds of the recording.

        by: "site" stacks the ``top`` sites with the highest peaks of their own, and all others, on each other.
        steps: the parts that the time is cut into; a point is what was live when its part was over.
        """
        if by not in (None, "site"):
            raise ValueError(f"by: expected 'site' or nothing, found {by!r}")
        changes = self._dataset.sql(_CHANGES.format(steps=int(steps)))
        table = changes.pivot_table(index="step", columns="site", values="bytes", aggfunc="sum", fill_value=0)
        live = table.reindex(range(steps), fill_value=0).cumsum() / _MIB
        duration_s = self._dataset.sql("SELECT max(end_ns) AS ns FROM allocations")["ns"][0] / 1e9
        seconds = [(step + 1) / steps * duration_s for step in live.index]
        ax = _axes(ax)
        if by is None:
            ax.fill_between(seconds, live.sum(axis=1), alpha=0.3)
            ax.plot(seconds, live.sum(axis=1))
        else:
            highest = live.max().nlargest(top).index
            shown = live[highest].mean().sort_values(ascending=False).index  # what is steady is below what is a peak
            rest = live.drop(columns=shown).sum(axis=1)
            ax.stackplot(
                seconds,
                [live[site] for site in shown] + [rest],
                labels=self._site_labels(list(shown)) + ["all others"],
            )
            ax.legend(loc="upper left", fontsize="small")
        ax.set(xlabel="seconds", ylabel="live MiB", title="Live bytes" + (" by site" if by else ""), xlim=(0, seconds[-1]))
        ax.set_ylim(bottom=0)
        return ax

    def lifetime_by_size(self, ax: Optional[Axes] = None) -> Axes:
        """Blocks by their size and their lifetime, as a heat map; colours are a logarithmic scale of the number of blocks.

        A size is put under the power of two that it reaches, a lifetime under the power of ten; below 100 ns is one row. A block
        that was live at the end stands where its age had brought it.
        """
        from matplotlib.colors import LogNorm

        counts = self._dataset.sql(_LIFETIME_BY_SIZE)
        table = counts.pivot_table(index="decade", columns="power_of_size", values="blocks", aggfunc="sum")
        table = table.reindex(index=range(table.index.min(), table.index.max() + 1), columns=range(table.columns.min(), table.columns.max() + 1))
        ax = _axes(ax)
        image = ax.imshow(table.to_numpy(dtype="float64"), origin="lower", aspect="auto", norm=LogNorm(vmin=1))
        ax.set_xticks(range(len(table.columns)), [_bytes(2**power) for power in table.columns], rotation=45)
        ax.set_yticks(range(len(table.index)), ["< 100 ns" if decade == 1 else "≥ " + _time(10**decade) for decade in table.index])
        ax.set(xlabel="size, from", ylabel="lifetime", title="Blocks by size and lifetime")
        ax.figure.colorbar(image, ax=ax, label="blocks")
        return ax

    def top_sites(self, column: str = "live_bytes", top: int = 12, ax: Optional[Axes] = None) -> Axes:
        """The sites with most of a column of the table ``sites``, as bars; where functions have the same name a caller stands behind ``<``.

        column: live_bytes (at the end), bytes (acquired) or peak_live_bytes, shown in MiB; blocks, live_blocks, temporary_blocks, …
        """
        sites = self._dataset.sql("SELECT * FROM sites")
        if column not in sites.columns:
            raise ValueError(f"column: expected one of sites, as {', '.join(sites.columns)}, found {column!r}")
        most = sites[sites[column] > 0].nlargest(top, column)[::-1]  # the first bar is the lowest
        ax = _axes(ax)
        in_bytes = column.endswith("bytes")
        ax.barh(range(len(most)), most[column] / (_MIB if in_bytes else 1))
        ax.set_yticks(range(len(most)), _labels(most), fontsize="small", linespacing=1.0)
        words = column.replace("_", " ")
        ax.set(xlabel="MiB" if in_bytes else words, title=f"Sites with most {words}")
        return ax

    def _site_labels(self, shown: list[int]) -> list[str]:
        sites = self._dataset.sql("SELECT DISTINCT site, function, text FROM sites").drop_duplicates("site").set_index("site").reindex(shown)
        return _labels(sites.fillna({"function": "(not known)", "text": ""}))


def _axes(ax: Optional[Axes]) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(8, 4), layout="constrained")[1]


def _labels(sites: DataFrame) -> list[str]:
    """Short names of sites. A dollar sign would begin a formula."""
    return [label.replace("$", r"\$") for label in labels(list(zip(sites["function"], sites["text"])))]


def _bytes(size: int) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} PiB"


def _time(ns: int) -> str:
    for unit, length in (("ns", 1000), ("µs", 1000), ("ms", 1000)):
        if ns < length:
            return f"{ns} {unit}"
        ns //= length
    return f"{ns} s"
