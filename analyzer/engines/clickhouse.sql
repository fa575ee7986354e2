-- The tables of a dataset for clickhouse local, started in the directory of the dataset.
--     cd fleet && cat ENGINES/clickhouse.sql VIEWS/outstanding_by_site.sql | clickhouse local
-- Sums are as wide as what is added up: bytes are Int128, so that sums of sizes near 2^63 do not wrap. What older datasets lack is NULL.
-- Made from the tables in analyzer/Tables.
SET use_hive_partitioning = 0; -- it would take a host 007 for a number, and %20 for what it says
SET join_use_nulls = 1; -- as SQL has it: what a LEFT JOIN does not find is NULL
SET cast_keep_nullable = 1;

CREATE VIEW allocations AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('allocations/**/*.parquet', Parquet, 'object Int64, address Int64, size Int128, kind String, alignment Int128, alloc_ns Int64, end_ns Int64,
    end_kind String, lifetime_ns Int64, lifetime_bytes Int128, lifetime_allocations Int64, alloc_thread Int32, free_thread Int32, chain Int64,
    chain_position Int32, alloc_call_ns Nullable(Int64), free_call_ns Nullable(Int64), alloc_stack Nullable(Int32), free_stack Nullable(Int32),
    site Nullable(Int64), is_temporary Nullable(Bool), carried Nullable(Bool), uncertain Nullable(Bool), weight Nullable(Float64),
    host Nullable(String), process Nullable(String)');

CREATE VIEW threads AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('threads/**/*.parquet', Parquet, 'thread Int32, os_tid Int64, name String, parent Int32, start_ns Int64, end_ns Int64, exited Bool,
    calls Int64, bytes_requested Int128, host Nullable(String), process Nullable(String)');

CREATE VIEW timeline AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('timeline/**/*.parquet', Parquet, 'ns Int64, scope String, thread Int32, site Int64, live_bytes Int128, live_blocks Int64,
    acquired_bytes Int128, acquired_blocks Int64, host Nullable(String), process Nullable(String)');

CREATE VIEW memory AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('memory/**/*.parquet', Parquet, 'ns Int64, rss_bytes Int128, anonymous_bytes Int128, swap_bytes Int128, peak_rss_bytes Int128,
    host Nullable(String), process Nullable(String)');

CREATE VIEW regions AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('regions/**/*.parquet', Parquet, 'address Int64, size Int128, kind String, alloc_ns Int64, end_ns Int64, end_kind String, alloc_thread Int32,
    end_thread Int32, alloc_stack Int32, site Int64, host Nullable(String), process Nullable(String)');

CREATE VIEW markers AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('markers/**/*.parquet', Parquet, 'ns Int64, name String, interval Int32, host Nullable(String), process Nullable(String)');

CREATE VIEW intervals AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('intervals/**/*.parquet', Parquet, 'interval Int32, start_ns Int64, end_ns Int64, is_stopped Bool, host Nullable(String),
    process Nullable(String)');

CREATE VIEW anomalies AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('anomalies/**/*.parquet', Parquet, 'anomaly String, ns Int64, thread Int32, call String, object Int64, address Int64, size Int128,
    acquired_by String, acquired_size Int128, stack Int32, calls Int64, host Nullable(String), process Nullable(String)');

CREATE VIEW events AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('events/**/*.parquet', Parquet, 'event Int64, ns Int64, thread Int32, kind String, object Int64, previous_object Int64,
    displaced_object Int64, address Int64, size Int128, count Int64, alignment Int128, call_ns Int64, other_thread Int32, stack Int32, interval Int32,
    carried Bool, host Nullable(String), process Nullable(String)');

CREATE VIEW sites AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('sites/**/*.parquet', Parquet, 'site Int64, function String, file String, line Int32, text String, stacks Int32, blocks Int64, bytes Int128,
    live_blocks Int64, live_bytes Int128, peak_live_bytes Int128, temporary_blocks Int64, cross_thread_frees Int64, first_ns Int64, last_ns Int64,
    carried_blocks Nullable(Int64), carried_bytes Nullable(Int128), uncertain_blocks Nullable(Int64), uncertain_bytes Nullable(Int128),
    estimated_blocks Nullable(Float64), estimated_blocks_error Nullable(Float64), estimated_bytes Nullable(Float64),
    estimated_bytes_error Nullable(Float64), estimated_live_blocks Nullable(Float64), estimated_live_blocks_error Nullable(Float64),
    estimated_live_bytes Nullable(Float64), estimated_live_bytes_error Nullable(Float64), host Nullable(String), process Nullable(String)');

CREATE VIEW stacks AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('stacks/**/*.parquet', Parquet, 'stack Int32, depth Int32, is_whole Bool, site Int64, function String, file String, line Int32, text String,
    host Nullable(String), process Nullable(String)');

CREATE VIEW stack_frames AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('stack_frames/**/*.parquet', Parquet, 'stack Int32, position Int32, frame Int32, is_inlined Bool, host Nullable(String),
    process Nullable(String)');

CREATE VIEW frames AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('frames/**/*.parquet', Parquet, 'frame Int32, address Int64, module Int32, module_offset Int128, function String, linkage_name String,
    file String, line Int32, has_symbol Bool, host Nullable(String), process Nullable(String)');

CREATE VIEW modules AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('modules/**/*.parquet', Parquet, 'module Int32, path String, build_id String, from_address Int64, to_address Int64, generation Int64,
    host Nullable(String), process Nullable(String)');

CREATE VIEW process AS
SELECT * EXCEPT (host, process), ifNull(host, decodeURLComponent(extract(_path, '/host=([^/]*)/'))) AS host,
       ifNull(process, decodeURLComponent(extract(_path, '/process=([^/]*)/'))) AS process
FROM file('process/**/*.parquet', Parquet, 'pid Int64, parent_pid Int64, executable String, arguments String, host_name String, kernel String,
    architecture String, allocator_path String, allocator_build_id String, records_operator_new Bool, forked Bool, started_epoch_ns Int64,
    duration_ns Int64, events Int64, calls Int64, acquisitions Int64, events_lost Int64, unknown_releases Int64, implicit_releases Int64,
    forced_steps Int64, state String, failure String, damage String, format_version String, analyzer_version String, bytes_acquired Nullable(Int128),
    saturated_sizes Nullable(Int64), latency Nullable(Bool), inherited_releases Nullable(Int64), stacks Nullable(Bool), free_stacks Nullable(Bool),
    peak_live_bytes Nullable(Int128), peak_live_ns Nullable(Int64), peak_live_object Nullable(Int64), sample Nullable(Int64),
    part_from_ns Nullable(Int64), part_to_ns Nullable(Int64), window_from_ns Nullable(Int64), carried_blocks Nullable(Int64),
    carried_bytes Nullable(Int128), events_gone Nullable(Int64), uncertain_blocks Nullable(Int64), uncertain_bytes Nullable(Int128),
    sample_scheme Nullable(String), estimated_blocks Nullable(Float64), estimated_blocks_error Nullable(Float64), estimated_bytes Nullable(Float64),
    estimated_bytes_error Nullable(Float64), estimated_live_blocks Nullable(Float64), estimated_live_blocks_error Nullable(Float64),
    estimated_live_bytes Nullable(Float64), estimated_live_bytes_error Nullable(Float64), estimated_peak_live_bytes Nullable(Float64),
    estimated_peak_live_bytes_error Nullable(Float64), host Nullable(String), process Nullable(String)');
