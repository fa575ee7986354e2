// Tables: the figures of each configuration, what several traces say of them, and where everything comes from.

import { details, element, name, type Child } from "../parts/dom.ts";
import { bytes, count, counted, figure as figureText } from "../parts/quantity.ts";
import { facts, table } from "../parts/table.ts";
import { claimOf, figureOf, intervalOf, labelOf, metricOf, nameOf, wordsOf, type PageData, type Report, type Row } from "./report.ts";

export function figureTable(report: Report): HTMLElement {
    const metrics = report.metrics.filter(metric => report.rows.some(row => figureOf(row, metric)));
    return table("Figures of each configuration", ["median (least – most)", ...metrics.map(wordsOf), "overhead"],
        report.rows.map(row => [
            name(nameOf(row), row.allocator.name),
            ...metrics.map(metric => {
                const figure = figureOf(row, metric);
                if (figure === undefined)
                    return "–";
                const text = (value: number) => figureText(metric.unit, value);
                return element("span", { "data-metric": metric.name, "data-median": figure.spread.median }, text(figure.spread.median),
                    element("small", {}, ` ${rangeText(text(figure.spread.min), text(figure.spread.max))}`));
            }),
            row.overhead === null ? "–" : `${row.overhead.toFixed(2)} ×`,
        ]));
}

/** Two figures, with their unit once where it is the same. */
function rangeText(low: string, high: string): string {
    const [number, unit] = low.split(" ");
    return `${unit !== undefined && high.endsWith(` ${unit}`) ? number : low} – ${high}`;
}

/** Configurations by traces, for each figure that verdicts are given of. */
export function traceTables(reports: Report[], names: string[]): HTMLElement[] {
    const first = reports[0]!;
    const compared = reports.flatMap(r => r.rows.filter(row => row.role === "compared" || row.role === "reference"));
    const configurations = [...new Set(compared.map(row => row.allocator.name))];
    return first.primary.map(primary => element("div", {},
        element("h3", {}, `${wordsOf(metricOf(first, primary.metric)!)}, relative to `, name(labelOf(first.rows[0]!.allocator.name))),
        table(`${primary.metric} on each trace`, ["", ...names.map(n => name(n))],
            configurations.map(configuration => [
                name(labelOf(configuration), configuration), ...reports.map(report => claimCell(report, configuration, primary.metric)),
            ]))));
}

function claimCell(report: Report, configuration: string, metricName: string): Child {
    const row = report.rows.find(r => r.allocator.name === configuration && r.role !== "twin"), metric = metricOf(report, metricName);
    const figure = row && metric && figureOf(row, metric);
    if (!row || !metric || row.failure !== null)
        return row ? "failed" : "–";
    if (!figure?.ratio)
        return "–";
    const claim = claimOf(figure, metric);
    return element("span", { class: claim.kind }, `${intervalOf(figure.ratio)} ${claim.words}`);
}

/** What went wrong or differs, one line each. */
export function remarks(report: Report): string[] {
    const rows = report.rows.filter(row => row.role !== "twin");
    return [
        ...rows.filter(row => row.failure).map(row => `${labelOf(row.allocator.name)} failed in its ${row.failure!.pass} run: ${row.failure!.reason}`),
        ...rows.filter(row => row.failed_now > 0 || row.divergences > 0)
            .map(row => `${labelOf(row.allocator.name)}: ${counted(row.failed_now, "call")} failed now, ${count(row.divergences)} had another outcome.`),
        ...rows.filter(row => row.substituted.length > 0)
            .map(row => `${labelOf(row.allocator.name)} has no ${row.substituted.join(", ")}; the nearest it has was called.`),
        ...(report.is_interrupted ? ["Interrupted: this is what was finished."] : []),
    ];
}

export function provenance(data: PageData, report: Report): Child[] {
    const { machine } = data;
    return [
        table("What was compared", ["configuration", "library", "version", "package", "build id", "environment", "hook"],
            report.rows.filter(row => row.role !== "twin").map(({ allocator: a }: Row) =>
                [
                    element("span", {}, name(labelOf(a.name)), labelOf(a.name) !== a.name && element("small", {}, name(a.name))),
                    path(a.library), a.version || "–", a.package || "–", path(a.build_id), a.environment.join(" ") || "–", a.hook ?? "–",
                ])),
        facts([
            ["trace", path(report.trace)],
            ["", extentOf(report)],
            ["runs", report.passes.map(passOf).join(". ")],
            ["", `seed ${report.seed}, ${report.elapsed_seconds.toFixed(0)} s; written into new blocks: ${report.touch}`
                + (report.processors.length > 0 ? `; kept on processors ${report.processors.join(", ")}` : "")],
            ["machine", `${machine.cpu}, ${counted(machine.cpus, "processor")}, ${bytes(machine.memory_bytes)}`],
            ["", `${machine.kernel}, ${machine.architecture}`],
            ["made", element("time", { datetime: data.made_at }, `${data.made_at.slice(0, 16).replace("T", " ")} UTC, allocreplay ${data.tool_version}`)],
        ]),
        facts([["command", element("code", { class: "command" }, data.command)]]),
    ];
}

/** Tables of what is not decided by: the other figures, as the main ones are drawn. */
export function otherForests(report: Report, draw: (name: string) => HTMLElement): HTMLElement | null {
    const others = report.metrics.filter(m => !report.primary.some(p => p.metric === m.name) && report.rows.some(row => figureOf(row, m)?.ratio));
    return others.length === 0
        ? null
        : details(["Other figures, without verdicts"], () => [element("div", { class: "forests" }, ...others.map(m => draw(m.name)))]);
}

/** How large a trace is. */
export function extentOf(report: Report): string {
    const { carried } = report;
    const before = carried && carried.blocks > 0
        ? `, ${counted(carried.blocks, "carried block")} (${bytes(carried.bytes)}) acquired before the clock starts`
        : "";
    return `${counted(report.calls, "call")}, ${counted(report.threads, "thread")}, peak live ${bytes(report.peak_live_bytes)}${before}`;
}

function passOf({ name, blocks, order, loops, turns, stop }: Report["passes"][number]): string {
    const times = loops > 1 ? `${loops} times through the trace` : "";
    const how = turns > 1 ? `, in ${turns} turns${times && ` of ${times}`}` : times && `, ${times} in a run`;
    return `${name}: ${counted(blocks, "run")} of each in order ${order}${how}; ${why(stop)}`;
}

function why(stop: string): string {
    return { precision: "precise enough", budget: "its time was spent", interrupted: "interrupted" }[stop] ?? "as many as it takes";
}

function path(text: string | null): Child {
    return text ? element("code", {}, text) : "–";
}
