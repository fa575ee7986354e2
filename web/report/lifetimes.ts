// Blocks by lifetime and size, as a table whose cells are the darker the more there is.

import { element, select } from "../parts/dom.ts";
import { brief, bytes, count, counted, duration } from "../parts/quantity.ts";
import { scrolled } from "../parts/table.ts";
import type { LifetimeCell, Report } from "./report.ts";

const STILL_LIVE = -1;

export function lifetimes(report: Report): HTMLElement {
    const { cells, lost_free_blocks: lost, carried_blocks: carried } = report.lifetimes;
    const sizes = [...new Set(cells.map(cell => cell.class_bytes))].sort((a, b) => a - b);
    // Those of which the lifetime is not known come last.
    const lives = [...new Set(cells.map(cell => cell.from_ns))].sort((a, b) => Number(a === STILL_LIVE) - Number(b === STILL_LIVE) || a - b);
    const place = element("div", {});
    const draw = (unit: "blocks" | "bytes") => {
        const most = cells.reduce((a, cell) => Math.max(a, cell[unit]), 1);
        place.replaceChildren(scrolled("Blocks by lifetime and size", element("table", { class: "heat" },
            element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "lived for"),
                ...sizes.map(size => element("th", { scope: "col" }, sizeText(size))))),
            element("tbody", {}, ...lives.map(life => element("tr", { class: life === STILL_LIVE ? "live" : undefined },
                element("th", { scope: "row" }, lifeText(life)),
                ...sizes.map(size => cellOf(cells.find(cell => cell.from_ns === life && cell.class_bytes === size), unit, most))))))));
    };
    draw("blocks");
    return element("div", {},
        element("p", { class: "controls" }, select("Shade and figures by", ["blocks", "bytes"], index => draw(index === 0 ? "blocks" : "bytes"))),
        place,
        element("p", { class: "note" }, "Sizes from the one above a column to the next. Of blocks that are live at the end only an age "
            + `is known, so they stand by themselves.${lost > 0 ? ` ${counted(lost, "block")} whose release is not in the trace are left out.` : ""}${
                carried > 0 ? ` ${counted(carried, "block")} acquired before the trace is whole are left out too: of those beside them only `
                    + "the longest-lived are there." : ""}`));
}

function cellOf(cell: LifetimeCell | undefined, unit: "blocks" | "bytes", most: number): HTMLElement {
    if (cell === undefined)
        return element("td", {});
    const made = element("td", { title: `${counted(cell.blocks, "block")}, ${bytes(cell.bytes)}`, "data-blocks": cell.blocks, "data-bytes": cell.bytes },
        unit === "blocks" ? brief(cell.blocks) : bytes(cell.bytes));
    // A logarithm, as counts differ by millions.
    made.style.setProperty("--share", (Math.log1p(cell[unit]) / Math.log1p(most)).toFixed(3));
    return made;
}

function sizeText(size: number): string {
    return size === 0 ? "0 B" : bytes(size);
}

function lifeText(ns: number): string {
    return ns === STILL_LIVE ? "live at the end" : ns === 0 ? "less than 100 ns" : `from ${ns >= 1e12 ? `${count(ns / 1e9)} s` : duration(ns)}`;
}
