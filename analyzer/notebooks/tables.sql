-- The tables of a dataset, for the duckdb command. Run it in the directory of the dataset, before a question:
--     cd shop.parquet && cat NOTEBOOKS/tables.sql NOTEBOOKS/find-a-leak.sql | duckdb
-- 'allocreplay query' has these tables by itself and needs the question alone.
CREATE VIEW process AS
SELECT * FROM read_parquet('process/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
CREATE VIEW threads AS
SELECT * FROM read_parquet('threads/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
CREATE VIEW allocations AS
SELECT * FROM read_parquet('allocations/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
CREATE VIEW sites AS
SELECT * FROM read_parquet('sites/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
CREATE VIEW stacks AS
SELECT * FROM read_parquet('stacks/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
