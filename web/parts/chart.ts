// Curves, drawn by uPlot. Colours are the style sheet's, so that a chart follows the page into the dark and onto paper; beside the colour, a dash tells
// curves apart. A chart is looked at by mouse or, with the focus on it, by the arrow keys; the values there are read out below it.

import uPlot from "uplot";
import { element, name, plain } from "./dom.ts";

export interface Axis {
    label: string;
    /** Logarithmic with this base; linear without. */
    log?: 2 | 10;
    /** Falls from left to right. */
    reversed?: boolean;
    range: [number, number];
    ticks: number[];
    text: (value: number) => string;
}

export interface Curve {
    name: string;
    /** Place of its colour and dash among those of the style. */
    style: number | "live";
    /** Rising. */
    x: number[];
    y: number[];
}

const COLOURS = 8;
const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3], [14, 4], [4, 4, 1, 4], [1, 5]];
export const HEIGHT = 320;

/** What A4 and Letter hold between the margins of browsers, CSS pixels: a page whose charts are wider is shrunk as a whole. */
const PAPER_WIDTH = 700;

const drawn = new Set<uPlot>();

export function colourOf(style: Curve["style"]): string {
    return style === "live" ? "--live" : `--curve-${style % COLOURS}`;
}

export function dashOf(style: Curve["style"]): number[] {
    return style === "live" ? [3, 3] : dashes[Math.floor(style / COLOURS) % dashes.length]!;
}

/** A sample of a curve's line, for whatever names it. */
export function swatch(style: Curve["style"]): Node {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    line.setAttribute("class", "swatch");
    line.setAttribute("aria-hidden", "true");
    const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [key, value] of Object.entries({ x1: 0, x2: 28, y1: 6, y2: 6, "stroke-dasharray": dashOf(style).join(" ") }))
        stroke.setAttribute(key, String(value));
    stroke.style.stroke = `var(${colourOf(style)})`;
    line.append(stroke);
    return line;
}

/** A chart and what is read out of it; `chart` of the element is uPlot's own. */
export function chart(label: string, x: Axis, y: Axis, curves: Curve[]): HTMLElement {
    const values = curves.map(() => element("span", { class: "value" }));
    const at = element("span", { class: "at" });
    const legend = element("ul", { class: "legend" }, ...curves.map((curve, i) => element("li", {}, swatch(curve.style), name(curve.name), " ", values[i]!)));
    const described = `${label}. ${y.label} by ${x.label}, ${curves.length} curves; the table below has the figures. Arrow keys move a cursor.`;
    const host = element("div", { class: "canvas", role: "img", tabindex: 0, "aria-label": plain(described) });
    const figure = element("figure", { class: "chart" }, host, element("output", {}, at), legend);

    const data = uPlot.join(curves.map(curve => [curve.x, curve.y])) as uPlot.AlignedData;
    const options: uPlot.Options = {
        width: 600,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, uni: 20 }, dataIdx: (u, series, index) => nearest(u, series, index) },
        scales: {
            x: { time: false, distr: x.log ? 3 : 1, ...(x.log ? { log: x.log } : {}), dir: x.reversed ? -1 : 1 },
            y: { distr: y.log ? 3 : 1, ...(y.log ? { log: y.log } : {}), range: () => y.range },
        },
        axes: [axis(x, true), axis(y, false)],
        series: [{}, ...curves.map(curve => ({
            stroke: () => variable(colourOf(curve.style)),
            dash: dashOf(curve.style),
            width: 2,
            spanGaps: true,
            points: { show: curve.x.length === 1 },
        }))],
        hooks: { setCursor: [u => readOut(u)] },
    };
    // The whole range is what is shown first; it is narrowed by dragging, and a double click brings it back.
    options.scales!.x!.range = (_, low, high) => low === null || high === null || (low === dataLow && high === dataHigh) ? x.range : [low, high];
    const [dataLow, dataHigh] = [data[0]![0], data[0]![data[0]!.length - 1]];
    const plot = new uPlot(options, data, host);
    Object.assign(figure, { chart: plot });

    function readOut(u: uPlot): void {
        const index = u.cursor.idx;
        at.textContent = index == null ? "" : `${x.label}: ${x.text(data[0]![index]!)}`;
        values.forEach((value, i) => {
            const place = index == null ? null : nearest(u, i + 1, index), read = place === null ? null : data[i + 1]![place];
            value.textContent = read == null ? "" : y.text(read);
        });
    }

    host.addEventListener("keydown", event => {
        const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
        const step = steps[event.key];
        if (step === undefined)
            return;
        event.preventDefault();
        const last = data[0]!.length - 1, current = plot.cursor.idx;
        const first = x.reversed ? last : 0;
        const index = current == null ? first : Math.min(last, Math.max(0, current + step * (x.reversed ? -1 : 1)));
        plot.setCursor({ left: plot.valToPos(data[0]![index]!, "x"), top: HEIGHT / 3 });
    });
    keep(plot, host);
    return figure;
}

