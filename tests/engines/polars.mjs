// node polars.mjs DATASET TABLES: reads each table of a JSON array of names with Polars, started in the directory of a dataset. Prints a JSON array of results
// in the form of ClickHouse's format JSONCompact, all values as texts; the type says which of them are floating point, whose texts differ between engines.
import { readFileSync } from "node:fs";
import polars from "nodejs-polars";

const [dataset, tables] = process.argv.slice(2);
const names = JSON.parse(readFileSync(tables, "utf8"));
process.chdir(dataset);
const results = names.map(name => {
    // Told that host and process are text, where the names of directories hold them: else it would take a host 007 for a number.
    const frame = polars.scanParquet(`${name}/**/*.parquet`, { hivePartitioning: true, hiveSchema: { host: polars.Utf8, process: polars.Utf8 } }).collectSync();
    const type = column => frame.getColumn(column).dtype.toString().includes("Float") ? "Float64" : "String";
    return { meta: frame.columns.map(c => ({ name: c, type: type(c) })), data: frame.select(polars.all().cast(polars.Utf8)).rows() };
});
process.stdout.write(JSON.stringify(results));
