// Tables and lists of facts.

import { element, type Child } from "./dom.ts";

/**
 * A table that is scrolled by itself where it is wider than the page, which is told above it then.
 * @param classes of the cells of a column, where it has one.
 */
export function table(label: string, heads: Child[], rows: Child[][], classes: (string | undefined)[] = []): HTMLElement {
    return scrolled(label, element("table", {},
        element("thead", {}, element("tr", {}, ...heads.map((head, i) => element("th", { scope: "col", class: classes[i] }, head)))),
        element("tbody", {}, ...rows.map(row => rowOf(row, classes)))));
}

/** A row, whose first cell names it. */
export function rowOf(cells: Child[], classes: (string | undefined)[] = []): HTMLTableRowElement {
    return element("tr", {}, ...cells.map((cell, i) => element(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : undefined, class: classes[i] }, cell)));
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
