// node chdb.mjs DATASET PRELUDE STATEMENTS: runs what makes the tables, then each statement of a JSON array of texts, in ClickHouse's engine, started in the
// directory of a dataset. Prints a JSON array of results as ClickHouse's format JSONCompact has them. Whole numbers of 64 bits and more are texts.
import { readFileSync } from "node:fs";
import { Session } from "chdb";

const [dataset, prelude, statements] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(statements, "utf8"));
const tables = readFileSync(prelude, "utf8");
process.chdir(dataset);
const session = new Session();
try {
    session.query(tables);
    session.query("SET output_format_json_quote_64bit_integers = 1, output_format_json_quote_denormals = 1");
    process.stdout.write(`[${texts.map(text => session.query(text, "JSONCompact")).join(",")}]`);
} finally {
    session.cleanup();
}
