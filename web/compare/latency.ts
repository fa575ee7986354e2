// How long calls take: the share of calls that took longer, by how long, of one kind and size at a time; and a percentile of each size.

import { chart, type Axis, type Curve } from "../parts/chart.ts";
import { details, element, name, select } from "../parts/dom.ts";
import { bytes, count, duration, percentile } from "../parts/quantity.ts";
import { table } from "../parts/table.ts";
import { decades, doublings } from "../parts/ticks.ts";
import { nameOf, type Latency, type Row } from "./report.ts";

/** Row of a report with its place, which is its colour's. */
export interface Shown {
    row: Row;
    index: number;
}

export function hasLatency(rows: Row[]): boolean {
    return rows.some(row => row.latency.length > 0);
}

/** The whole section. Of the rows those are drawn that `chosen` names, and anew when `onChoice` says so. */
export function latency(id: string, rows: Row[], chosen: () => Shown[], onChoice: (draw: () => void) => void): HTMLElement {
    const kinds = distinct(rows.flatMap(row => row.latency.map(l => l.kind)));
    let kind = kinds[0]!, size = 0, share = 0;
    const sizes = () => classesOf(rows, kind);
    const place = element("div", {}), sizeControl = element("span", {});
    const percentiles = distinct(rows.flatMap(row => row.latency.flatMap(l => Object.keys(l.percentiles)))).sort((a, b) => Number(a) - Number(b));
    // Of a kind whose sizes were not told apart there is no curve by size.
    const kindsOfSizes = kinds.filter(k => distinct(partsOf(rows.flatMap(row => row.latency.filter(l => l.kind === k))).map(l => l.size_high)).length > 1);
    let kindOfSizes = 0;
    const bySize = element("div", {});
    share = Math.max(0, percentiles.indexOf("99"));

    const draw = () => {
        const [low, high] = sizes()[size]!;
        const found = chosen().map(s => ({ ...s, latency: s.row.latency.find(l => l.kind === kind && l.size_low === low && l.size_high === high) }))
            .filter((s): s is Shown & { latency: Latency } => s.latency !== undefined);
        place.replaceChildren(...found.length === 0 ? [nothing()] : [curvesOf(found, `${kind}, ${sizeText(low, high)}`), tableOf(found, percentiles)]);
    };
    const drawSizes = () => bySize.replaceChildren(...sizesOf(chosen(), kindsOfSizes[kindOfSizes]!, percentiles[share] ?? "99"));
    const offerSizes = () => sizeControl.replaceChildren(select("Size", sizes().map(([low, high]) => sizeText(low, high)), index => {
        size = index;
        draw();
    }));
    offerSizes();
    draw();
    onChoice(draw);
    if (kindsOfSizes.length > 0) {
        drawSizes();
        onChoice(drawSizes);
    }
    return element("section", { id },
        element("h2", {}, "Latency"),
        element("p", { class: "controls" },
            select("Calls", kinds.map(kindText), index => {
                kind = kinds[index]!;
                size = 0;
                offerSizes();
                draw();
            }), sizeControl),
        place,
        ...kindsOfSizes.length === 0 ? [] : [
            element("h3", {}, "By size"),
            element("p", { class: "controls" },
                select("Calls", kindsOfSizes.map(kindText), index => { kindOfSizes = index; drawSizes(); }),
                choiceOfPercentile(percentiles, share, index => { share = index; drawSizes(); })),
            bySize,
        ]);
}

function kindText(kind: string): string {
    return kind === "all" ? "all that acquire" : kind;
}

function choiceOfPercentile(percentiles: string[], first: number, onChange: (index: number) => void): HTMLElement {
    const control = select("Percentile", percentiles.map(percentileName), onChange);
    control.querySelector("select")!.selectedIndex = first;
    return control;
}

/** The slowest call has none above it, which a logarithm has no place for: it is drawn at half a call. */
function tailOf(l: Latency, share: number): number {
    return Math.max(1 - share, 0.5 / l.count);
}

