-- Who fragments the heap: sites by the bytes of holes that their blocks keep, at the end of the recording.
--     allocreplay query shop.parquet "$(cat who-fragments-the-heap.sql)"
-- A page of 4 KiB can be given back to the system, or to a large request, when no block is left in it. Here a sparse page is one of which
-- blocks fill less than a quarter. What is empty of such a page is shared out evenly among the sites with blocks in it: held_open_bytes.
-- sparse_pages counts the pages that a site has a part in. Few live_bytes and many sparse_pages: small blocks that stayed between large ones.
-- Pages in which no block was left are not seen, nor what the allocator keeps of its own.
WITH live AS (
    SELECT host, process, site, address, greatest(size, 1) AS size, unnest(range(address >> 12, ((address + greatest(size, 1) - 1) >> 12) + 1)) AS page
    FROM allocations
    WHERE end_kind = 'alive_at_end'
), parts AS (
    SELECT host, process, site, page, sum(least(address + size, (page + 1) * 4096) - greatest(address, page * 4096)) AS bytes
    FROM live
    GROUP BY host, process, site, page
), pages AS (
    SELECT host, process, page, sum(bytes) AS bytes, count(*) AS sites
    FROM parts
    GROUP BY host, process, page
)
SELECT s.function, s.file, s.line, sum(CASE WHEN p.bytes < 1024 THEN (4096 - p.bytes) / p.sites ELSE 0 END)::BIGINT AS held_open_bytes,
       count(*) FILTER (p.bytes < 1024) AS sparse_pages, count(*) AS pages, sum(a.bytes) AS live_bytes, s.text, s.host, s.process, s.site
FROM parts a
JOIN pages p ON p.host = a.host AND p.process = a.process AND p.page = a.page
JOIN sites s ON s.host = a.host AND s.process = a.process AND s.site = a.site
GROUP BY s.function, s.file, s.line, s.text, s.host, s.process, s.site
ORDER BY held_open_bytes DESC, s.host, s.process, s.site;
