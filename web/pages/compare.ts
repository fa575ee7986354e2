// The page of `compare --html`: one comparison, or one of each trace.

import { details, element, link, name, plain, replace, type Child } from "../parts/dom.ts";
import { swatch } from "../parts/chart.ts";
import { extentOf, figureTable, otherForests, provenance, remarks, traceTables } from "../compare/figures.ts";
import { forest, forests, meanForests } from "../compare/forest.ts";
import { hasLatency, latency, type Shown } from "../compare/latency.ts";
import { hasMemory, memory } from "../compare/memory.ts";
import { labelOf, metricOf, nameOf, unpack, useLabels, type GateLine, type PageData, type Packed, type Report } from "../compare/report.ts";

/** Curves that are drawn before anyone chooses: more are hard to tell apart. */
const CHOSEN_FIRST = 6;

const data = JSON.parse(document.getElementById("data")!.textContent!) as PageData;
const page = document.getElementById("page")!;

useLabels(data.labels);
document.title = plain(data.title, 200);
replace(page,
    element("header", {}, element("h1", {}, name(data.title))),
    ...(data.summary === null && data.reports.length === 1 ? [gateOf(data.gate), remarksOf(data.remarks), ...traceOf(data.reports[0]!, "")] : several()));
document.documentElement.dataset["ready"] = "true";

/** The means first, then a part for each trace, which is made when it is opened: there may be many. */
function several(): Child[] {
    const reports = data.reports.map(packed => packed.report), summary = data.summary;
    const parts = data.reports.map((packed, i) => {
        const part = details([name(data.names[i]!), element("small", {}, ` ${extentOf(packed.report)}`)], () => traceOf(packed, `-${i}`), i === 0);
        part.id = `trace-${i}`;
        part.className = "trace";
        return part;
    });
    const open = (id: string) => parts.filter(part => part.id === id).forEach(part => part.open = true);
    addEventListener("hashchange", () => open(location.hash.slice(1)));
    open(location.hash.slice(1));
    return [
        element("nav", { "aria-label": "Parts of this page" }, element("ul", {},
            summary !== null && element("li", {}, link("means", "Means")), element("li", {}, link("traces", "Trace by trace")),
            ...parts.map((part, i) => element("li", {}, link(part.id, name(data.names[i]!), () => part.open = true))))),
        gateOf(data.gate),
        remarksOf(data.remarks),
        summary !== null && element("section", { id: "means" },
            element("h2", {}, `Means over ${summary.traces.length === 1 ? "1 trace" : `${summary.traces.length} traces`}, against `, name(labelOf(summary.rows[0]?.name ?? ""))),
            element("div", { class: "forests" }, ...meanForests(data)),
            element("p", { class: "note" }, "Geometric means of the ratios on these traces, each of which counts once: they hold for these traces, not for all "
                + "programs. Small dots are the traces. All verdicts of the means hold at once in 95 %; so do those of each trace below, by themselves.")),
        element("section", { id: "traces" }, element("h2", {}, "Trace by trace"), ...traceTables(reports, data.names)),
        ...parts,
    ];
}

function gateOf(lines: GateLine[]): Child {
    return lines.length > 0
        && element("section", { class: lines.some(line => line.is_failure) ? "gate failed" : "gate", "aria-label": "What became of the conditions" },
            element("ul", {}, ...lines.map(line => element("li", { class: line.is_failure ? "failed" : line.outcome }, line.text))));
}

function remarksOf(said: string[]): Child {
    return said.length > 0
        && element("section", { class: "remarks", "aria-label": "Remarks" }, element("ul", {}, ...said.map(line => element("li", {}, line))));
}

/** All that there is of one trace. Of several, what follows tells its parts from those of the others. */
function traceOf(packed: Packed, suffix: string): Child[] {
    const report = unpack(packed);
    return [
        gateOf(packed.gate),
        remarksOf(remarks(report)),
        element("section", { id: `ratios${suffix}` },
            element("h2", {}, "Against ", name(labelOf(report.rows[0]!.allocator.name), report.rows[0]!.allocator.name)),
            element("div", { class: "forests" }, ...forests(report)),
            element("p", { class: "note" }, noteOf(report)),
            otherForests(report, metric => forest(report, metricOf(report, metric)!))),
        element("section", { id: `figures${suffix}` }, element("h2", {}, "Figures"), figureTable(report)),
        ...charts(report, suffix),
        element("section", { id: `provenance${suffix}`, class: "provenance" },
            element("h2", {}, "Where this comes from"), ...provenance(data, report)),
    ];
}

function noteOf(report: Report): string {
    const confidence = report.primary[0]?.confidence;
    const sure = confidence === undefined
        ? ""
        : `Intervals hold the truth in ${(confidence * 100).toFixed(1)} % of comparisons each, so that all verdicts here hold at once in 95 %. `;
    return `${sure}Small dots are single runs, each against the first configuration's run of the same block; `
        + "arrows at an edge lie beyond it. Inside the band a difference does not matter, however sure it is. "
        + "A row called “again” is the first configuration once more: what it differs by is noise.";
}

/** Charts of what the runs have of it, and the choice of whose curves they show. */
function charts(report: Report, suffix: string): Child[] {
    if (!hasLatency(report.rows) && !hasMemory(report.rows))
        return [];
    const draws: (() => void)[] = [];
    const rows = report.rows.filter(row => row.role !== "twin" && (row.latency.length > 0 || row.memory.length > 0));
    const all: Shown[] = rows.map((row, index) => ({ row, index }));
    const boxes = all.map((_, i) => {
        const box = element("input", { type: "checkbox", checked: i < CHOSEN_FIRST });
        box.addEventListener("change", () => draws.forEach(draw => draw()));
        return box;
    });
    const chosen = () => all.filter((_, i) => boxes[i]!.checked);
    const choice = element("fieldset", { class: "choice" }, element("legend", {}, "Curves of"),
        ...all.map((s, i) => element("label", {}, boxes[i]!, swatch(s.index), name(nameOf(s.row)))));
    return [
        all.length > CHOSEN_FIRST ? details(["Which configurations are drawn"], () => [choice]) : choice,
        ...(hasLatency(report.rows) ? [latency(`latency${suffix}`, report.rows, chosen, draw => draws.push(draw))] : []),
        ...(hasMemory(report.rows) ? [memory(`memory${suffix}`, report.rows, chosen, draw => draws.push(draw))] : []),
    ];
}