function curvesOf(found: (Shown & { latency: Latency })[], label: string): HTMLElement {
    const curves: Curve[] = found.map(s => {
        const points = s.latency.curve.filter(([ns]) => ns > 0).map(([ns, share]) => [tailOf(s.latency, share), ns] as const).reverse();
        const rising = points.filter(([tail], i) => i === 0 || tail > points[i - 1]![0]);
        return { name: nameOf(s.row), style: s.index, x: rising.map(p => p[0]), y: rising.map(p => p[1]) };
    }).filter(curve => curve.x.length > 0);
    if (curves.length === 0)
        return nothing();
    const least = Math.min(...curves.map(c => c.x[0]!)), [low, high] = ends(curves.flatMap(c => c.y));
    const x: Axis = {
        label: "percentile of calls", log: 10, reversed: true, range: [least, 1],
        ticks: [...decades(least, 0.11).filter(t => Number.isInteger(Math.round(Math.log10(t) * 1e9) / 1e9)), 0.5, 1], text: tail => percentile(1 - tail),
    };
    const y: Axis = { label: "time of a call", log: 10, range: [low, high], ticks: decades(low, high), text: duration };
    return chart(`Latency of ${label}`, x, y, curves);
}

function tableOf(found: (Shown & { latency: Latency })[], percentiles: string[]): HTMLElement {
    return table("Percentiles of latency", ["", ...percentiles.map(percentileName), "calls"], found.map(s => [
        name(nameOf(s.row)),
        ...percentiles.map(p => s.latency.percentiles[p] === undefined ? "–" : duration(s.latency.percentiles[p])),
        count(s.latency.count),
    ]));
}

function sizesOf(shown: Shown[], kind: string, share: string): Node[] {
    const curves: Curve[] = shown.map(s => {
        const classes = partsOf(s.row.latency.filter(l => l.kind === kind && l.percentiles[share] !== undefined && l.percentiles[share] > 0));
        return { name: nameOf(s.row), style: s.index, x: classes.map(l => Math.max(1, l.size_high)), y: classes.map(l => l.percentiles[share]!) };
    }).filter(curve => curve.x.length > 0);
    if (curves.length === 0)
        return [nothing()];
    const [least, most] = [Math.min(...curves.map(c => c.x[0]!)), Math.max(...curves.map(c => c.x.at(-1)!))];
    const [low, high] = ends(curves.flatMap(c => c.y));
    const x: Axis = { label: "size, up to", log: 2, range: [least / 1.2, most * 1.2], ticks: doublings(least / 1.2, most * 1.2), text: bytes };
    const y: Axis = { label: `${percentileName(share)} of ${kind}`, log: 10, range: [low, high], ticks: decades(low, high), text: duration };
    const sizes = distinct(curves.flatMap(c => c.x)).sort((a, b) => a - b);
    return [chart(`Latency by size, ${percentileName(share)}`, x, y, curves), details(["The same as a table"], () => [
        table("Latency by size", ["up to", ...curves.map(c => name(c.name))],
            sizes.map(size => [bytes(size), ...curves.map(c => c.x.includes(size) ? duration(c.y[c.x.indexOf(size)]!) : "–")]))])];
}

/** Classes without those that hold others, rising. */
function partsOf(classes: Latency[]): Latency[] {
    const width = (l: Latency) => l.size_high - l.size_low;
    const holds = (a: Latency, b: Latency) => a.size_low <= b.size_low && a.size_high >= b.size_high && width(a) > width(b);
    return classes.filter(a => !classes.some(b => holds(a, b))).sort((a, b) => a.size_high - b.size_high);
}

/** Classes of a kind in any of the rows, the widest first: that of all sizes, where there is one. */
function classesOf(rows: Row[], kind: string): [number, number][] {
    const texts = distinct(rows.flatMap(row => row.latency.filter(l => l.kind === kind).map(l => `${l.size_low} ${l.size_high}`)));
    const classes = texts.map(text => text.split(" ").map(Number) as [number, number]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const all = classes.findIndex(a => classes.length > 1 && classes.every(b => a[0] <= b[0] && a[1] >= b[1]));
    return all > 0 ? [classes[all]!, ...classes.slice(0, all), ...classes.slice(all + 1)] : classes;
}

function sizeText(low: number, high: number): string {
    return high > 2 ** 60 ? (low <= 1 ? "all" : `${bytes(low)} and more`) : low === high ? bytes(low) : `${bytes(low)} to ${bytes(high)}`;
}

function percentileName(share: string): string {
    return share === "100" ? "slowest" : `${share} %`;
}

/** Room around values on a logarithmic axis. */
function ends(values: number[]): [number, number] {
    const low = values.reduce((a, b) => Math.min(a, b), Infinity), high = values.reduce((a, b) => Math.max(a, b), 0);
    return [low / 1.3, high * 1.3];
}

function distinct<T>(values: T[]): T[] {
    return [...new Set(values)];
}

function nothing(): HTMLElement {
    return element("p", { class: "nothing" }, "None of the configurations that are chosen has this.");
}
