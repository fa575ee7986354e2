// What the recording is of, and what is missing of it.

import { element, name, type Child } from "../parts/dom.ts";
import { bytes, count, counted, moment, percent } from "../parts/quantity.ts";
import { facts } from "../parts/table.ts";
import type { Estimate, PageData, Report, Summary, Timeline } from "./report.ts";

export function summary(data: PageData): HTMLElement {
    const { report } = data, s = report.summary;
    const seconds = (s.duration_ns - Math.max(s.part_from_ns, s.window_from_ns)) / 1e9;
    return facts([
        ["command line", element("code", {}, name(s.arguments.length > 0 ? s.arguments.join(" ") : s.executable))],
        ["recorded", element("time", { datetime: startOf(s).toISOString() }, `${startOf(s).toISOString().slice(0, 19).replace("T", " ")} UTC, for ${
            moment(s.duration_ns)}`)],
        ...(isPart(s) ? [["part", `from ${moment(s.part_from_ns)} to ${moment(s.part_to_ns ?? s.duration_ns)}`] as [string, Child]] : []),
        ["calls", `${count(s.calls)} on ${counted(s.threads, "thread")}${seconds > 0 ? `, ${count(s.calls / seconds)} a second` : ""}`],
        ["blocks", `${count(s.blocks)}${s.bytes_acquired !== null ? `, ${bytes(s.bytes_acquired)} in all` : ""}`],
        ["peak live", s.peak_live_bytes === null ? "not known of a dataset as old as this"
            : figure("peak", s.peak_live_bytes, ` at ${moment(s.peak_live_ns!)}`)],
        ["live at the end", figure("outstanding", s.outstanding_bytes, ` in ${counted(s.outstanding_blocks, "block")}${
            s.uncertain_blocks > 0 ? `, ${count(s.uncertain_blocks)} of them (${bytes(s.uncertain_bytes)}) uncertain` : ""}`)],
        ...(report.timeline.resident === null ? [] : [["peak RSS", figure("resident", report.timeline.resident.peak_rss_bytes,
            `, the most that the process had in memory${beside(report.timeline.resident.peak_rss_bytes, s)}`)] as [string, Child]]),
        ["temporary", `${counted(s.temporary_blocks, "block")}, ${share(s.temporary_blocks, s.blocks)}: freed before their thread acquired another`],
        ["freed by others", `${counted(s.cross_thread_frees, "block")}, ${share(s.cross_thread_frees, s.blocks)}: by another thread than acquired them`],
        ["process", element("span", {}, name(report.process), s.pid > 0 && ` (pid ${s.pid})`, " on ", name(report.host),
            s.other_images > 0 && `; ${counted(s.other_images, "other process image")}: --process chooses one`)],
    ]);
}

export function provenance(data: PageData): HTMLElement {
    return facts([
        ["made of", element("code", {}, name(data.source))],
        ["made", element("time", { datetime: data.made_at }, `${data.made_at.slice(0, 16).replace("T", " ")} UTC, allocreplay ${data.tool_version}`)],
        ["command", element("code", { class: "command" }, data.command)],
    ]);
}

/** Which blocks a sample has, and what it comes to. */
function sampled({ sample, sample_scheme: scheme, estimates: e }: Summary): string {
    const chosen = scheme === "bytes" ? `1 block for each ${bytes(sample)} requested` : `1 ${scheme === "blocks" ? "block" : "address"} in ${count(sample)}`;
    const about = (of: Estimate, text: (value: number) => string) =>
        `≈ ${text(of.estimate)}${of.standard_error === null ? "" : ` ± ${text(of.standard_error)}`}`;
    return `${chosen} was recorded: all figures are of those.${e === null ? "" : ` In all there were ${about(e.blocks, count)} blocks of ${
        about(e.bytes, bytes)}, ${about(e.live_blocks, count)} of ${about(e.live_bytes, bytes)} live at the end; at the peak ${
        about(e.peak_live_bytes, bytes)} were live, which is rather too much, as the highest of many estimates.`}`;
}

/** What a reader has to know before trusting the figures, a line each. */
export function missing({ summary: s, timeline }: Report): string[] {
    const m = s.missing, stops = stopped(timeline);
    const said: [boolean, string][] = [
        [s.sample > 1, sampled(s)],
        [isPart(s), `This is a part of the trace: blocks acquired before ${moment(s.part_from_ns)} are left out${
            s.part_to_ns !== null ? `, and those freed after ${moment(s.part_to_ns)} look live` : ""}.`],
        [s.window_from_ns > 0, `This is whole from ${moment(s.window_from_ns)} on. ${counted(s.events_gone, "event")} before that are gone, but for the ${
            counted(s.carried_blocks, "block")} that were live then: they are in all that is told of live blocks, and in nothing that is told of calls, of `
            + "what was acquired, and of lifetimes."],
        [s.uncertain_blocks > 0, `${counted(s.uncertain_blocks, "block")} of ${bytes(s.uncertain_bytes)}, live at the end, may have been freed unseen: `
            + "calls were lost, or recording was stopped, after they were acquired."],
        [m.events_lost > 0, `${counted(m.events_lost, "call")} were made while recording and are not in the trace.`],
        [m.failure !== "", `Recording ended early: ${m.failure}`],
        [m.damage !== "", `The trace is damaged, this is of what could be read: ${m.damage}`],
        [m.state === "recording" && m.failure === "", "The program was still running, or ended without running its destructors, killed or by "
            + "_exit: what it had live then counts as live at the end."],
        [stops.length > 0, `Recording was stopped in between${stops.length > 1 ? ` ${count(stops.length)} times` : ""}, for ${
            moment(stops.reduce((sum, stretch) => sum + stretch.to_ns - stretch.from_ns, 0))} in all: blocks that were freed meanwhile look live.`],
        [m.unknown_releases > 0, `${counted(m.unknown_releases, "release")} of blocks whose acquisition is not in the trace.`],
        [m.implicit_releases > 0, `${counted(m.implicit_releases, "block")} whose release is not in the trace: when they ended is not known.`],
        [m.forced_steps > 0, `The order of threads had to be guessed ${counted(m.forced_steps, "time")}.`],
        [m.inherited_releases > 0, `${counted(m.inherited_releases, "release")} of blocks that the parent process had acquired.`],
        [m.saturated_sizes > 0, `${counted(m.saturated_sizes, "block")} of 2^63 bytes or more: sums may be too low.`],
    ];
    return said.filter(([isSaid]) => isSaid).map(([, line]) => line);
}

/** Stretches that began after something had been recorded: what was freed before is of no block here. */
function stopped(timeline: Timeline): Timeline["unrecorded"] {
    return timeline.unrecorded.filter(stretch => stretch.lost_calls === null && stretch.from_ns > 0);
}

function isPart(s: Summary): boolean {
    return s.part_from_ns > 0 || s.part_to_ns !== null;
}

function figure(what: string, value: number, rest: string): Child {
    return element("span", {}, element("strong", { "data-figure": what, "data-value": value }, bytes(value)), rest);
}

/** Of a sample, beside what it comes to. */
function beside(resident: number, s: Summary): string {
    const live = s.estimates?.peak_live_bytes.estimate ?? s.peak_live_bytes ?? 0;
    return live > 0 ? `: ${(resident / live).toFixed(1)} × peak live` : "";
}

function share(part: number, whole: number): string {
    return percent(whole > 0 ? part / whole : 0);
}

function startOf(s: Summary): Date {
    const start = new Date(s.started_epoch_ns / 1e6);
    return Number.isNaN(start.getTime()) ? new Date(0) : start;
}
