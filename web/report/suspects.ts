// Leak suspects: the columns of the view are shown by what their names say, whichever they are.

import { element, name, type Child } from "../parts/dom.ts";
import { bytes, count, counted, moment } from "../parts/quantity.ts";
import { table } from "../parts/table.ts";
import { placeOf, type Cell, type Suspects } from "./report.ts";

/** Columns that name the site, which is one cell here. */
const places = ["function", "file", "line", "text"];

export function suspects(data: Suspects, onShow: ((name: string) => void) | null): HTMLElement {
    if (data.rows.length === 0)
        return element("p", { class: "nothing" },
            "No site looks like a leak. That is no proof: a leak that is slow, or young, does not show in a short trace.");
    const at = (row: Cell[], column: string) => row[data.columns.indexOf(column)] ?? null;
    const others = data.columns.filter(column => !places.includes(column));
    return element("div", {},
        table("Leak suspects", ["site, and who called it", ...others.map(headOf)], data.rows.map(row => [
            siteOf(at(row, "function"), at(row, "file"), at(row, "line"), at(row, "text"), onShow),
            ...others.map(column => cellOf(column, at(row, column)))])),
        data.others > 0 && element("p", { class: "note" }, `${counted(data.others, "other suspect")} left out: query the dataset for them.`),
        element("p", { class: "note" }, "A suspect is no verdict: a cache that is still filling looks the same. The guide find-a-leak says what makes one, "
            + "and the view leak_suspects has the definition of each figure."));
}

function siteOf(fn: Cell, file: Cell, line: Cell, text: Cell, onShow: ((name: string) => void) | null): Child {
    const title = String(fn ?? "(not known)"), place = placeOf(String(file ?? ""), Number(line ?? 0));
    const show = element("button", { type: "button", class: "show" }, "in the flame graph");
    show.addEventListener("click", () => onShow?.(title));
    return element("span", {}, name(title), place !== "" && element("small", {}, name(place, String(file))),
        text !== null && element("small", { class: "stack" }, name(String(text))), onShow !== null && show);
}

function headOf(column: string): string {
    return column.replace(/_(ns|bytes)$/, (_, unit: string) => unit === "ns" ? "" : " bytes").replaceAll("_", " ");
}

function cellOf(column: string, value: Cell): Child {
    if (value === null || value === "")
        return "–";
    if (typeof value !== "number")
        return /sql/.test(column) ? element("code", { class: "command" }, String(value)) : name(String(value));
    const rate = /_per_(s|second|min|minute|hour)(_|$)/.exec(column);
    if (/bytes|^live_at_end$/.test(column))
        return `${bytes(value)}${rate === null ? "" : `/${rate[1]!.startsWith("s") ? "s" : rate[1]!.startsWith("m") ? "min" : "h"}`}`;
    if (/_ns$/.test(column))
        return value < 0 ? `−${moment(-value)}` : moment(value);
    return Number.isInteger(value) ? count(value) : value.toPrecision(3);
}
