-- The tables of a dataset for spark-sql, started in the directory of the dataset. NOT RUN: there was no Spark to try it in.
--     cd week48 && cat ENGINES/spark.sql VIEWS/outstanding_by_site.sql | spark-sql
-- Of a dataset that has the table events, take "--events " away from the lines that begin with it.
-- Bytes are decimals, so that sums of sizes near 2^63 do not overflow. What older datasets lack is NULL.
-- Made from the tables in analyzer/Tables.
SET spark.sql.sources.partitionColumnTypeInference.enabled = false;

CREATE TEMPORARY VIEW allocations_files (object BIGINT, address BIGINT, size BIGINT, kind STRING, alignment BIGINT, alloc_ns BIGINT, end_ns BIGINT,
    end_kind STRING, lifetime_ns BIGINT, lifetime_bytes BIGINT, lifetime_allocations BIGINT, alloc_thread INT, free_thread INT, chain BIGINT,
    chain_position INT, alloc_call_ns BIGINT, free_call_ns BIGINT, alloc_stack INT, free_stack INT, site BIGINT, is_temporary BOOLEAN, carried BOOLEAN,
    uncertain BOOLEAN, weight DOUBLE, host STRING, process STRING)
USING parquet OPTIONS (path 'allocations');
CREATE TEMPORARY VIEW allocations AS SELECT object, address, CAST(size AS DECIMAL(20, 0)) AS size, kind, CAST(alignment AS DECIMAL(20,
    0)) AS alignment, alloc_ns, end_ns, end_kind, lifetime_ns, CAST(lifetime_bytes AS DECIMAL(20, 0)) AS lifetime_bytes, lifetime_allocations,
    alloc_thread, free_thread, chain, chain_position, alloc_call_ns, free_call_ns, alloc_stack, free_stack, site, is_temporary, carried, uncertain,
    weight, host, process
FROM allocations_files;

CREATE TEMPORARY VIEW threads_files (thread INT, os_tid BIGINT, name STRING, parent INT, start_ns BIGINT, end_ns BIGINT, exited BOOLEAN, calls BIGINT,
    bytes_requested BIGINT, host STRING, process STRING)
USING parquet OPTIONS (path 'threads');
CREATE TEMPORARY VIEW threads AS SELECT thread, os_tid, name, parent, start_ns, end_ns, exited, calls, CAST(bytes_requested AS DECIMAL(20,
    0)) AS bytes_requested, host, process
FROM threads_files;

CREATE TEMPORARY VIEW timeline_files (ns BIGINT, scope STRING, thread INT, site BIGINT, live_bytes BIGINT, live_blocks BIGINT, acquired_bytes BIGINT,
    acquired_blocks BIGINT, host STRING, process STRING)
USING parquet OPTIONS (path 'timeline');
CREATE TEMPORARY VIEW timeline AS SELECT ns, scope, thread, site, CAST(live_bytes AS DECIMAL(20, 0)) AS live_bytes, live_blocks,
    CAST(acquired_bytes AS DECIMAL(20, 0)) AS acquired_bytes, acquired_blocks, host, process
FROM timeline_files;

CREATE TEMPORARY VIEW memory_files (ns BIGINT, rss_bytes BIGINT, anonymous_bytes BIGINT, swap_bytes BIGINT, peak_rss_bytes BIGINT, host STRING,
    process STRING)
USING parquet OPTIONS (path 'memory');
CREATE TEMPORARY VIEW memory AS SELECT ns, CAST(rss_bytes AS DECIMAL(20, 0)) AS rss_bytes, CAST(anonymous_bytes AS DECIMAL(20, 0)) AS anonymous_bytes,
    CAST(swap_bytes AS DECIMAL(20, 0)) AS swap_bytes, CAST(peak_rss_bytes AS DECIMAL(20, 0)) AS peak_rss_bytes, host, process
FROM memory_files;

CREATE TEMPORARY VIEW regions_files (address BIGINT, size BIGINT, kind STRING, alloc_ns BIGINT, end_ns BIGINT, end_kind STRING, alloc_thread INT,
    end_thread INT, alloc_stack INT, site BIGINT, host STRING, process STRING)
USING parquet OPTIONS (path 'regions');
CREATE TEMPORARY VIEW regions AS SELECT address, CAST(size AS DECIMAL(20, 0)) AS size, kind, alloc_ns, end_ns, end_kind, alloc_thread, end_thread,
    alloc_stack, site, host, process
