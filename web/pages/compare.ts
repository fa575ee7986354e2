// The page of `compare --html`: one comparison, or one of each trace.

import { details, element, name, plain, replace, select, type Child } from "../parts/dom.ts";
import { swatch } from "../parts/chart.ts";
import { figureTable, fileOf, otherForests, provenance, remarks, traceTables } from "../compare/figures.ts";
import { forest, forests } from "../compare/forest.ts";
import { hasLatency, latency, type Shown } from "../compare/latency.ts";
import { hasMemory, memory } from "../compare/memory.ts";
import { metricOf, nameOf, unpack, type PageData, type Report } from "../compare/report.ts";

/** Curves that are drawn before anyone chooses: more are hard to tell apart. */
const CHOSEN_FIRST = 6;

const data = JSON.parse(document.getElementById("data")!.textContent!) as PageData;
const reports = data.reports.map(packed => packed.report);
const page = document.getElementById("page")!;
const body = element("div", {});

document.title = plain(data.title, 200);
replace(page,
    element("header", {}, element("h1", {}, name(data.title)),
        reports.length > 1 && element("p", { class: "controls" }, select("Trace", reports.map(r => fileOf(r.trace)), show))),
    reports.length > 1 && element("section", { id: "traces" }, element("h2", {}, "All traces"), ...traceTables(reports)),
    body);
if (reports.length > 0)
    show(0);
document.documentElement.dataset["ready"] = "true";

function show(index: number): void {
    const report = unpack(data.reports[index]!);
    const said = remarks(report);
    replace(body,
        said.length > 0 && element("section", { class: "remarks", "aria-label": "Remarks" }, element("ul", {}, ...said.map(line => element("li", {}, line)))),
        element("section", { id: "ratios" },
            element("h2", {}, "Against ", name(report.rows[0]!.allocator.name)),
            element("div", { class: "forests" }, ...forests(report)),
            element("p", { class: "note" }, noteOf(report)),
            otherForests(report, metric => forest(report, metricOf(report, metric)!))),
        element("section", { id: "figures" }, element("h2", {}, "Figures"), figureTable(report)),
        ...charts(report),
        element("section", { id: "provenance" }, element("h2", {}, "Where this comes from"), ...provenance(data, report)));
}

function noteOf(report: Report): string {
    const confidence = report.primary[0]?.confidence;
    const sure = confidence === undefined
        ? ""
        : `Intervals hold the truth in ${(confidence * 100).toFixed(1)} % of comparisons each, so that all verdicts here hold at once in 95 %. `;
    return `${sure}Small dots are single runs, each against the first configuration's run of the same block. Inside the band a difference does not matter, `
        + "however sure it is. A row called “again” is the first configuration once more: what it differs by is noise.";
}

/** Charts of what the runs have of it, and the choice of whose curves they show. */
function charts(report: Report): Child[] {
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
        all.length > CHOSEN_FIRST ? details("Which configurations are drawn", () => [choice]) : choice,
        ...(hasLatency(report.rows) ? [latency(report.rows, chosen, draw => draws.push(draw))] : []),
        ...(hasMemory(report.rows) ? [memory(report.rows, chosen, draw => draws.push(draw))] : []),
    ];
}
