// Ratios to the first configuration with their intervals, a row each: a table whose middle column is drawn.
// Places are percentages of that column, so that it needs no drawing anew at another width, or on paper.

import { element, name, svg } from "../parts/dom.ts";
import { percent } from "../parts/quantity.ts";
import { decades } from "../parts/ticks.ts";
import { claimOf, directions, figureOf, intervalOf, metricOf, nameOf, wordsOf, type Metric, type Report, type Row } from "./report.ts";

/** Ends of the axis. */
interface Range {
    low: number;
    high: number;
}

export function forest(report: Report, metric: Metric): HTMLElement {
    const rows = report.rows.filter(row => row.failure !== null || figureOf(row, metric) !== undefined);
    const range = rangeOf(rows, metric), ticks = ticksOf(range);
    const { higher, lower } = directions(metric);
    return element("table", { class: "forest", role: "table", "data-metric": metric.name },
        element("caption", {}, captionOf(report, metric)),
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" },
            element("th", { role: "columnheader", scope: "col" }, wordsOf(metric)),
            element("th", { role: "columnheader", scope: "col", class: "plot" }, svg("svg", { class: "axis", role: "img", "aria-label": "ratio, logarithmic" },
                ...ticks.map(tick => svg("text", { x: `${place(tick, range)}%`, y: 14, "data-tick": tick }, String(tick))))),
            element("th", { role: "columnheader", scope: "col" }, "ratio (interval)"),
            element("th", { role: "columnheader", scope: "col" }, `${lower} or ${higher}`))),
        element("tbody", { role: "rowgroup" }, ...rows.map(row => rowOf(report, row, metric, range, ticks))));
}

function rowOf(report: Report, row: Row, metric: Metric, range: Range, ticks: number[]): HTMLElement {
    const figure = figureOf(row, metric);
    const claim = row.failure !== null ? { words: "failed", kind: "worse" } : row.role === "baseline" ? { words: "compared with", kind: "none" }
        : row.role === "reference" ? { words: "a reference", kind: "none" } : row.role === "twin" ? { words: "noise of this machine", kind: "none" }
            : figure ? claimOf(figure, metric) : { words: "", kind: "none" };
    return element("tr", { role: "row", class: `${row.role} ${claim.kind}`, "data-row": report.rows.indexOf(row) },
        element("th", { role: "rowheader", scope: "row" }, name(nameOf(row))),
        element("td", { role: "cell", class: "plot" }, drawingOf(report, row, metric, range, ticks)),
        element("td", { role: "cell", class: "number" }, row.role === "baseline" ? "1" : figure?.ratio ? intervalOf(figure.ratio) : "–"),
        element("td", { role: "cell", class: "claim" }, claim.words));
}

function drawingOf(report: Report, row: Row, metric: Metric, range: Range, ticks: number[]): SVGElement {
    const figure = figureOf(row, metric), { relative } = metric.threshold;
    const [bandLow, bandHigh] = [place(1 - relative, range), place(1 + relative, range)];
    const drawing = svg("svg", { "aria-hidden": "true" },
        svg("rect", { class: "band", x: `${bandLow}%`, width: `${bandHigh - bandLow}%`, y: "0", height: "100%" }),
        ...ticks.map(tick => {
            const x = `${place(tick, range)}%`;
            return svg("line", { class: tick === 1 ? "one" : "grid", x1: x, x2: x, y1: "0", y2: "100%" });
        }));
    if (figure === undefined)
        return drawing;
    for (const run of ratiosOfRuns(report, row, metric))
        if (run >= range.low && run <= range.high)
            drawing.append(svg("circle", { class: "run", cx: `${place(run, range)}%`, cy: "50%", r: 2 }));
    const ratio = figure.ratio;
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

/** Each run relative to the first configuration's of the same block. */
function ratiosOfRuns(report: Report, row: Row, metric: Metric): number[] {
    return report.ratios[metric.name]?.[report.rows.indexOf(row)] ?? [];
}

function captionOf(report: Report, metric: Metric): string {
    const primary = report.primary.find(p => p.metric === metric.name);
    const first = report.rows[0]?.allocator.name ?? "";
    const noise = primary?.noise != null ? ` Against itself: within ${percent(primary.noise)}.` : "";
    const resolution = primary?.resolution != null ? ` Smallest difference that this could have shown: ${percent(primary.resolution)}.` : "";
    return `${capital(wordsOf(metric))}, relative to ${first}.${resolution}${noise}`;
}

/**
 * What is compared sets the axis, with its intervals. References are on it where they leave room for the rest: a call that does nothing is many times
 * as fast, and the others would lie on one spot.
 */
function rangeOf(rows: Row[], metric: Metric): Range {
    const ends = (of: Row[]) => of.map(row => figureOf(row, metric)?.ratio).filter(ratio => ratio != null)
        .flatMap(ratio => [ratio.estimate, ratio.low ?? ratio.estimate, ratio.high ?? ratio.estimate]).filter(x => x > 0 && Number.isFinite(x));
    const margin = 1 + 2 * metric.threshold.relative;
    const compared = [1 / margin, margin, ...ends(rows.filter(row => row.role !== "reference"))];
    const all = [...compared, ...ends(rows)];
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
