// Tables and lists of facts.

import { element, type Child } from "./dom.ts";

/** A table that is scrolled by itself where it is wider than the page, which is told above it then. */
export function table(label: string, heads: Child[], rows: Child[][]): HTMLElement {
    return scrolled(label, element("table", {},
        element("thead", {}, element("tr", {}, ...heads.map(head => element("th", { scope: "col" }, head)))),
        element("tbody", {}, ...rows.map(rowOf))));
}

/** A row, whose first cell names it. */
export function rowOf(cells: Child[]): HTMLTableRowElement {
    return element("tr", {}, ...cells.map((cell, i) => i === 0 ? element("th", { scope: "row" }, cell) : element("td", {}, cell)));
}

/** A table in a part of the page that is scrolled by itself. */
export function scrolled(label: string, made: HTMLTableElement): HTMLElement {
    const scrolled = element("div", { class: "wide", role: "region", tabindex: 0, "aria-label": label }, made);
    const hint = element("p", { class: "hint", hidden: true }, "Wider than the page: scroll it sideways ▸");
    // The width is known once the table is on a page that is drawn, and changes with that of the window.
    new ResizeObserver(() => hint.hidden = scrolled.scrollWidth <= scrolled.clientWidth).observe(scrolled);
    return element("div", { class: "scrolled" }, hint, scrolled);
}

/** Terms and what they mean, a line each. */
export function facts(pairs: [string, Child][]): HTMLElement {
    return element("dl", { class: "facts" }, ...pairs.flatMap(([term, meaning]) => [element("dt", {}, term), element("dd", {}, meaning)]));
}
