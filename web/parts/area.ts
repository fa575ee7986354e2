// Areas stacked on one another, over time. A moment is chosen by a click, two by dragging; by keyboard, arrows move and Enter chooses.

import uPlot from "uplot";
import { axis, colourOf, HEIGHT, keep, variable, type Axis } from "./chart.ts";
import { element, name, plain } from "./dom.ts";

export interface Area {
    name: string;
    /** More of it; may be empty. */
    about: string;
    /** Place of its colour; the last of all are quiet. */
    style: number | "rest";
    values: number[];
}

export interface Chosen {
    from: number;
    to: number;
}

export interface AreaChart {
    element: HTMLElement;
    /** Shows which moments are chosen, by their places. */
    mark: (chosen: Chosen | null) => void;
}

const hatch = 0.85;

/**
 * A chart of areas.
 * @param marked a moment with a name of its own.
 * @param onChoose is told of the moments that are chosen: one twice, or two.
 */
export function areaChart(
    label: string, moments: number[], x: Axis, y: Axis, areas: Area[], marked: { at: number; label: string } | null,
    onChoose: (chosen: Chosen) => void): AreaChart {
    const values = areas.map(() => element("span", { class: "value" })), total = element("span", { class: "value" });
    const at = element("span", { class: "at" });
    const legend = element("ul", { class: "legend areas" }, ...areas.map((area, i) => element("li", {}, patch(area.style), name(area.name),
        area.about !== "" && element("small", {}, " ", name(area.about)), " ", values[i]!)));
    const described = `${label}. ${y.label} by ${x.label}; the table below has the figures. Arrow keys move a cursor, Enter chooses its moment for the flame `
        + "graph, Shift and Enter what has grown since the moment chosen before.";
    const host = element("div", { class: "canvas", role: "img", tabindex: 0, "aria-label": plain(described) });
    const figure = element("figure", { class: "chart" }, host, element("output", {}, at, total), legend);
    const sums: number[][] = [];
    areas.forEach((area, i) => sums.push(area.values.map((value, k) => value + (i > 0 ? sums[i - 1]![k]! : 0))));
    let chosen: Chosen | null = null, pressed = 0;

    const plot = new uPlot({
        width: 600,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false, dist: 5 }, points: { show: false } },
        scales: { x: { time: false, range: () => x.range }, y: { range: () => y.range } },
        axes: [axis(x, true), axis(y, false)],
        // The highest first: each covers what is below it.
        series: [{}, ...[...areas].reverse().map(area => ({
            stroke: () => colour(area.style), fill: () => faded(colour(area.style)), width: 1, points: { show: false },
        }))],
        hooks: {
            setCursor: [u => readOut(u)],
            setSelect: [u => {
                if (u.select.width < 5)
                    return;
                const from = u.posToIdx(u.select.left), to = u.posToIdx(u.select.left + u.select.width);
                u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
                if (to > from)
                    onChoose({ from, to });
            }],
            draw: [u => drawMarks(u)],
        },
    }, [moments, ...[...sums].reverse()] as uPlot.AlignedData, host);
    Object.assign(figure, { chart: plot });
    plot.over.addEventListener("mousedown", event => pressed = event.clientX);
    plot.over.addEventListener("click", event => {
        if (Math.abs(event.clientX - pressed) < 5 && plot.cursor.left! >= 0)
            choose(plot.posToIdx(plot.cursor.left!));
    });
    host.addEventListener("keydown", event => {
        const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
        const step = steps[event.key], current = plot.cursor.idx;
        if (event.key === "Enter" && current != null)
            event.shiftKey && chosen !== null && chosen.from < current ? onChoose({ from: chosen.from, to: current }) : choose(current);
        else if (step !== undefined)
            plot.setCursor({ left: plot.valToPos(moments[Math.min(moments.length - 1, Math.max(0, (current ?? 0) + step))]!, "x"), top: HEIGHT / 3 });
        else
            return;
        event.preventDefault();
    });
    keep(plot, host);

    function choose(index: number): void {
        onChoose({ from: index, to: index });
    }

    function readOut(u: uPlot): void {
        const index = u.cursor.idx;
        at.textContent = index == null ? "" : `${x.label}: ${x.text(moments[index]!)}, all together: `;
        total.textContent = index == null || sums.length === 0 ? "" : y.text(sums.at(-1)![index]!);
        values.forEach((value, i) => value.textContent = index == null ? "" : y.text(areas[i]!.values[index]!));
    }

    function drawMarks(u: uPlot): void {
        const { ctx } = u, { top, height } = u.bbox, ratio = devicePixelRatio;
        const line = (index: number, colour: string, dash: number[]) => {
            const left = Math.round(u.valToPos(moments[index]!, "x", true));
            ctx.strokeStyle = colour;
            ctx.lineWidth = 2 * ratio;
            ctx.setLineDash(dash.map(d => d * ratio));
            ctx.beginPath();
            ctx.moveTo(left, top);
            ctx.lineTo(left, top + height);
            ctx.stroke();
            return left;
        };
        ctx.save();
        if (chosen !== null) {
            const focus = variable("--focus");
            const [left, right] = [line(chosen.from, focus, []), line(chosen.to, focus, [])];
            ctx.globalAlpha = 0.15;
            ctx.fillStyle = focus;
            ctx.fillRect(left, top, right - left, height);
            ctx.globalAlpha = 1;
        }
        if (marked !== null) {
            const left = line(marked.at, variable("--text"), [4, 4]), isRight = left > u.bbox.left + u.bbox.width / 2;
            ctx.fillStyle = variable("--text");
            ctx.font = `${12 * ratio}px system-ui, sans-serif`;
            ctx.textAlign = isRight ? "right" : "left";
            ctx.textBaseline = "top";
            ctx.fillText(marked.label, left + (isRight ? -5 : 5) * ratio, top + 2 * ratio);
        }
        ctx.restore();
    }

    return {
        element: figure,
        mark: next => {
            chosen = next;
            plot.redraw(false, false);
        },
    };
}

function colour(style: Area["style"]): string {
    return variable(style === "rest" ? "--rule" : colourOf(style));
}

/** A colour on the page's paper: opaque, as areas cover one another. */
function faded(of: string): string {
    const parts = (text: string) => [1, 3, 5].map(i => parseInt(text.slice(i, i + 2), 16));
    const [over, under] = [parts(of), parts(variable("--paper"))];
    return `rgb(${over.map((value, i) => Math.round(value * hatch + under[i]! * (1 - hatch))).join(" ")})`;
}

function patch(style: Area["style"]): HTMLElement {
    const made = element("span", { class: "patch", "aria-hidden": "true" });
    made.style.background = `var(${style === "rest" ? "--rule" : colourOf(style)})`;
    return made;
}
