// What differs from another run: the totals beside each other, a flame graph of what grew and what shrank, and the sites.

import { element, labelled, name, plain, select, type Child } from "../parts/dom.ts";
import { flameGraph, inverted, type Flames } from "../parts/flame.ts";
import { bytes, count, counted, percent } from "../parts/quantity.ts";
import { sortable, type Column } from "../parts/sortable.ts";
import { table } from "../parts/table.ts";
import { placeOf, type DiffFlame, type Difference, type Side, type SideFigures, type SiteDiff } from "./report.ts";

type Text = (value: number) => string;

/** What can be looked at: its name, its place in the flame graph's data where it is there, and of a site. */
const figures: { title: string; weights: "outstanding" | "peak" | "bytes" | null; of: keyof SideFigures; text: Text }[] = [
    { title: "live at the end", weights: "outstanding", of: "outstanding_bytes", text: bytes },
    { title: "peak of each site", weights: "peak", of: "peak_live_bytes", text: bytes },
    { title: "bytes acquired", weights: "bytes", of: "bytes", text: bytes },
    { title: "blocks acquired", weights: null, of: "blocks", text: count },
];

const found = { same: "", inlined: "otherwise inlined", contained: "found by most of its functions", function: "found by its function alone",
    only_a: "gone", only_b: "new" };

export function difference(data: Difference): HTMLElement {
    const rows = element("div", {});
    const showSites = (figure: number) => rows.replaceChildren(sites(data, figure));
    showSites(0);
    return element("div", {},
        totals(data.a, data.b),
        data.flame === null
            ? element("p", { class: "nothing" }, "To see which code differs, record both with ", element("code", {}, "allocreplay record --stacks auto"), ".")
            : flame(data.flame, showSites),
        rows);
}

function totals(a: Side, b: Side): HTMLElement {
    const row = (title: string, figure: keyof Side, text: Text): Child[] => {
        const [before, after] = [a[figure] as number | null, b[figure] as number | null];
        return [title, ...[before, after].map((value, i) => element("span", { "data-side": i, "data-figure": figure, "data-value": value ?? undefined },
            value === null ? "not known" : text(value))), before === null || after === null ? "–" : changeOf(before, after, text)];
    };
    const side = (of: Side, word: string) => element("span", {}, word, element("small", {}, name(of.path)), element("small", {}, name(of.process)));
    return table("Both runs", ["", side(a, "the other run"), side(b, "this run"), "change"], [
        row("peak live", "peak_live_bytes", bytes), row("live at the end", "outstanding_bytes", bytes), row("in blocks", "outstanding_blocks", count),
        row("acquired", "bytes", bytes), row("in blocks", "blocks", count)]);
}

function changeOf(before: number, after: number, text: Text): string {
    return signed(after - before, text) + (before > 0 && after !== before ? `, ${signed((after - before) / before, share => percent(share))}` : "");
}

function signed(value: number, text: Text): string {
    return `${value > 0 ? "+" : value < 0 ? "−" : "±"}${text(Math.abs(value))}`;
}

function flame(data: DiffFlame, onFigure: (figure: number) => void): HTMLElement {
    const result = element("output", { class: "found-text" }), words = element("p", { class: "measure", "aria-live": "polite" });
    const graph = flameGraph("Flame graph of what differs", text => result.textContent = text);
    const turned = element("input", { type: "checkbox" }), find = element("input", { type: "search", placeholder: "function", spellcheck: "false" });
    const shape = {
        parent: data.parent,
        label: data.function.map((f, i) => f >= 0 ? data.functions[f]! : i === 0 ? "all" : `${count(data.merged[i]!)} more`),
        about: data.function.map(() => ""),
        isRest: data.function.map((f, i) => f < 0 && i > 0),
    };
    const offered = figures.filter(figure => figure.weights !== null);
    let chosen = 0;
    const show = () => {
        const { title, text } = offered[chosen]!, { before, grown, shrunk } = data[offered[chosen]!.weights!];
        const flames: Flames = {
            ...shape, own: grown.map((more, i) => more + shrunk[i]!), change: { net: grown.map((more, i) => more - shrunk[i]!), before },
        };
        graph.show(turned.checked ? inverted(flames) : flames, text);
        const [more, less] = [grown, shrunk].map(values => values.reduce((sum, value) => sum + value, 0)) as [number, number];
        words.textContent = plain(`${title[0]!.toUpperCase()}${title.slice(1)}: ${text(more)} more and ${text(less)} less than in the other run`);
    };
    turned.addEventListener("change", show);
    find.addEventListener("input", () => graph.search(find.value));
    const key = (tone: string, text: string) => element("li", {}, element("span", { class: `patch ${tone}`, "aria-hidden": "true" }), text);
    show();
    return element("div", {},
        element("p", { class: "controls" }, select("Compare", offered.map(figure => figure.title), index => {
            chosen = index;
            show();
            onFigure(index);
        }), labelled("Search", find), result, element("label", { class: "control" }, turned, " callee first")),
        words,
        element("ul", { class: "legend tones" },
            key("grown", "▲ more than in the other run"), key("shrunk", "▼ less"), key("even", "as much more as less, in what is below it")),
        graph.element,
        element("p", { class: "note" }, "A bar is as wide as what differs in the function and below it: what grew and what shrank, added. Its colour is the "
            + "stronger the more of that goes one way. A click, or Enter, shows a function and what is below it; Escape shows all again."
            + " Each site's own peak may have been at another time, so that peaks add up to more than there ever was."
            + (data.merged_nodes === 0 ? ""
                : ` Functions with less than ${Number((data.merged_below * 100).toPrecision(2))} % of what differs are put together.`)));
}

function sites(data: Difference, first: number): HTMLElement {
    if (data.sites.length === 0)
        return element("p", { class: "nothing" }, "No site differs.");
    return element("div", {},
        sortable<SiteDiff>("Sites that differ", [
            { head: "site, and who called it", value: row => row.site.function, show: siteOf },
            ...figures.map(({ title, of, text }): Column<SiteDiff> => ({
                head: `Δ ${title}`,
                value: row => row.b[of] - row.a[of],
                show: row => element("span", { "data-figure": of, "data-a": row.a[of], "data-b": row.b[of] },
                    signed(row.b[of] - row.a[of], text), element("small", {}, `${text(row.a[of])} → ${text(row.b[of])}`)),
            })),
        ], data.sites, first + 1),
        element("p", { class: "note" }, [
            data.other_sites > 0 && `${counted(data.other_sites, "other site")} left out, which differ less.`,
            data.same_sites > 0 && `${counted(data.same_sites, "site")} as before.`,
            "A second click on the head of a column turns its order: what shrank most comes first.",
        ].filter(Boolean).join(" ")));
}

function siteOf({ match, site }: SiteDiff): HTMLElement {
    const place = placeOf(site.file, site.line);
    return element("span", {}, name(site.function), place !== "" && element("small", {}, name(place, site.file)),
        element("small", { class: "stack" }, name(site.text)), found[match] !== "" && element("small", { class: "match" }, found[match]));
}