/** Keeps a chart as wide as its place, and in the colours of the page, as long as it is there. */
export function keep(plot: uPlot, host: HTMLElement): void {
    new ResizeObserver(() => {
        if (!host.isConnected) {
            drawn.delete(plot);
            plot.destroy();
        } else if (host.clientWidth > 0 && host.clientWidth !== plot.width) {
            plot.setSize({ width: host.clientWidth, height: HEIGHT });
        }
    }).observe(host);
    drawn.add(plot);
}

/** Curves have places of their own: of each the one that is nearest to the cursor's. */
function nearest(u: uPlot, series: number, index: number): number {
    const values = u.data[series]!;
    if (series === 0 || values[index] != null)
        return index;
    let [before, after] = [index, index];
    while (before >= 0 && values[before] == null)
        before--;
    while (after < values.length && values[after] == null)
        after++;
    const x = u.data[0]!;
    return before < 0 ? Math.min(after, values.length - 1) : after >= values.length ? before : x[index]! - x[before]! <= x[after]! - x[index]! ? before : after;
}

export function axis(from: Axis, horizontal: boolean): uPlot.Axis {
    return {
        label: from.label,
        labelSize: 22,
        size: horizontal ? 34 : 64,
        stroke: () => variable("--text"),
        font: "12px system-ui, sans-serif",
        labelFont: "12px system-ui, sans-serif",
        grid: { stroke: () => variable("--grid"), width: 1 },
        ticks: { stroke: () => variable("--grid"), width: 1, size: 4 },
        splits: u => {
            const scale = u.scales[horizontal ? "x" : "y"]!;
            return from.ticks.filter(tick => tick >= scale.min! && tick <= scale.max!);
        },
        // Those that would stand on each other are left out.
        filter: (u, splits) => {
            let last = -Infinity;
            const room = horizontal ? 62 : 18;
            const places = splits.map(split => u.valToPos(split, horizontal ? "x" : "y"));
            return splits.map((split, i) => {
                if (Math.abs(places[i]! - last) < room)
                    return null;
                last = places[i]!;
                return split;
            });
        },
        values: (_, splits) => splits.map(split => split === null ? "" : from.text(split)),
    };
}

/** A value of the style sheet. */
export function variable(custom: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(custom).trim();
}

function redraw(): void {
    for (const plot of drawn)
        plot.redraw(false, true);
}

/** Charts are as wide as the window: no observer is told in time that they are to be as wide as paper. */
function fit(width: (plot: uPlot) => number): void {
    for (const plot of drawn)
        plot.setSize({ width: width(plot), height: HEIGHT });
}

addEventListener("beforeprint", () => fit(plot => Math.min(plot.width, PAPER_WIDTH)));
addEventListener("afterprint", () => fit(plot => plot.root.parentElement?.clientWidth || plot.width));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
matchMedia("print").addEventListener("change", redraw);
