// Areas stacked on one another, over time. A moment is chosen by a click, two by dragging; by keyboard, arrows move and Enter chooses.

import uPlot from "uplot";
import { axis, colourOf, dashOf, HEIGHT, keep, swatch, variable, type Axis } from "./chart.ts";
import { element, name, plain } from "./dom.ts";

export interface Area {
    name: string;
    /** More of it; may be empty. */
    about: string;
    /** All that name and about are short for, told on pointing at it. */
    title?: string;
    /** Place of its colour; the last of all are quiet. */
    style: number | "rest";
    values: number[];
}

/** A line over the areas. */
export interface Line {
    name: string;
    /** Null where it is not known. */
    values: (number | null)[];
}

/** A moment with a name. */
export interface Mark {
    name: string;
    /** When, on the chart's axis. */
    x: number;
    /** The place of its moment. */
    moment: number;
}

/** A stretch of which the chart does not know everything. */
export interface Shade {
    from: number;
    to: number;
}

export interface Chosen {
    from: number;
    to: number;
}

export interface AreaChart {
    element: HTMLElement;
    /** Shows which moments are chosen, by their places. */
    mark: (chosen: Chosen | null) => void;
    /** Chooses a moment, or with the one that was chosen before the stretch between them. */
    choose: (index: number, isSecond: boolean) => void;
}

const hatch = 0.85;

/** Room above the chart for the names of marks, the most that one takes, what two are apart, and how near to a line is on it: pixels. */
const BAND = 20, NAME_WIDTH = 150, NAMES_APART = 8, NEAR = 5;

/**
 * A chart of areas.
 * @param over a line that is not of the areas; null for none.
 * @param marked a moment with a name of its own.
 * @param marks moments with names, by time. Names that have no room are left out; whoever shows the chart lists all.
 * @param shades stretches that are hatched.
 * @param onChoose is told of the moments that are chosen: one twice, or two.
 */
