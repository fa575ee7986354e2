// What is live in the course of the trace. A moment, or two, that are chosen there are those of the flame graph.

import { areaChart, type Area, type AreaChart, type Chosen } from "../parts/area.ts";
import type { Axis } from "../parts/chart.ts";
import { details, element, name, select } from "../parts/dom.ts";
import { shortName, shortStacks } from "../parts/names.ts";
import { bytes, counted, moment } from "../parts/quantity.ts";
import { table } from "../parts/table.ts";
import { multiples } from "../parts/ticks.ts";
import { markList, unrecorded } from "./marks.ts";
import { placeOf, type Report, type Series, type Timeline } from "./report.ts";

type Names = Pick<Area, "name" | "about" | "title">;

export interface TimelinePart {
    element: HTMLElement;
    mark: (chosen: Chosen | null) => void;
}

export function timeline(report: Report, onChoose: (chosen: Chosen) => void): TimelinePart {
    const data = report.timeline, hasSites = data.sites.length > 0;
    const ways = hasSites ? ["site", "thread"] : ["thread"];
    const place = element("div", {});
    let chart: AreaChart | null = null, chosen: Chosen | null = null, way = 0;
    const draw = () => {
        const areas = ways[way] === "site" ? areasOf(data.sites, data.other_sites, siteNames(data.sites), "site")
            : areasOf(data.threads, data.other_threads, data.threads.map(threadName), "thread");
        const resident = data.resident?.rss_bytes ?? null;
        chart = areaChart(`Live bytes by ${ways[way]}`, data.moments_ns, ...axes(data), areas,
            resident === null ? null : { name: "in memory (RSS)", values: resident },
            data.peak_index === null ? null : { at: data.peak_index, label: "peak" },
            data.marks.shown.filter(mark => mark.ns >= data.moments_ns[0]!)
                .map(mark => ({ name: mark.name, x: Math.min(mark.ns, data.moments_ns.at(-1)!), moment: mark.moment })),
            data.unrecorded.map(stretch => ({ from: stretch.from_ns, to: stretch.to_ns })), onChoose);
        chart.mark(chosen);
        place.replaceChildren(chart.element, details(["The same as a table"], () => [
            table(`Live bytes by ${ways[way]}`, ["time", ...(resident === null ? [] : ["in memory"]), "all", ...areas.map(area => name(area.name, area.title))],
                data.moments_ns.map((ns, i) => [moment(ns), ...(resident === null ? [] : [known(resident[i])]), bytes(data.live_bytes[i]!),
                    ...areas.map(area => bytes(area.values[i]!))]))]));
    };
    draw();
    return {
        element: element("div", {},
            element("p", { class: "controls" }, select("By", ways, index => {
                way = index;
                draw();
            })),
            place,
            markList(data, (moment, isSecond) => chart!.choose(moment, isSecond)),
            unrecorded(data.unrecorded),
            element("p", { class: "note" }, `Bytes as they were asked for, at ${data.moments_ns.length} moments; between them it may have been more, but never `
                + "more than at the peak. By the thread or the site that acquired them. "
                + (data.resident === null ? "" : "The line is what the process had in memory: with what the allocator keeps beside live blocks, other "
                    + "allocators, stacks, programs and files; the most that was found since the moment before. ")
                + (hasSites ? "Click a moment, or drag over a stretch: the flame graph below shows what was live then, or has grown."
                    : "By site, and with a flame graph of any moment, where call stacks were recorded."))),
        mark: next => {
            chosen = next;
            chart?.mark(next);
        },
    };
}

function axes(data: Timeline): [Axis, Axis] {
    const first = data.moments_ns[0]!, last = Math.max(first + 1, data.moments_ns.at(-1)!);
    const most = Math.max(1, ...data.live_bytes, ...(data.resident?.rss_bytes ?? []).map(rss => rss ?? 0)) * 1.05;
    return [
        { label: "time", range: [first, last], ticks: multiples(last - first, 10).map(since => first + since), text: moment },
        { label: "live", range: [0, most], ticks: multiples(most, 2), text: bytes },
    ];
}

function known(of: number | null | undefined): string {
    return of == null ? "" : bytes(of);
}

function areasOf(series: Series[], others: Series | null, names: Names[], one: string): Area[] {
    const shown = series.map((s, i): Area => ({ ...names[i]!, style: i, values: s.live_bytes }));
    return others === null ? shown
        : [...shown, { name: series.length > 0 ? `${counted(others.count, `other ${one}`)}` : "all", about: "", style: "rest", values: others.live_bytes }];
}

/** Sites of one function are told apart by what it called, where that is on the stack, and by who called it. */
function siteNames(all: Series[]): Names[] {
    return all.map(series => {
        const own = shortName(series.name), alike = all.filter(s => shortName(s.name) === own);
        const stack = alike.length === 1 ? [] : shortStacks(alike.map(s => s.text))[alike.indexOf(series)]!;
        const told = stack[0] === own ? stack.slice(1).map(caller => `< ${caller}`).join(" ") : stack.join(" < ");
        return { name: own, about: `${placeOf(series.file, series.line)} ${told}`.trim(), title: series.text || series.name };
    });
}

function threadName(series: Series): Names {
    return series.name === "" ? { name: `thread ${series.key}`, about: "" } : { name: series.name, about: `thread ${series.key}` };
}
