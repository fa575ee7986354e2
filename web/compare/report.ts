// What a page of comparisons is made of: reports as docs/reference/json.md has them, allocreplay.compare, but for their long lists, which come as
// columns (cli/Pages/ComparisonData.cs) and are put back into the rows.

export type MetricUnit = "calls_per_second" | "nanoseconds_per_call" | "nanoseconds" | "per_call" | "bytes" | "count" | (string & {});
export type Verdict = "too_few_runs" | "no_difference_shown" | "negligible" | "higher" | "lower" | "withheld";

export interface PageData {
    title: string;
    command: string;
    made_at: string;
    tool_version: string;
    machine: { kernel: string; architecture: string; cpu: string; cpus: number; memory_bytes: number };
    reports: Packed[];
    /** What the reports' traces are called beside each other. */
    names: string[];
    /** Of several traces: the means over those that were compared to their end. */
    summary: Summary | null;
    /** What configurations are called where that is not their name: pairs of the two. */
    labels: [string, string][];
    /** Of several traces: what became of the conditions on each. */
    gate: GateLine[];
    /** Of several traces: what there is to say of all. */
    remarks: string[];
}

/** What became of a condition that was to fail the command, in its words; failures come first. */
export interface GateLine {
    outcome: "passed" | "inconclusive" | "no_figure" | "failed" | "no_baseline";
    text: string;
    is_failure: boolean;
}

/** Geometric means over traces. */
export interface Summary {
    traces: string[];
    primary: Primary[];
    rows: MeanRow[];
}

export interface MeanRow {
    role: Row["role"];
    name: string;
    figures: { metric: string; ratio: Ratio | null; verdict: Verdict | null; gaps: { trace: string; reason: string }[] }[];
}

/** A report without its long lists, and these. */
export interface Packed {
    report: Report;
    gate: GateLine[];
    ratios: Record<string, number[][]>;
    memory: { calls: number[]; resident: number[]; live: number[] }[];
    latency: {
        classes: { kind: string; size_low: number; size_high: number }[];
        percentiles: string[];
        rows: { class: number; count: number; percentiles: (number | null)[]; curve: number[] }[][];
    };
}

export interface Report {
    trace: string;
    calls: number;
    threads: number;
    peak_live_bytes: number;
    carried: { blocks: number; bytes: number } | null;
    touch: string;
    processors: number[];
    seed: number;
    elapsed_seconds: number;
    budget_seconds: number | null;
    precision: number | null;
    passes: { name: string; order: string; loops: number; turns: number; blocks: number; stop: string }[];
    metrics: Metric[];
    primary: Primary[];
    rows: Row[];
    /** Of runs to the first configuration's of the same block: by metric and row. */
    ratios: Record<string, number[][]>;
    is_interrupted: boolean;
}

export interface Metric {
    name: string;
    unit: MetricUnit;
    better: "higher" | "lower";
    pass: string;
    threshold: { relative: number; absolute: number };
}

export interface Primary {
    metric: string;
    confidence: number;
    resolution: number | null;
    noise: number | null;
}

export interface Row {
    role: "baseline" | "twin" | "compared" | "reference";
    allocator: {
        name: string;
        library: string | null;
        version: string;
        package: string;
        build_id: string;
        environment: string[];
        hook: string | null;
    };
    failure: { pass: string; reason: string } | null;
    figures: Figure[];
    overhead: number | null;
    memory: MemoryPoint[];
    latency: Latency[];
    failed_now: number;
    divergences: number;
    substituted: string[];
}

export interface Figure {
    metric: string;
    spread: { median: number; min: number; max: number };
    ratio: Ratio | null;
    verdict: Verdict | null;
}

export interface Ratio {
    estimate: number;
    low: number | null;
    high: number | null;
    confidence: number;
    pairs: number;
}

export interface MemoryPoint {
    calls: number;
    resident_bytes: number;
    live_bytes: number;
}

export interface Latency {
    kind: string;
    size_low: number;
    size_high: number;
    count: number;
    percentiles: Record<string, number>;
    /** Nanoseconds, and the share of calls that took no longer. */
    curve: [number, number][];
}

/** A report with its lists where they belong. */
export function unpack({ report, ratios, memory, latency }: Packed): Report {
    const rows = report.rows.map((row, i): Row => ({
        ...row,
        memory: memory[i]!.calls.map((calls, j) => ({ calls, resident_bytes: memory[i]!.resident[j]!, live_bytes: memory[i]!.live[j]! })),
        latency: latency.rows[i]!.map(({ class: place, count, percentiles, curve }): Latency => ({
            ...latency.classes[place]!,
            count,
            percentiles: Object.fromEntries(latency.percentiles.map((p, j) => [p, percentiles[j]!] as const).filter(([, ns]) => ns !== null)),
            curve: Array.from({ length: curve.length / 2 }, (_, j) => [curve[2 * j]!, curve[2 * j + 1]!]),
        })),
    }));
    return { ...report, rows, ratios };
}

export function figureOf(row: Row, metric: Metric): Figure | undefined {
    return row.figures.find(f => f.metric === metric.name);
}

export function metricOf(report: Report, name: string): Metric | undefined {
    return report.metrics.find(m => m.name === name);
}

const labels = new Map<string, string>();

/** What configurations are called on the page, where their names are long. */
export function useLabels(pairs: [string, string][]): void {
    pairs.forEach(([long, short]) => labels.set(long, short));
}

export function labelOf(configuration: string): string {
    return labels.get(configuration) ?? configuration;
}

/** The configuration as it is called on the page: the twin is the first one, again. */
export function nameOf(row: Row): string {
    const label = labelOf(row.allocator.name);
    return row.role === "twin" ? `${label}, again` : label;
}

export function wordsOf(metric: Metric): string {
    const words: Record<string, string> = {
        cpu: "CPU time", peak_rss: "peak RSS", mean_rss: "mean RSS", end_rss: "RSS at the end", faults: "page faults", switches: "context switches",
    };
    // An underscore between the digits of a percentile stands for the point, which names of figures do not have.
    return words[metric.name] ?? metric.name.replace(/^(p\d+)_(\d+)$/, "$1.$2").replaceAll("_", " ");
}

/** What more and less of a figure are called. */
export function directions(metric: Metric): { higher: string; lower: string } {
    return metric.unit === "calls_per_second" ? { higher: "faster", lower: "slower" } : { higher: "more", lower: "less" };
}

/** A claim in words, and whether it is a good one. */
export function claimOf(figure: { verdict: Verdict | null }, metric: Metric): { words: string; kind: "better" | "worse" | "none" } {
    const verdict = figure.verdict;
    if (verdict === "higher" || verdict === "lower")
        return { words: directions(metric)[verdict], kind: verdict === metric.better ? "better" : "worse" };
    return { words: verdict === null ? "" : verdict.replaceAll("_", " "), kind: "none" };
}

/** A ratio with its interval, in as many digits as tell the ends apart. */
export function intervalOf(ratio: Ratio): string {
    const { estimate, low, high } = ratio;
    if (low === null || high === null)
        return estimate.toFixed(2);
    const digits = (high - low) / 2 < 0.005 ? 3 : 2;
    return `${estimate.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
