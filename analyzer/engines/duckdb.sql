-- The tables of a dataset for the duckdb command, started in the directory of the dataset. 'allocreplay query' has them by itself.
--     cd fleet && cat ENGINES/duckdb.sql VIEWS/outstanding_by_site.sql | duckdb
-- Of a dataset that has the table events, take "--events " away from the lines that begin with it.
-- Made from the tables in analyzer/Tables.

CREATE VIEW allocations AS
SELECT NULL::BIGINT AS "object", NULL::BIGINT AS "address", NULL::BIGINT AS "size", NULL::VARCHAR AS "kind", NULL::BIGINT AS "alignment",
    NULL::BIGINT AS "alloc_ns", NULL::BIGINT AS "end_ns", NULL::VARCHAR AS "end_kind", NULL::BIGINT AS "lifetime_ns", NULL::BIGINT AS "lifetime_bytes",
    NULL::BIGINT AS "lifetime_allocations", NULL::INTEGER AS "alloc_thread", NULL::INTEGER AS "free_thread", NULL::BIGINT AS "chain",
    NULL::INTEGER AS "chain_position", NULL::BIGINT AS "alloc_call_ns", NULL::BIGINT AS "free_call_ns", NULL::INTEGER AS "alloc_stack",
    NULL::INTEGER AS "free_stack", NULL::BIGINT AS "site", NULL::BOOLEAN AS "is_temporary", NULL::BOOLEAN AS "carried", NULL::BOOLEAN AS "uncertain",
    NULL::DOUBLE AS "weight", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('allocations/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW threads AS
SELECT NULL::INTEGER AS "thread", NULL::BIGINT AS "os_tid", NULL::VARCHAR AS "name", NULL::INTEGER AS "parent", NULL::BIGINT AS "start_ns",
    NULL::BIGINT AS "end_ns", NULL::BOOLEAN AS "exited", NULL::BIGINT AS "calls", NULL::BIGINT AS "bytes_requested", NULL::VARCHAR AS host,
    NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('threads/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW timeline AS
SELECT NULL::BIGINT AS "ns", NULL::VARCHAR AS "scope", NULL::INTEGER AS "thread", NULL::BIGINT AS "site", NULL::BIGINT AS "live_bytes",
    NULL::BIGINT AS "live_blocks", NULL::BIGINT AS "acquired_bytes", NULL::BIGINT AS "acquired_blocks", NULL::VARCHAR AS host,
    NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('timeline/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW memory AS
SELECT NULL::BIGINT AS "ns", NULL::BIGINT AS "rss_bytes", NULL::BIGINT AS "anonymous_bytes", NULL::BIGINT AS "swap_bytes",
    NULL::BIGINT AS "peak_rss_bytes", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('memory/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW regions AS
SELECT NULL::BIGINT AS "address", NULL::BIGINT AS "size", NULL::VARCHAR AS "kind", NULL::BIGINT AS "alloc_ns", NULL::BIGINT AS "end_ns",
    NULL::VARCHAR AS "end_kind", NULL::INTEGER AS "alloc_thread", NULL::INTEGER AS "end_thread", NULL::INTEGER AS "alloc_stack",
    NULL::BIGINT AS "site", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('regions/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW markers AS
SELECT NULL::BIGINT AS "ns", NULL::VARCHAR AS "name", NULL::INTEGER AS "interval", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('markers/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW intervals AS
SELECT NULL::INTEGER AS "interval", NULL::BIGINT AS "start_ns", NULL::BIGINT AS "end_ns", NULL::BOOLEAN AS "is_stopped", NULL::VARCHAR AS host,
    NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('intervals/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW anomalies AS
SELECT NULL::VARCHAR AS "anomaly", NULL::BIGINT AS "ns", NULL::INTEGER AS "thread", NULL::VARCHAR AS "call", NULL::BIGINT AS "object",
    NULL::BIGINT AS "address", NULL::BIGINT AS "size", NULL::VARCHAR AS "acquired_by", NULL::BIGINT AS "acquired_size", NULL::INTEGER AS "stack",
    NULL::BIGINT AS "calls", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('anomalies/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

--events CREATE VIEW events AS
--events SELECT NULL::BIGINT AS "event", NULL::BIGINT AS "ns", NULL::INTEGER AS "thread", NULL::VARCHAR AS "kind", NULL::BIGINT AS "object",
--events     NULL::BIGINT AS "previous_object", NULL::BIGINT AS "displaced_object", NULL::BIGINT AS "address", NULL::BIGINT AS "size", NULL::BIGINT AS "count",
--events     NULL::BIGINT AS "alignment", NULL::BIGINT AS "call_ns", NULL::INTEGER AS "other_thread", NULL::INTEGER AS "stack", NULL::INTEGER AS "interval",
--events     NULL::BOOLEAN AS "carried", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
--events UNION ALL BY NAME SELECT * FROM read_parquet('events/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW sites AS
SELECT NULL::BIGINT AS "site", NULL::VARCHAR AS "function", NULL::VARCHAR AS "file", NULL::INTEGER AS "line", NULL::VARCHAR AS "text",
    NULL::INTEGER AS "stacks", NULL::BIGINT AS "blocks", NULL::BIGINT AS "bytes", NULL::BIGINT AS "live_blocks", NULL::BIGINT AS "live_bytes",
    NULL::BIGINT AS "peak_live_bytes", NULL::BIGINT AS "temporary_blocks", NULL::BIGINT AS "cross_thread_frees", NULL::BIGINT AS "first_ns",
    NULL::BIGINT AS "last_ns", NULL::BIGINT AS "carried_blocks", NULL::BIGINT AS "carried_bytes", NULL::BIGINT AS "uncertain_blocks",
    NULL::BIGINT AS "uncertain_bytes", NULL::DOUBLE AS "estimated_blocks", NULL::DOUBLE AS "estimated_blocks_error", NULL::DOUBLE AS "estimated_bytes",
    NULL::DOUBLE AS "estimated_bytes_error", NULL::DOUBLE AS "estimated_live_blocks", NULL::DOUBLE AS "estimated_live_blocks_error",
    NULL::DOUBLE AS "estimated_live_bytes", NULL::DOUBLE AS "estimated_live_bytes_error", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('sites/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW stacks AS
SELECT NULL::INTEGER AS "stack", NULL::INTEGER AS "depth", NULL::BOOLEAN AS "is_whole", NULL::BIGINT AS "site", NULL::VARCHAR AS "function",
    NULL::VARCHAR AS "file", NULL::INTEGER AS "line", NULL::VARCHAR AS "text", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('stacks/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW stack_frames AS
SELECT NULL::INTEGER AS "stack", NULL::INTEGER AS "position", NULL::INTEGER AS "frame", NULL::BOOLEAN AS "is_inlined", NULL::VARCHAR AS host,
    NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('stack_frames/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW frames AS
SELECT NULL::INTEGER AS "frame", NULL::BIGINT AS "address", NULL::INTEGER AS "module", NULL::BIGINT AS "module_offset", NULL::VARCHAR AS "function",
    NULL::VARCHAR AS "linkage_name", NULL::VARCHAR AS "file", NULL::INTEGER AS "line", NULL::BOOLEAN AS "has_symbol", NULL::VARCHAR AS host,
    NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('frames/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW modules AS
SELECT NULL::INTEGER AS "module", NULL::VARCHAR AS "path", NULL::VARCHAR AS "build_id", NULL::BIGINT AS "from_address", NULL::BIGINT AS "to_address",
    NULL::BIGINT AS "generation", NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('modules/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);

CREATE VIEW process AS
SELECT NULL::BIGINT AS "pid", NULL::BIGINT AS "parent_pid", NULL::VARCHAR AS "executable", NULL::VARCHAR AS "arguments", NULL::VARCHAR AS "host_name",
    NULL::VARCHAR AS "kernel", NULL::VARCHAR AS "architecture", NULL::VARCHAR AS "allocator_path", NULL::VARCHAR AS "allocator_build_id",
    NULL::BOOLEAN AS "records_operator_new", NULL::BOOLEAN AS "forked", NULL::BIGINT AS "started_epoch_ns", NULL::BIGINT AS "duration_ns",
    NULL::BIGINT AS "events", NULL::BIGINT AS "calls", NULL::BIGINT AS "acquisitions", NULL::BIGINT AS "events_lost",
    NULL::BIGINT AS "unknown_releases", NULL::BIGINT AS "implicit_releases", NULL::BIGINT AS "forced_steps", NULL::VARCHAR AS "state",
    NULL::VARCHAR AS "failure", NULL::VARCHAR AS "damage", NULL::VARCHAR AS "format_version", NULL::VARCHAR AS "analyzer_version",
    NULL::BIGINT AS "bytes_acquired", NULL::BIGINT AS "saturated_sizes", NULL::BOOLEAN AS "latency", NULL::BIGINT AS "inherited_releases",
    NULL::BOOLEAN AS "stacks", NULL::BOOLEAN AS "free_stacks", NULL::BIGINT AS "peak_live_bytes", NULL::BIGINT AS "peak_live_ns",
    NULL::BIGINT AS "peak_live_object", NULL::BIGINT AS "sample", NULL::BIGINT AS "part_from_ns", NULL::BIGINT AS "part_to_ns",
    NULL::BIGINT AS "window_from_ns", NULL::BIGINT AS "carried_blocks", NULL::BIGINT AS "carried_bytes", NULL::BIGINT AS "events_gone",
    NULL::BIGINT AS "uncertain_blocks", NULL::BIGINT AS "uncertain_bytes", NULL::VARCHAR AS "sample_scheme", NULL::DOUBLE AS "estimated_blocks",
    NULL::DOUBLE AS "estimated_blocks_error", NULL::DOUBLE AS "estimated_bytes", NULL::DOUBLE AS "estimated_bytes_error",
    NULL::DOUBLE AS "estimated_live_blocks", NULL::DOUBLE AS "estimated_live_blocks_error", NULL::DOUBLE AS "estimated_live_bytes",
    NULL::DOUBLE AS "estimated_live_bytes_error", NULL::DOUBLE AS "estimated_peak_live_bytes", NULL::DOUBLE AS "estimated_peak_live_bytes_error",
    NULL::VARCHAR AS host, NULL::VARCHAR AS process WHERE false
UNION ALL BY NAME SELECT * FROM read_parquet('process/**/*.parquet', hive_partitioning = true, hive_types_autocast = false, union_by_name = true);
