// Ratios to the first configuration with their intervals, a row each: a table whose middle column is drawn.
// Places are percentages of that column, so that it needs no drawing anew at another width, or on paper.

import { element, name, svg, type Child } from "../parts/dom.ts";
import { percent } from "../parts/quantity.ts";
import { decades } from "../parts/ticks.ts";
import {
    claimOf, directions, figureOf, intervalOf, labelOf, metricOf, nameOf, wordsOf,
    type Metric, type PageData, type Primary, type Ratio, type Report, type Row, type Verdict,
} from "./report.ts";

/** Ends of the axis. */
interface Range {
    low: number;
    high: number;
}

/** A row: a ratio with its interval, and what it is made of. */
interface Line {
    /** Among the rows of the report. */
    place: number;
    role: Row["role"];
    name: string;
    /** In full. */
    title: string;
    /** Instead of a claim; null where there is a ratio to claim something of. */
    without: string | null;
    ratio: Ratio | null;
    verdict: Verdict | null;
    /** Single runs against the first one's; of a mean, the traces. */
    dots: number[];
}

/** Ratios of one figure. */
interface Plot {
    metric: Metric;
    first: string;
    primary: Primary | undefined;
    lines: Line[];
    /** All dots are to be seen: they are few, and what the ratios are made of. */
    showsDots: boolean;
}

/** Of one trace. */
export function forest(report: Report, metric: Metric): HTMLElement {
    const lines = report.rows.map((row, place): Line => {
        const figure = figureOf(row, metric);
        return {
            place, role: row.role, name: nameOf(row), title: row.allocator.name, without: row.failure === null ? null : "failed", ratio: figure?.ratio ?? null,
            verdict: figure?.verdict ?? null, dots: figure === undefined ? [] : ratiosOfRuns(report, place, metric),
        };
    });
    const shown = lines.filter(line => line.without !== null || figureOf(report.rows[line.place]!, metric) !== undefined);
    const primary = report.primary.find(p => p.metric === metric.name);
    return draw({ metric, first: labelOf(report.rows[0]?.allocator.name ?? ""), primary, lines: shown, showsDots: false });
}

/** Of the means over several traces. */
export function meanForests(data: PageData): HTMLElement[] {
    const summary = data.summary, report = data.reports[0]?.report;
    if (summary === null || report === undefined)
        return [];
    const of = (name: string) => data.reports[data.names.indexOf(name)]?.report;
    return summary.primary.flatMap(primary => {
        const metric = metricOf(report, primary.metric);
        const lines = summary.rows.map((row, place): Line => {
            const figure = row.figures.find(f => f.metric === primary.metric);
            const isFailed = figure?.gaps.some(gap => gap.reason === "failed" || gap.reason === "first_failed") ?? false;
            const ratios = summary.traces.map(of).map(r => r && metric && r.rows[place] && figureOf(r.rows[place], metric)?.ratio?.estimate);
            return {
                place, role: row.role, name: row.role === "twin" ? `${labelOf(row.name)}, again` : labelOf(row.name), title: row.name,
                without: isFailed ? "no mean" : null, ratio: figure?.ratio ?? null, verdict: figure?.verdict ?? null,
                dots: ratios.filter(ratio => ratio != null),
            };
        });
        const isMeasured = lines.some(line => line.without !== null || line.ratio !== null);
        const shown = lines.filter(line => isMeasured && (line.role === "baseline" || line.without !== null || line.ratio !== null));
        return metric === undefined ? [] : [draw({ metric, first: labelOf(summary.rows[0]?.name ?? ""), primary, lines: shown, showsDots: true })];
    });
}

function draw(plot: Plot): HTMLElement {
    if (plot.lines.length === 0)
        return element("div", {}, element("p", { class: "heading" }, ...captionOf(plot)), element("p", { class: "nothing" }, "Not measured."));
    const note = noteOf(plot);
    return element("div", {}, tableOf(plot), note !== "" && element("p", { class: "note" }, note));
}