FROM regions_files;

CREATE TEMPORARY VIEW markers_files (ns BIGINT, name STRING, interval INT, host STRING, process STRING)
USING parquet OPTIONS (path 'markers');
CREATE TEMPORARY VIEW markers AS SELECT ns, name, interval, host, process
FROM markers_files;

CREATE TEMPORARY VIEW intervals_files (interval INT, start_ns BIGINT, end_ns BIGINT, is_stopped BOOLEAN, host STRING, process STRING)
USING parquet OPTIONS (path 'intervals');
CREATE TEMPORARY VIEW intervals AS SELECT interval, start_ns, end_ns, is_stopped, host, process
FROM intervals_files;

CREATE TEMPORARY VIEW anomalies_files (anomaly STRING, ns BIGINT, thread INT, call STRING, object BIGINT, address BIGINT, size BIGINT,
    acquired_by STRING, acquired_size BIGINT, stack INT, calls BIGINT, host STRING, process STRING)
USING parquet OPTIONS (path 'anomalies');
CREATE TEMPORARY VIEW anomalies AS SELECT anomaly, ns, thread, call, object, address, CAST(size AS DECIMAL(20, 0)) AS size, acquired_by,
    CAST(acquired_size AS DECIMAL(20, 0)) AS acquired_size, stack, calls, host, process
FROM anomalies_files;

--events CREATE TEMPORARY VIEW events_files (event BIGINT, ns BIGINT, thread INT, kind STRING, object BIGINT, previous_object BIGINT, displaced_object BIGINT,
--events     address BIGINT, size BIGINT, count BIGINT, alignment BIGINT, call_ns BIGINT, other_thread INT, stack INT, interval INT, carried BOOLEAN,
--events     host STRING, process STRING)
--events USING parquet OPTIONS (path 'events');
--events CREATE TEMPORARY VIEW events AS SELECT event, ns, thread, kind, object, previous_object, displaced_object, address, CAST(size AS DECIMAL(20,
--events     0)) AS size, count, CAST(alignment AS DECIMAL(20, 0)) AS alignment, call_ns, other_thread, stack, interval, carried, host, process
--events FROM events_files;

CREATE TEMPORARY VIEW sites_files (site BIGINT, function STRING, file STRING, line INT, text STRING, stacks INT, blocks BIGINT, bytes BIGINT,
    live_blocks BIGINT, live_bytes BIGINT, peak_live_bytes BIGINT, temporary_blocks BIGINT, cross_thread_frees BIGINT, first_ns BIGINT, last_ns BIGINT,
    carried_blocks BIGINT, carried_bytes BIGINT, uncertain_blocks BIGINT, uncertain_bytes BIGINT, estimated_blocks DOUBLE,
    estimated_blocks_error DOUBLE, estimated_bytes DOUBLE, estimated_bytes_error DOUBLE, estimated_live_blocks DOUBLE,
    estimated_live_blocks_error DOUBLE, estimated_live_bytes DOUBLE, estimated_live_bytes_error DOUBLE, host STRING, process STRING)
USING parquet OPTIONS (path 'sites');
CREATE TEMPORARY VIEW sites AS SELECT site, function, file, line, text, stacks, blocks, CAST(bytes AS DECIMAL(20, 0)) AS bytes, live_blocks,
    CAST(live_bytes AS DECIMAL(20, 0)) AS live_bytes, CAST(peak_live_bytes AS DECIMAL(20, 0)) AS peak_live_bytes, temporary_blocks, cross_thread_frees,
    first_ns, last_ns, carried_blocks, CAST(carried_bytes AS DECIMAL(20, 0)) AS carried_bytes, uncertain_blocks, CAST(uncertain_bytes AS DECIMAL(20,
    0)) AS uncertain_bytes, estimated_blocks, estimated_blocks_error, estimated_bytes, estimated_bytes_error, estimated_live_blocks,
    estimated_live_blocks_error, estimated_live_bytes, estimated_live_bytes_error, host, process
FROM sites_files;

CREATE TEMPORARY VIEW stacks_files (stack INT, depth INT, is_whole BOOLEAN, site BIGINT, function STRING, file STRING, line INT, text STRING,
    host STRING, process STRING)
USING parquet OPTIONS (path 'stacks');
CREATE TEMPORARY VIEW stacks AS SELECT stack, depth, is_whole, site, function, file, line, text, host, process
FROM stacks_files;