export function areaChart(
    label: string, moments: number[], x: Axis, y: Axis, areas: Area[], over: Line | null,
    marked: { at: number; label: string } | null, marks: Mark[], shades: Shade[], onChoose: (chosen: Chosen) => void): AreaChart {
    const values = areas.map(() => element("span", { class: "value" })), total = element("span", { class: "value" });
    const at = element("span", { class: "at" });
    const lineValue = element("span", { class: "value" });
    const legend = element("ul", { class: "legend areas" }, over !== null && element("li", {}, swatch("live"), over.name, " ", lineValue),
        ...areas.map((area, i) => element("li", {}, patch(area.style), name(area.name, area.title),
            area.about !== "" && element("small", {}, " ", name(area.about, area.title)), " ", values[i]!)));
    const described = `${label}. ${y.label} by ${x.label}; the table below has the figures. Arrow keys move a cursor, Enter chooses its moment for the flame `
        + `graph, Shift and Enter what has grown since the moment chosen before.${marks.length > 0 ? " Marks are listed below it." : ""}`;
    const host = element("div", { class: "canvas", role: "img", tabindex: 0, "aria-label": plain(described) });
    const figure = element("figure", { class: "chart" }, host, element("output", {}, at, total), legend);
    const sums: number[][] = [];
    areas.forEach((area, i) => sums.push(area.values.map((value, k) => value + (i > 0 ? sums[i - 1]![k]! : 0))));
    let chosen: Chosen | null = null, pressed = 0, labels: { left: number; right: number; mark: Mark }[] = [];

    const plot = new uPlot({
        width: 600,
        height: HEIGHT,
        legend: { show: false },
        padding: [marks.length > 0 ? BAND : null, null, null, null],
        cursor: { drag: { x: true, y: false, setScale: false, dist: 5 }, points: { show: false } },
        scales: { x: { time: false, range: () => x.range }, y: { range: () => y.range } },
        axes: [axis(x, true), axis(y, false)],
        // The highest first: each covers what is below it.
        series: [{}, ...[...areas].reverse().map(area => ({
            stroke: () => colour(area.style), fill: () => faded(colour(area.style)), width: 1, points: { show: false },
        })), ...(over === null ? [] : [{ stroke: () => variable(colourOf("live")), dash: dashOf("live"), width: 2, points: { show: false } }])],
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
            draw: [drawShades, drawMarks, drawChosen],
        },
    }, [moments, ...[...sums].reverse(), ...(over === null ? [] : [over.values])] as uPlot.AlignedData, host);
    Object.assign(figure, { chart: plot, labels: () => labels });
    plot.over.addEventListener("mousedown", event => pressed = event.clientX);
    plot.over.addEventListener("click", event => {
        if (Math.abs(event.clientX - pressed) < 5 && plot.cursor.left! >= 0)
            choose(nearest(plot, plot.cursor.left!)?.moment ?? plot.posToIdx(plot.cursor.left!), event.shiftKey);
    });
    // On a name above the chart.
    host.addEventListener("click", event => {
        const box = plot.over.getBoundingClientRect(), left = event.clientX - box.left;
        const label = event.clientY < box.top ? labels.find(l => left >= l.left && left <= l.right) : undefined;
        if (label !== undefined)
            choose(label.mark.moment, event.shiftKey);
    });
    host.addEventListener("keydown", event => {
        const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
        const step = steps[event.key], current = plot.cursor.idx;
        if (event.key === "Enter" && current != null)
            choose(current, event.shiftKey);
        else if (step !== undefined)
            point(Math.min(moments.length - 1, Math.max(0, (current ?? 0) + step)));
        else
            return;
        event.preventDefault();
    });
    keep(plot, host);

    function choose(index: number, isSecond: boolean): void {
        const first = isSecond && chosen !== null ? chosen.from : index;
        onChoose({ from: Math.min(first, index), to: Math.max(first, index) });
    }

    function point(index: number): void {
        plot.setCursor({ left: plot.valToPos(moments[index]!, "x"), top: HEIGHT / 3 });
    }

    /** The mark whose line is at a place. */
    function nearest(u: uPlot, left: number): Mark | null {
        const away = (mark: Mark) => Math.abs(u.valToPos(mark.x, "x") - left);
        return marks.reduce<Mark | null>((best, mark) => away(mark) <= NEAR && (best === null || away(mark) < away(best)) ? mark : best, null);
    }

    function readOut(u: uPlot): void {
        const near = marks.length > 0 && u.cursor.left! >= 0 ? nearest(u, u.cursor.left!) : null, index = near?.moment ?? u.cursor.idx;
        const named = marks.filter(mark => mark === near || mark.moment === index);
        const said = named.length === 0 ? "" : `, ${named.length === 1 ? "mark" : "marks"} ${named.slice(0, 3).map(mark => plain(mark.name, 60)).join(", ")}${
            named.length > 3 ? ` and ${named.length - 3} more` : ""}`;
        host.title = named.map(mark => plain(mark.name, 60)).slice(0, 10).join("\n");
        at.textContent = index == null ? "" : `${x.label}: ${x.text(moments[index]!)}${said}, all together: `;
        total.textContent = index == null || sums.length === 0 ? "" : y.text(sums.at(-1)![index]!);
        const beside = index == null ? null : over?.values[index] ?? null;
        lineValue.textContent = beside === null ? "" : y.text(beside);
        values.forEach((value, i) => value.textContent = index == null ? "" : y.text(areas[i]!.values[index]!));
    }

    function line(u: uPlot, at: number, colour: string, width: number, dash: number[], above = 0): number {
        const { ctx } = u, { top, height } = u.bbox, left = Math.round(u.valToPos(at, "x", true));
        ctx.strokeStyle = colour;
        ctx.lineWidth = width * devicePixelRatio;
        ctx.setLineDash(dash.map(d => d * devicePixelRatio));
        ctx.beginPath();
        ctx.moveTo(left, top - above * devicePixelRatio);
        ctx.lineTo(left, top + height);
        ctx.stroke();
        return left;
    }

    /** Hatched, so that they are told from areas without a colour. */
    function drawShades(u: uPlot): void {
        const { ctx } = u, { top, height } = u.bbox, apart = 7 * devicePixelRatio;
        for (const shade of shades) {
            const left = u.valToPos(shade.from, "x", true), width = Math.max(devicePixelRatio, u.valToPos(shade.to, "x", true) - left);
            ctx.save();
            ctx.beginPath();
            ctx.rect(left, top, width, height);
            ctx.clip();
            ctx.globalAlpha = 0.25;
            ctx.fillStyle = variable("--rule");
            ctx.fillRect(left, top, width, height);
            ctx.globalAlpha = 0.8;
            ctx.strokeStyle = variable("--quiet");
            ctx.lineWidth = devicePixelRatio;
            ctx.beginPath();
            for (let x = Math.floor((left - height) / apart) * apart; x < left + width; x += apart) {
                ctx.moveTo(x, top + height);
                ctx.lineTo(x + height, top);
            }
            ctx.stroke();
            ctx.restore();
        }
    }

    /** Lines of all marks, and the names that have room: each at the right of its line, or where the chart ends at the left. */
    function drawMarks(u: uPlot): void {
        labels = [];
        if (marks.length === 0)
            return;
        const { ctx } = u, ratio = devicePixelRatio, end = u.bbox.left + u.bbox.width;
        let last = 0;
        ctx.save();
        ctx.font = `${12 * ratio}px system-ui, sans-serif`;
        ctx.textAlign = "left";
        ctx.textBaseline = "bottom";
        for (const mark of marks) {
            const text = fitting(ctx, plain(mark.name, 60), NAME_WIDTH * ratio), width = ctx.measureText(text).width;
            const at = Math.round(u.valToPos(mark.x, "x", true)), gap = 3 * ratio, left = at + gap + width > end ? at - gap - width : at + gap;
            const hasRoom = left >= last;
            line(u, mark.x, variable("--text"), 1, [1, 2], hasRoom ? BAND - 4 : 0);
            if (!hasRoom)
                continue;
            ctx.fillStyle = variable("--text");
            ctx.fillText(text, left, u.bbox.top - 3 * ratio);
            last = Math.max(at, left + width) + NAMES_APART * ratio;
            labels.push({ left: (left - u.bbox.left) / ratio, right: (left + width - u.bbox.left) / ratio, mark });
        }
        ctx.restore();
    }

    function drawChosen(u: uPlot): void {
        const { ctx } = u, { top, height } = u.bbox, ratio = devicePixelRatio;
        ctx.save();
        if (chosen !== null) {
            const focus = variable("--focus");
            const [left, right] = [line(u, moments[chosen.from]!, focus, 2, []), line(u, moments[chosen.to]!, focus, 2, [])];
            ctx.globalAlpha = 0.15;
            ctx.fillStyle = focus;
            ctx.fillRect(left, top, right - left, height);
            ctx.globalAlpha = 1;
        }
        if (marked !== null) {
            const left = line(u, moments[marked.at]!, variable("--text"), 2, [4, 4]), isRight = left > u.bbox.left + u.bbox.width / 2;
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
        choose: (index, isSecond) => {
            point(index);
            choose(index, isSecond);
        },
    };
}

/** A text, or its beginning, as wide as there is room. */
function fitting(ctx: CanvasRenderingContext2D, text: string, most: number): string {
    let shown = text;
    while (shown.length > 1 && ctx.measureText(shown === text ? text : `${shown}…`).width > most)
        shown = [...shown].slice(0, -1).join("");
    return shown === text ? text : `${shown}…`;
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