function tableOf(plot: Plot): HTMLElement {
    const { metric, lines } = plot, range = rangeOf(plot), ticks = ticksOf(range);
    const { higher, lower } = directions(metric);
    return element("table", { class: "forest", role: "table", "data-metric": metric.name },
        element("caption", {}, ...captionOf(plot)),
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
            element("th", { role: "columnheader", scope: "col" }, wordsOf(metric)),
            element("th", { role: "columnheader", scope: "col", class: "plot" }, svg("svg", { class: "axis", role: "img", "aria-label": "ratio, logarithmic" },
                ...ticks.map(tick => svg("text", { x: `${place(tick, range)}%`, y: 14, "data-tick": tick }, String(tick))))),
            element("th", { role: "columnheader", scope: "col" }, "ratio (interval)"),
            element("th", { role: "columnheader", scope: "col" }, `${lower} or ${higher}`))),
        element("tbody", { role: "rowgroup" }, ...lines.map(line => rowOf(line, metric, range, ticks))));
}

function rowOf(line: Line, metric: Metric, range: Range, ticks: number[]): HTMLElement {
    const claim = line.without !== null ? { words: line.without, kind: "worse" } : line.role === "baseline" ? { words: "compared with", kind: "none" }
        : line.role === "reference" ? { words: "a reference", kind: "none" } : line.role === "twin" ? { words: "noise of this machine", kind: "none" }
            : claimOf(line, metric);
    return element("tr", { role: "row", class: `${line.role} ${claim.kind}`, "data-row": line.place },
        element("th", { role: "rowheader", scope: "row" }, name(line.name, line.title)),
        element("td", { role: "cell", class: "plot" }, drawingOf(line, metric, range, ticks)),
        element("td", { role: "cell", class: "number" }, line.role === "baseline" ? "1" : line.ratio ? intervalOf(line.ratio) : "–"),
        element("td", { role: "cell", class: "claim" }, claim.words));
}

function drawingOf({ ratio, dots }: Line, metric: Metric, range: Range, ticks: number[]): SVGElement {
    const { relative } = metric.threshold;
    const [bandLow, bandHigh] = [place(1 - relative, range), place(1 + relative, range)];
    const drawing = svg("svg", { "aria-hidden": "true" },
        svg("rect", { class: "band", x: `${bandLow}%`, width: `${bandHigh - bandLow}%`, y: "0", height: "100%" }),
        ...ticks.map(tick => {
            const x = `${place(tick, range)}%`;
            return svg("line", { class: tick === 1 ? "one" : "grid", x1: x, x2: x, y1: "0", y2: "100%" });
        }));
    for (const dot of dots)
        if (dot >= range.low && dot <= range.high)
            drawing.append(svg("circle", { class: "run", cx: `${place(dot, range)}%`, cy: "50%", r: 2 }));
    drawing.append(...arrowsOf(dots.filter(dot => dot < range.low), "low", ratio !== null && ratio.estimate < range.low));
    drawing.append(...arrowsOf(dots.filter(dot => dot > range.high), "high", ratio !== null && ratio.estimate > range.high));
    if (ratio === null)
        return drawing;
    if (ratio.low !== null && ratio.high !== null)
        drawing.append(svg("line", { class: "interval", x1: `${place(ratio.low, range)}%`, x2: `${place(ratio.high, range)}%`, y1: "50%", y2: "50%" }));
    if (ratio.estimate >= range.low && ratio.estimate <= range.high)
        drawing.append(svg("circle", { class: "estimate", cx: `${place(ratio.estimate, range)}%`, cy: "50%", r: 4.5 }));
    else
        drawing.append(svg("text", { class: "beyond", x: ratio.estimate > range.high ? "100%" : "0%", y: "50%" }, ratio.estimate > range.high ? "▸" : "◂"));
    return drawing;
}