CREATE TEMPORARY VIEW stack_frames_files (stack INT, position INT, frame INT, is_inlined BOOLEAN, host STRING, process STRING)
USING parquet OPTIONS (path 'stack_frames');
CREATE TEMPORARY VIEW stack_frames AS SELECT stack, position, frame, is_inlined, host, process
FROM stack_frames_files;

CREATE TEMPORARY VIEW frames_files (frame INT, address BIGINT, module INT, module_offset BIGINT, function STRING, linkage_name STRING, file STRING,
    line INT, has_symbol BOOLEAN, host STRING, process STRING)
USING parquet OPTIONS (path 'frames');
CREATE TEMPORARY VIEW frames AS SELECT frame, address, module, CAST(module_offset AS DECIMAL(20, 0)) AS module_offset, function, linkage_name, file,
    line, has_symbol, host, process
FROM frames_files;

CREATE TEMPORARY VIEW modules_files (module INT, path STRING, build_id STRING, from_address BIGINT, to_address BIGINT, generation BIGINT, host STRING,
    process STRING)
USING parquet OPTIONS (path 'modules');
CREATE TEMPORARY VIEW modules AS SELECT module, path, build_id, from_address, to_address, generation, host, process
FROM modules_files;

CREATE TEMPORARY VIEW process_files (pid BIGINT, parent_pid BIGINT, executable STRING, arguments STRING, host_name STRING, kernel STRING,
    architecture STRING, allocator_path STRING, allocator_build_id STRING, records_operator_new BOOLEAN, forked BOOLEAN, started_epoch_ns BIGINT,
    duration_ns BIGINT, events BIGINT, calls BIGINT, acquisitions BIGINT, events_lost BIGINT, unknown_releases BIGINT, implicit_releases BIGINT,
    forced_steps BIGINT, state STRING, failure STRING, damage STRING, format_version STRING, analyzer_version STRING, bytes_acquired BIGINT,
    saturated_sizes BIGINT, latency BOOLEAN, inherited_releases BIGINT, stacks BOOLEAN, free_stacks BOOLEAN, peak_live_bytes BIGINT,
    peak_live_ns BIGINT, peak_live_object BIGINT, sample BIGINT, part_from_ns BIGINT, part_to_ns BIGINT, window_from_ns BIGINT, carried_blocks BIGINT,
    carried_bytes BIGINT, events_gone BIGINT, uncertain_blocks BIGINT, uncertain_bytes BIGINT, sample_scheme STRING, estimated_blocks DOUBLE,
    estimated_blocks_error DOUBLE, estimated_bytes DOUBLE, estimated_bytes_error DOUBLE, estimated_live_blocks DOUBLE,
    estimated_live_blocks_error DOUBLE, estimated_live_bytes DOUBLE, estimated_live_bytes_error DOUBLE, estimated_peak_live_bytes DOUBLE,
    estimated_peak_live_bytes_error DOUBLE, host STRING, process STRING)
USING parquet OPTIONS (path 'process');
CREATE TEMPORARY VIEW process AS SELECT pid, parent_pid, executable, arguments, host_name, kernel, architecture, allocator_path, allocator_build_id,
    records_operator_new, forked, started_epoch_ns, duration_ns, events, calls, acquisitions, events_lost, unknown_releases, implicit_releases,
    forced_steps, state, failure, damage, format_version, analyzer_version, CAST(bytes_acquired AS DECIMAL(20, 0)) AS bytes_acquired, saturated_sizes,
    latency, inherited_releases, stacks, free_stacks, CAST(peak_live_bytes AS DECIMAL(20, 0)) AS peak_live_bytes, peak_live_ns, peak_live_object,
    sample, part_from_ns, part_to_ns, window_from_ns, carried_blocks, CAST(carried_bytes AS DECIMAL(20, 0)) AS carried_bytes, events_gone,
    uncertain_blocks, CAST(uncertain_bytes AS DECIMAL(20, 0)) AS uncertain_bytes, sample_scheme, estimated_blocks, estimated_blocks_error,
    estimated_bytes, estimated_bytes_error, estimated_live_blocks, estimated_live_blocks_error, estimated_live_bytes, estimated_live_bytes_error,
    estimated_peak_live_bytes, estimated_peak_live_bytes_error, host, process
FROM process_files;
