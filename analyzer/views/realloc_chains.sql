-- Blocks that were grown or shrunk by realloc, those with the most steps first: each row is a chain, from its first block to its last.
-- :min_steps count = 1: Chains with fewer reallocations are left out.
-- :min_bytes bytes = 0: Chains whose largest block was smaller are left out.
-- Of a kept recording (record --keep) a chain begins with what was live when the window began: what that had come of is gone.
-- requested_bytes is the sum over all blocks of the chain, as each may have been copied; end_kind is what became of the last one.
SELECT c.host AS host, c.process AS process, c.chain, c.steps, c.first_size, c.last_size, c.largest_size, c.requested_bytes,
       c.first_ns, c.last_ns, c.last_end_kind AS end_kind
FROM (
    SELECT host, process, chain, max(chain_position) AS steps, max(size) AS largest_size, sum(size) AS requested_bytes,
           max(CASE WHEN chain_position = 0 THEN alloc_ns END) AS first_ns,
           max(CASE WHEN end_kind <> 'reallocated' THEN alloc_ns END) AS last_ns,
           max(CASE WHEN chain_position = 0 THEN size END) AS first_size,
           max(CASE WHEN end_kind <> 'reallocated' THEN size END) AS last_size,
           max(CASE WHEN end_kind <> 'reallocated' THEN end_kind END) AS last_end_kind
    FROM allocations
    GROUP BY host, process, chain
) AS c
WHERE c.steps >= /*:min_steps*/1 AND c.largest_size >= /*:min_bytes*/0
ORDER BY c.steps DESC, c.requested_bytes DESC, host, process, c.chain