/** Of runs beyond an end of the axis, one below the other so that each is seen; beside the estimate's arrow where that is there too. */
function arrowsOf(dots: number[], end: keyof Range, hasEstimate: boolean): SVGElement[] {
    const x = end === "high" ? "100%" : "0%", dx = hasEstimate ? end === "high" ? -11 : 11 : 0;
    return dots.map((dot, i) => {
        const y = `${100 * (i + 1) / (dots.length + 1)}%`;
        return svg("text", { class: "beyond run", x, dx, y }, svg("title", {}, dot.toPrecision(3)), end === "high" ? "▸" : "◂");
    });
}

/** Each run relative to the first configuration's of the same block. */
function ratiosOfRuns(report: Report, place: number, metric: Metric): number[] {
    return report.ratios[metric.name]?.[place] ?? [];
}

function captionOf({ metric, first }: Plot): Child[] {
    return [`${capital(wordsOf(metric))}, relative to `, name(first)];
}

/** What the runs could have shown. */
function noteOf({ primary }: Plot): string {
    const resolution = primary?.resolution != null ? [`Smallest difference that this could have shown: ${percent(primary.resolution)}.`] : [];
    return [...resolution, ...(primary?.noise != null ? [`Against itself: within ${percent(primary.noise)}.`] : [])].join(" ");
}

/**
 * What is compared sets the axis, with its intervals; without one, its runs are all that tells how sure a ratio is. References are on it where they
 * leave room for the rest: a call that does nothing is many times as fast, and the others would lie on one spot.
 */
function rangeOf({ lines, metric, showsDots }: Plot): Range {
    const ends = (of: Line[]) => of.flatMap(({ ratio, dots }) => ratio === null ? []
        : [ratio.estimate, ratio.low ?? ratio.estimate, ratio.high ?? ratio.estimate, ...(showsDots || ratio.low === null ? dots : [])])
        .filter(x => x > 0 && Number.isFinite(x));
    const margin = 1 + 2 * metric.threshold.relative;
    const compared = [1 / margin, margin, ...ends(lines.filter(line => line.role !== "reference"))];
    const all = [...compared, ...ends(lines)];
    const width = (values: number[]) => Math.log(Math.max(...values) / Math.min(...values));
    const shown = width(all) <= 2 * width(compared) ? all : compared;
    const room = Math.exp(0.04 * width(shown));
    return { low: Math.min(...shown) / room, high: Math.max(...shown) * room };
}

/** Where a ratio lies, in percent of the width. */
function place(ratio: number, range: Range): number {
    return Number((100 * Math.log(Math.max(ratio, 1e-9) / range.low) / Math.log(range.high / range.low)).toFixed(4));
}

/** Round ratios, 1 among them, that do not stand on each other. */
function ticksOf(range: Range): number[] {
    const width = range.high / range.low;
    if (width > 5)
        return decades(range.low, range.high).filter(tick => width < 300 || Number.isInteger(Math.log10(tick)));
    const distance = (a: number, b: number) => Math.abs(place(a, range) - place(b, range));
    for (let decade = -4; decade < 9; decade++) {
        for (const mantissa of [1, 2, 5]) {
            const step = mantissa * 10 ** decade;
            const first = Math.ceil(range.low / step), last = Math.floor(range.high / step);
            if (last - first > 40)
                continue;
            const ticks = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(6)));
            const rounds = [1, ...ticks.filter(t => t > 0 && t !== 1)];
            if (rounds.length <= 8 && rounds.every((a, i) => rounds.every((b, j) => i === j || distance(a, b) >= 13)))
                return rounds.filter(t => place(t, range) >= 0 && place(t, range) <= 100).sort((a, b) => a - b);
        }
    }
    return [1];
}

function capital(words: string): string {
    return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** The figures that verdicts are given of, side by side where there is room. */
export function forests(report: Report): HTMLElement[] {
    return report.primary.map(p => metricOf(report, p.metric)).filter(metric => metric !== undefined).map(metric => forest(report, metric));
}
