"""Tests of the package. Variables: DATASET, a dataset with stacks; ALLOCREPLAY, the command; LIBDUCKDB, for a machine without DuckDB's module."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from pandas.testing import assert_frame_equal  # noqa: E402

import allocreplay  # noqa: E402
from allocreplay._names import labels, short_name  # noqa: E402
from allocreplay._views import View  # noqa: E402

try:
    import duckdb  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).parent))
    import duckdb_by_c

    sys.modules["duckdb"] = duckdb_by_c

DATASET = os.environ["DATASET"]


def both():
    """The dataset by each engine."""
    return [allocreplay.open(DATASET, engine=engine) for engine in ("command", "duckdb")]


class Datasets(unittest.TestCase):
    def test_engines_give_the_same_frames(self):
        command, module = both()
        self.assertEqual(command.tables(), module.tables())
        for name in ("leak_suspects", "outstanding", "size_histogram", "top_sites"):  # each is two starts of the command
            with self.subTest(name):
                assert_frame_equal(command.view(name), module.view(name))
        for name in ("allocations", "sites"):
            with self.subTest(name):
                assert_frame_equal(command.sql(f"SELECT * FROM {name} ORDER BY ALL"), module.sql(f"SELECT * FROM {name} ORDER BY ALL"))

    def test_every_view_runs(self):
        module = both()[1]
        for name in module.views()["name"]:
            with self.subTest(name):
                self.assertIn("host", module.view(name).columns)

    def test_a_view_is_what_the_command_prints(self):
        printed = subprocess.run(
            [os.environ["ALLOCREPLAY"], "query", DATASET, "--view", "top_sites", "--json"], capture_output=True, check=True, encoding="utf-8"
        )
        rows = json.loads(printed.stdout)
        self.assertTrue(rows)
        for dataset in both():
            self.assertEqual(rows, dataset.view("top_sites").to_dict("records"))

    def test_values_have_their_types(self):
        statement = """
            SELECT * FROM (VALUES
                (-9223372036854775808, NULL::INTEGER, 170141183460469231731687303715884105727::HUGEINT, 0.1::DOUBLE, 1.50::DECIMAL(9, 2), true, NULL::BOOLEAN,
                 'é "''
', DATE '2026-01-02', [1, 2]),
                (9223372036854775807, 7, 1, 'inf'::DOUBLE, NULL, false, true, '', NULL, NULL)) AS t(a, b, c, d, e, f, g, h, i, j) -- a comment
            ;
        """
        for dataset in both():
            frame = dataset.sql(statement)
            self.assertEqual([-(2**63), 2**63 - 1], list(frame["a"]))
            self.assertEqual(
                ["int64", "Int64", "object", "float64", "float64", "bool", "boolean", "object", "object", "object"], [str(kind) for kind in frame.dtypes]
            )
            self.assertTrue(frame["b"].isna()[0] and frame["b"][1] == 7)
            self.assertEqual([2**127 - 1, 1], list(frame["c"]))
            self.assertEqual([0.1, np.inf], list(frame["d"]))
            self.assertTrue(frame["e"][0] == 1.5 and np.isnan(frame["e"][1]))
            self.assertTrue(frame["g"].isna()[0] and frame["g"][1])
            self.assertEqual(['é "\'\n', ""], list(frame["h"]))
            self.assertEqual(["2026-01-02", None], list(frame["i"]))
            self.assertEqual(["[1, 2]", None], list(frame["j"]))

    def test_columns_may_share_a_name_and_rows_may_be_none(self):
        for dataset in both():
            frame = dataset.sql("SELECT 1 AS a, 'x' AS b WHERE false")
            self.assertEqual((["a", "b"], ["int64", "object"], 0), (list(frame.columns), [str(kind) for kind in frame.dtypes], len(frame)))
            self.assertEqual(2, dataset.sql("SELECT 1 AS a, 2 AS a").shape[1])

    def test_what_describes_and_turns_tables_runs_too(self):
        for dataset in both():
            self.assertIn("is_temporary", list(dataset.sql("DESCRIBE allocations")["column_name"]))
            self.assertIn("freed", dataset.sql("PIVOT (SELECT end_kind, size FROM allocations) ON end_kind USING count(*)").columns)

    def test_a_wrong_statement_says_what_the_engine_says(self):
        for dataset in both():
            with self.assertRaisesRegex(allocreplay.QueryError, "nonsense"):
                dataset.sql("SELECT nonsense FROM allocations")

    def test_what_is_not_there_is_said(self):
        dataset = both()[0]
        with self.assertRaisesRegex(ValueError, "no view gone; there are .*growth_by_site, "):
            dataset.view("gone")
        with self.assertRaisesRegex(ValueError, "outstanding has no parameter x; it has none"):
            dataset.view("outstanding", x=1)
        with self.assertRaisesRegex(ValueError, "'duckdb' or 'command'"):
            allocreplay.open(DATASET, engine="other")
        with tempfile.TemporaryDirectory() as empty, self.assertRaisesRegex(FileNotFoundError, "expected a dataset"):
            allocreplay.open(empty)

    def test_without_the_module_and_the_command_it_says_what_to_do(self):
        here = {name: os.environ.pop(name) for name in ("ALLOCREPLAY", "PATH")}
        try:
            with self.assertRaisesRegex(FileNotFoundError, "put allocreplay on the PATH"):
                allocreplay.open(DATASET, engine="command")
        finally:
            os.environ.update(here)


class Parameters(unittest.TestCase):
    VIEW = View(
        "some",
        "-- Some blocks.\n-- :least bytes = 0: Smaller ones are left out.\n-- :at time = none: When.\n-- :part ratio = 0.05: How many.\n"
        "-- :rows count = 5: How many.\n-- :name text = : Whose.\n"
        "SELECT /*:least*/0 AS least, /*:at*/-1 AS at, /*:part*/0.05 AS part, /*:rows*/5 AS n, /*:name*/'' AS name, /*:least*/0 AS again\n",
    )

    def answer(self, **values):
        return list(both()[1].sql(self.VIEW.sql(**values)).iloc[0])

    def test_defaults_are_in_the_text(self):
        self.assertEqual([0, -1, 0.05, 5, "", 0], self.answer())

    def test_values_are_written_with_their_units(self):
        text = "it's /*:rows*/5 /*:least*/0"
        self.assertEqual([1 << 20, 500_000_000, 0.25, 9, text, 1 << 20], self.answer(name=text, least="1M", at="500ms", part="25%", rows=9))
        self.assertEqual([700, 1_500_000_000, 1, 5, "", 700], self.answer(least=700, at="1.5", part=1))

    def test_what_is_no_value_of_the_type_is_refused(self):
        for name, value in (("least", "1X"), ("least", "-1"), ("at", "5 s"), ("at", "x"), ("part", "200%"), ("rows", "1; DROP"), ("rows", "1.5")):
            with self.subTest(name, value=value), self.assertRaisesRegex(ValueError, f"{name}={value}: expected "):
                self.VIEW.sql(**{name: value})

    def test_each_parameter_of_the_views_has_a_place(self):
        dataset = both()[1]
        for name in dataset.views()["name"]:
            view = allocreplay._dataset.all_views()[name]
            for parameter in view.parameters.values():
                self.assertIn(f"/*:{parameter.name}*/", view.text)
                assert_frame_equal(dataset.view(name), dataset.view(name, **{parameter.name: parameter.default}))


class Names(unittest.TestCase):
    def test_arguments_and_returned_types_are_left_out(self):
        for name, short in (
            ("main", "main"),
            ("std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector<…>::push_back"),
            ("void std::sort<int*>(int*, int*)", "std::sort<…>"),
            ("void (anonymous namespace)::f<int>(int)", "(anonymous namespace)::f<…>"),
            ("f(int)::{lambda(int)#1}::operator()(int) const", "f::{lambda#1}::operator()"),
            ("bool std::operator< <int>(int)", "std::operator< <…>"),
            ("operator delete[](void*)", "operator delete[]"),
            ("Foo::operator unsigned long() const", "Foo::operator unsigned long"),
            ("T<(A>B)>::x", "T<…>::x"),
            ("main.(*Server).handle", "main.(*Server).handle"),
            ("<alloc::vec::Vec<T> as core::ops::Drop>::drop", "<alloc::vec::Vec<…> as core::ops::Drop>::drop"),
            ("foo<int", "foo<int"),
            ("void std::vector<std::pair<int, ch…", "std::vector<…>"),
            ("f<" * 100_000, "f<…>"),
        ):
            with self.subTest(name[:80]):
                self.assertEqual(short, short_name(name))

    def test_what_has_the_same_name_is_told_apart(self):
        sites = [("f", "f < g<int> < main"), ("f", "f < h < a"), ("f", "f < h < b"), ("f", "grow < f < main"), ("k", "k < main"), ("x" * 50, "")]
        self.assertEqual(["f\n< g<…>", "f\n< … < a", "f\n< … < b", "f\n> grow", "k", "…" + "x" * 39], labels(sites))


class Plots(unittest.TestCase):
    def test_live_bytes_end_with_what_is_live(self):
        dataset = both()[1]
        live = dataset.sql("SELECT coalesce(sum(size), 0) AS bytes FROM allocations WHERE end_kind = 'alive_at_end'")["bytes"][0]
        line = dataset.plot.live_bytes().lines[0]
        self.assertAlmostEqual(live / 2**20, line.get_ydata()[-1])
        top = dataset.plot.live_bytes(by="site", top=2)
        self.assertEqual(3, len(top.collections))
        with self.assertRaises(ValueError):
            dataset.plot.live_bytes(by="thread")

    def test_the_heat_map_has_every_block(self):
        dataset = both()[1]
        image = dataset.plot.lifetime_by_size().images[0]
        self.assertEqual(dataset.sql("SELECT count(*) AS n FROM allocations")["n"][0], np.nansum(image.get_array().filled(0)))

    def test_bars_are_the_sites_with_most(self):
        dataset = both()[1]
        bars = dataset.plot.top_sites("blocks", top=3)
        most = dataset.sql("SELECT blocks FROM sites ORDER BY blocks DESC LIMIT 3")["blocks"]
        self.assertEqual(sorted(most), sorted(bar.get_width() for bar in bars.patches))
        with self.assertRaisesRegex(ValueError, "one of sites"):
            dataset.plot.top_sites("gone")

    def test_names_of_templates_leave_the_axes_their_room(self):
        argument = "std::map<" + ", ".join(f"shop::Key{i}" for i in range(40)) + ">"
        dataset = both()[1]

        class Renamed:
            def sql(self, statement):
                frame = dataset.sql(statement)
                if "text" in frame:
                    frame["function"] = [f"void shop::Cache<{argument}>::put({argument} const&)"] * len(frame)
                    frame["text"] = [f"{own} < caller{i}({argument}) < main" for i, own in enumerate(frame["function"])]
                return frame

        for draw in (lambda plots: plots.top_sites("blocks"), lambda plots: plots.live_bytes(by="site")):
            ax = draw(allocreplay._plots.Plots(Renamed()))
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # as of axes that collapsed
                ax.figure.canvas.draw()
            self.assertGreater(ax.get_window_extent().width, ax.figure.bbox.width / 3)
            texts = ax.get_yticklabels() if ax.get_legend() is None else ax.get_legend().get_texts()
            lines = [text.get_text() for text in texts if text.get_text() not in ("all others", "(not known)")]
            self.assertEqual(len(lines), len(set(lines)))
            for line in lines:
                self.assertRegex(line, r"^shop::Cache<…>::put\n< caller\d+$")

    def test_plots_go_onto_axes_that_are_given(self):
        axes = pd.Series([1, 2]).plot().figure.add_subplot()
        self.assertIs(axes, both()[1].plot.top_sites("blocks", ax=axes))


if __name__ == "__main__":
    unittest.main()
