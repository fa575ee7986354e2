// The sites that have the most of anything.

import { element, name } from "../parts/dom.ts";
import { bytes, count, counted } from "../parts/quantity.ts";
import { sortable, type Column } from "../parts/sortable.ts";
import { placeOf, type Site } from "./report.ts";

type Figure = Exclude<keyof Site, "function" | "file" | "line" | "text">;

const figures: [string, Figure, (value: number) => string][] = [
    ["bytes", "bytes", bytes], ["blocks", "blocks", count], ["own peak", "peak_live_bytes", bytes], ["live at end", "live_bytes", bytes],
    ["blocks live at end", "live_blocks", count], ["temporary", "temporary_blocks", count], ["freed by others", "cross_thread_frees", count],
];

export function sites(rows: Site[], others: number): HTMLElement {
    return element("div", {},
        sortable<Site>("Top sites", [
            { head: "site, and who called it", value: site => site.function, show: siteName },
            ...figures.map(([head, figure, text]): Column<Site> => ({ head, value: site => site[figure], show: site => text(site[figure]) })),
        ], rows, 1),
        others > 0 && element("p", { class: "note" }, `${counted(others, "other site")} left out, which are not among the first by any of these.`));
}

function siteName(site: Site): HTMLElement {
    const place = placeOf(site.file, site.line);
    return element("span", {}, name(site.function), place !== "" && element("small", {}, name(place, site.file)),
        element("small", { class: "stack" }, name(site.text)));
}
