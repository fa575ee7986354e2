// What the page of `report` shows, as the command writes it: docs/reference/json.md, allocreplay.report/1.

export interface PageData {
    source: string;
    command: string;
    made_at: string;
    tool_version: string;
    report: Report;
}

export interface Report {
    dataset: string;
    host: string;
    process: string;
    summary: Summary;
    timeline: Timeline;
    flame: FlameData | null;
    suspects: Suspects | null;
    lifetimes: { cells: LifetimeCell[]; lost_free_blocks: number; carried_blocks: number };
    thread_pairs: { pairs: ThreadPair[]; other_pairs: number; other_blocks: number };
    sites: { rows: Site[]; others: number } | null;
    against: Difference | null;
}

export interface Difference {
    a: Side;
    b: Side;
    sites: SiteDiff[];
    other_sites: number;
    same_sites: number;
    flame: DiffFlame | null;
}

export interface Side {
    path: string;
    process: string;
    blocks: number;
    bytes: number;
    peak_live_bytes: number | null;
    outstanding_blocks: number;
    outstanding_bytes: number;
}

export interface SiteDiff {
    match: "same" | "inlined" | "contained" | "function" | "only_a" | "only_b";
    site: { function: string; file: string; line: number; text: string };
    a: SideFigures;
    b: SideFigures;
}

export interface SideFigures {
    blocks: number;
    bytes: number;
    peak_live_bytes: number;
    outstanding_blocks: number;
    outstanding_bytes: number;
}

export interface DiffFlame {
    merged_below: number;
    merged_nodes: number;
    functions: string[];
    parent: number[];
    function: number[];
    merged: number[];
    outstanding: Weights;
    peak: Weights;
    bytes: Weights;
}

export interface Weights {
    before: number[];
    grown: number[];
    shrunk: number[];
}

/** Of a sample: what it comes to of all of the program's blocks. An error is null where it is not known. */
export interface Estimate {
    estimate: number;
    standard_error: number | null;
}

export interface Estimates {
    blocks: Estimate;
    bytes: Estimate;
    live_blocks: Estimate;
    live_bytes: Estimate;
    peak_live_bytes: Estimate;
}

export interface Summary {
    executable: string;
    arguments: string[];
    pid: number;
    started_epoch_ns: number;
    duration_ns: number;
    sample: number;
    sample_scheme: "addresses" | "blocks" | "bytes";
    estimates: Estimates | null;
    part_from_ns: number;
    part_to_ns: number | null;
    window_from_ns: number;
    carried_blocks: number;
    events_gone: number;
    uncertain_blocks: number;
    uncertain_bytes: number;
    events: number;
    calls: number;
    blocks: number;
    bytes_acquired: number | null;
    threads: number;
    peak_live_bytes: number | null;
    peak_live_ns: number | null;
    outstanding_blocks: number;
    outstanding_bytes: number;
    temporary_blocks: number;
    cross_thread_frees: number;
    stacks: boolean;
    other_images: number;
    missing: Missing;
}

export interface Missing {
    events_lost: number;
    unknown_releases: number;
    implicit_releases: number;
    forced_steps: number;
    inherited_releases: number;
    saturated_sizes: number;
    state: string;
    failure: string;
    damage: string;
}

export interface Timeline {
    moments_ns: number[];
    peak_index: number | null;
    live_bytes: number[];
    resident: { peak_rss_bytes: number; rss_bytes: (number | null)[] } | null;
    threads: Series[];
    other_threads: Series | null;
    sites: Series[];
    other_sites: Series | null;
    marks: { shown: TimelineMark[]; others: number };
    unrecorded: Unrecorded[];
}

export interface TimelineMark {
    ns: number;
    name: string;
    moment: number;
}

export interface Unrecorded {
    from_ns: number;
    to_ns: number;
    lost_calls: number | null;
}

export interface Series {
    key: number;
    name: string;
    file: string;
    line: number;
    text: string;
    count: number;
    live_bytes: number[];
}

export interface FlameData {
    merged_below: number;
    merged_nodes: number;
    functions: string[];
    files: number[];
    file_names: string[];
    parent: number[];
    function: number[];
    merged: number[];
    allocated_blocks: number[];
    allocated_bytes: number[];
    outstanding_blocks: number[];
    outstanding_bytes: number[];
    temporary_blocks: number[];
    temporary_bytes: number[];
    live_nodes: number[];
    live_changes: number[][];
}

export type Cell = string | number | boolean | null;

export interface Suspects {
    columns: string[];
    rows: Cell[][];
    others: number;
}

export interface LifetimeCell {
    from_ns: number;
    class_bytes: number;
    blocks: number;
    bytes: number;
}

export interface ThreadPair {
    alloc_thread: number;
    alloc_name: string;
    free_thread: number;
    free_name: string;
    blocks: number;
    bytes: number;
}

export interface Site {
    function: string;
    file: string;
    line: number;
    text: string;
    blocks: number;
    bytes: number;
    peak_live_bytes: number;
    live_blocks: number;
    live_bytes: number;
    temporary_blocks: number;
    cross_thread_frees: number;
}

/** Where in the source something is, as short as it can be told; empty where it is not known. */
export function placeOf(file: string, line: number): string {
    return file === "" ? "" : `${file.slice(file.lastIndexOf("/") + 1)}${line > 0 ? `:${line}` : ""}`;
}
