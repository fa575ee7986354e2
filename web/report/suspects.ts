// Leak suspects: the columns of the view are shown by what their names say, whichever they are.

import { details, element, name, type Child } from "../parts/dom.ts";
import { shortName, shortStack } from "../parts/names.ts";
import { bytes, count, counted, moment } from "../parts/quantity.ts";
import { facts, table } from "../parts/table.ts";
import { placeOf, type Cell, type Suspects } from "./report.ts";

/** Columns that name the site, which is one cell here. */
const places = ["function", "file", "line", "text"];

/** What is read first: why, and whether it was given back in the end. */
const first = ["why", "live_at_end"];

/** What paper has no room for. */
const unprinted = ["overdue_tenths", "ended_later", "steps_up", "octaves_up", "growth_per_min_low", "growth_per_min_high", "first_ns", "last_ns", "blocks_sql"];

/** What those columns mean whose names do not say it. All but the bytes live at the end are as of the cut. */
const meanings: Record<string, string> = {
    why: "overdue: blocks are kept that are older than those the site gives back. growing: its live bytes rise to the end, or double again and again.",
    live_at_end: "Bytes of the site that were live when the trace ended. Where that is nothing, the program gave all of it back before it ended.",
    overdue_bytes: "Bytes of the overdue blocks: live, and more than twice as old as the age that hardly any block outlives only to be freed later.",
    overdue_blocks: "So many blocks are overdue.",
    overdue_tenths: "In so many of the first nine tenths of the time were overdue blocks acquired. Three or more make a suspect.",
    outlived_ns: "The age that tells which blocks stay: of those that reached it hardly any was freed later.",
    ended_later: "So many blocks reached that age and were freed all the same.",
    longest_ns: "The longest lifetime of a block of the site that was freed.",
    live_bytes: "Bytes of the site that were live at the cut.",
    live_blocks: "Blocks of the site that were live at the cut.",
    oldest_ns: "The age of the oldest block that was live at the cut.",
    growth_bytes: "By how much the site's live bytes grew from the end of the first tenth to the cut.",
    steps_up: "In so many of the eight steps from tenth to tenth the live bytes rose.",
    octaves_up: "So many times did the live bytes rise by half or more while the time doubled. Four are a container that doubles.",
    growth_per_min: "The slope of the live bytes: the median of the slopes between all pairs of tenths.",
    growth_per_min_low: "Where the interval begins that holds the slope with 95 % confidence.",
    growth_per_min_high: "Where that interval ends.",
    first_ns: "When the site acquired its first block.",
    last_ns: "When it acquired its last block up to the cut.",
    grew_between: "The two marks between which most of the site's live bytes were acquired.",
    blocks_sql: "The statement that lists the blocks: give it to allocreplay query.",
};

const cut = "The last tenth of the time is left out, as programs give back there what they held. Where it begins is the cut: all figures but those live "
    + "at the end are of that moment.";

export function suspects(data: Suspects, onShow: ((name: string) => void) | null): HTMLElement {
    if (data.rows.length === 0)
        return element("p", { class: "nothing" },
            "No site looks like a leak. That is no proof: a leak that is slow, or young, does not show in a short trace.");
    const at = (row: Cell[], column: string) => row[data.columns.indexOf(column)] ?? null;
    const offered = data.columns.filter(column => !places.includes(column));
    const others = [...first.filter(column => offered.includes(column)), ...offered.filter(column => !first.includes(column))];
    return element("div", {},
        table("Leak suspects", ["site, and who called it", ...others.map(column => element("span", { title: meanings[column] }, headOf(column)))],
            data.rows.map(row => [
                siteOf(at(row, "function"), at(row, "file"), at(row, "line"), at(row, "text"), onShow),
                ...others.map(column => cellOf(column, at(row, column)))]),
            [undefined, ...others.map(column => unprinted.includes(column) ? "detail" : undefined)]),
        details(["What the columns mean"], () => [
            element("p", { class: "note" }, cut),
            facts(others.filter(column => meanings[column] !== undefined).map(column => [headOf(column), meanings[column]!]))]),
        data.others > 0 && element("p", { class: "note" }, `${counted(data.others, "other suspect")} left out: query the dataset for them.`),
        element("p", { class: "note" }, "A suspect is no verdict: a cache that is still filling looks the same. The guide find-a-leak says what makes one, "
            + "and the view leak_suspects has the definition of each figure."));
}

function siteOf(fn: Cell, file: Cell, line: Cell, text: Cell, onShow: ((name: string) => void) | null): Child {
    const title = String(fn ?? "(not known)"), place = placeOf(String(file ?? ""), Number(line ?? 0)), stack = text === null ? null : String(text);
    const show = element("button", { type: "button", class: "show" }, "in the flame graph");
    show.addEventListener("click", () => onShow?.(title));
    return element("span", {}, name(shortName(title), title), place !== "" && element("small", {}, name(place, String(file))),
        stack !== null && element("small", { class: "stack" }, name(shortStack(stack), stack)), onShow !== null && show);
}

function headOf(column: string): string {
    return column === "blocks_sql" ? "blocks"
        : column.replace(/_(ns|bytes)$/, (_, unit: string) => unit === "ns" ? "" : " bytes").replaceAll("_", " ");
}

function cellOf(column: string, value: Cell): Child {
    if (value === null || value === "")
        return "–";
    if (typeof value !== "number")
        return /sql/.test(column) ? details(["SQL"], () => [element("code", { class: "command" }, String(value))]) : name(String(value));
    if (column === "live_at_end" && value === 0)
        return element("span", {}, bytes(value), element("small", {}, "freed by the end"));
    const sign = value < 0 ? "−" : "", rate = /_per_(s|min|h)/.exec(column);
    if (/bytes|^live_at_end$|^growth_per_/.test(column))
        return `${sign}${bytes(Math.abs(value))}${rate === null ? "" : `/${rate[1]!}`}`;
    if (/_ns$/.test(column))
        return `${sign}${moment(Math.abs(value))}`;
    return Number.isInteger(value) ? count(value) : value.toPrecision(3);
}
