-- Blocks that were not freed when the trace ended, largest first: what other tools call leaked.
-- age_ns, age_bytes and age_allocations tell how long the block had been held by then, on three clocks.
-- carried: it was live already when the window of a kept recording began (record --keep); its age is true, age_bytes and age_allocations are lower bounds.
-- uncertain: it may have been freed unseen, as calls were lost, or recording was stopped, after it was acquired. Both are NULL in older datasets.
-- A block that was reallocated counts once, as the last of its chain; chain_position tells how often it had grown or shrunk.
SELECT a.host AS host, a.process AS process, a.object, a.size, a.kind, a.alloc_ns,
       a.lifetime_ns AS age_ns, a.lifetime_bytes AS age_bytes, a.lifetime_allocations AS age_allocations,
       a.alloc_thread, t.name AS alloc_thread_name, a.chain, a.chain_position, a.address, a.carried, a.uncertain
FROM allocations a
JOIN threads t ON t.host = a.host AND t.process = a.process AND t.thread = a.alloc_thread
WHERE a.end_kind = 'alive_at_end'
ORDER BY a.size DESC, a.host, a.process, a.object
