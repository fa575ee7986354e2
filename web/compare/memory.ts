// Resident memory in the course of the trace, with what is live of it.

import { chart, type Axis, type Curve } from "../parts/chart.ts";
import { details, element, name } from "../parts/dom.ts";
import { bytes, count } from "../parts/quantity.ts";
import { table } from "../parts/table.ts";
import { multiples } from "../parts/ticks.ts";
import type { Shown } from "./latency.ts";
import { nameOf, type Row } from "./report.ts";

export function hasMemory(rows: Row[]): boolean {
    return rows.some(row => row.memory.length > 0);
}

/** The whole section. Of the rows those are drawn that `chosen` names, and anew when `onChoice` says so. */
export function memory(id: string, rows: Row[], chosen: () => Shown[], onChoice: (draw: () => void) => void): HTMLElement {
    const place = element("div", {});
    // Live bytes are the trace's: the same ones in every run.
    const live = rows.reduce((a, b) => b.memory.length > a.memory.length ? b : a).memory;
    const draw = () => {
        const curves: Curve[] = chosen().filter(s => s.row.memory.length > 0).map(s => (
            { name: nameOf(s.row), style: s.index, x: s.row.memory.map(p => p.calls), y: s.row.memory.map(p => p.resident_bytes) }));
        curves.push({ name: "live, as requested", style: "live", x: live.map(p => p.calls), y: live.map(p => p.live_bytes) });
        const most = Math.max(1, ...curves.flatMap(c => c.y)) * 1.05, last = Math.max(1, ...curves.flatMap(c => c.x));
        const x: Axis = { label: "calls", range: [0, last], ticks: multiples(last, 10), text: count };
        const y: Axis = { label: "resident", range: [0, most], ticks: multiples(most, 2), text: bytes };
        const calls = [...new Set(curves.flatMap(c => c.x))].sort((a, b) => a - b);
        const places = curves.map(c => new Map(c.x.map((value, i) => [value, c.y[i]!])));
        place.replaceChildren(chart("Resident memory", x, y, curves), details(["The same as a table"], () => [
            table("Resident memory", ["calls", ...curves.map(c => name(c.name))],
                calls.map(at => [count(at), ...places.map(p => p.has(at) ? bytes(p.get(at)!) : "–")]))]));
    };
    draw();
    onChoice(draw);
    return element("section", { id }, element("h2", {}, "Memory in the course of the trace"), place);
}
