"""Datasets of AllocReplay as pandas DataFrames.

>>> import allocreplay
>>> d = allocreplay.open("shop.parquet")
>>> d.view("leak_suspects")
>>> d.sql("SELECT size, count(*) AS blocks FROM allocations GROUP BY size")

A dataset is the directory that ``allocreplay analyze`` wrote. Times are in nanoseconds since the start of the recording,
sizes in bytes. What each column means is on the page of the dataset in the project's documentation.
"""

from ._dataset import Dataset
from ._dataset import open_dataset as open
from ._engines import QueryError
from ._views import View

__all__ = ["Dataset", "QueryError", "View", "open"]
