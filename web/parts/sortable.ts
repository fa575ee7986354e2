// A table whose rows are put in the order of a column by a click on its head.

import { element, type Child } from "./dom.ts";
import { rowOf, scrolled } from "./table.ts";

export interface Column<T> {
    head: string;
    /** What rows are ordered by: numbers from the greatest, text from its beginning. */
    value: (row: T) => number | string;
    show: (row: T) => Child;
}

/** More rows than these are shown by a button: most people look at the first. */
const ROWS_FIRST = 12;

/**
 * A table that can be sorted.
 * @param first the column that it is ordered by at first.
 */
export function sortable<T>(label: string, columns: Column<T>[], rows: T[], first: number): HTMLElement {
    let by = first, isTurned = false, isWhole = rows.length <= ROWS_FIRST;
    const body = element("tbody", {});
    const heads = columns.map((column, i) => {
        const button = element("button", { type: "button" }, column.head);
        button.addEventListener("click", () => {
            isTurned = by === i && !isTurned;
            by = i;
            draw();
        });
        return element("th", { scope: "col" }, button);
    });
    const more = element("button", { type: "button", class: "more" }, `Show all ${rows.length}`);
    more.addEventListener("click", () => {
        isWhole = true;
        draw();
    });
    const draw = () => {
        const { value } = columns[by]!, sign = isTurned ? -1 : 1;
        const compare = (a: T, b: T) => {
            const [x, y] = [value(a), value(b)];
            return sign * (typeof x === "number" && typeof y === "number" ? y - x : String(x) < String(y) ? -1 : String(x) > String(y) ? 1 : 0);
        };
        body.replaceChildren(...[...rows].sort(compare).slice(0, isWhole ? undefined : ROWS_FIRST).map(row => rowOf(columns.map(column => column.show(row)))));
        heads.forEach((head, i) => {
            const isDown = typeof value(rows[0]!) === "number" !== isTurned;
            if (i === by)
                head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
            else
                head.removeAttribute("aria-sort");
        });
        more.hidden = isWhole;
    };
    if (rows.length > 0)
        draw();
    return element("div", {}, scrolled(label, element("table", { class: "sortable" }, element("thead", {}, element("tr", {}, ...heads)), body)), more);
}
