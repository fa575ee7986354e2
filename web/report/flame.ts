// The flame graph of the stacks: of all blocks, of those that are left, or of what was live at a moment that the chart of live bytes chose.

import type { Chosen } from "../parts/area.ts";
import { element, labelled, select } from "../parts/dom.ts";
import { flameGraph, inverted, type Flames } from "../parts/flame.ts";
import { count, percent } from "../parts/quantity.ts";
import { measured, type Measure } from "./measure.ts";
import type { FlameData, Report } from "./report.ts";

const wholes = ["allocated", "outstanding", "temporary"] as const;

export interface FlamePart {
    element: HTMLElement;
    /** Shows what was live at a moment, or has grown between two. */
    choose: (chosen: Chosen) => void;
    search: (name: string) => void;
}

export function flame(report: Report, data: FlameData, onMeasure: (chosen: Chosen | null) => void): FlamePart {
    const { timeline } = report, last = timeline.moments_ns.length - 1;
    const result = element("output", { class: "found-text" }), words = element("p", { class: "measure", "aria-live": "polite" });
    const graph = flameGraph("Flame graph", (text, sum) => {
        result.textContent = text;
        result.dataset["value"] = String(sum);
    });
    const opening: Measure = { what: report.summary.outstanding_bytes > 0 ? "outstanding" : "allocated", unit: "bytes" };
    const peak: Chosen = { from: timeline.peak_index ?? last, to: timeline.peak_index ?? last };
    let measure = opening as Measure, isInverted = false, chosen = peak;

    const offered = ["allocated", "live at the end", "temporary", "live at a moment", "grown between two moments"];
    const what = select("Blocks", offered, index => {
        if (index < wholes.length)
            set({ what: wholes[index]!, unit: unitOf() });
        else
            set(index === wholes.length ? { what: "live", at: chosen.to }
                : { what: "grown", from: chosen.from < chosen.to ? chosen.from : 0, to: chosen.from < chosen.to ? chosen.to : last });
    });
    const unit = select("in", ["bytes", "blocks"], () => set(measure.what === "live" || measure.what === "grown" ? measure : { ...measure, unit: unitOf() }));
    const [whatControl, unitControl] = [what, unit].map(label => label.querySelector("select")!) as [HTMLSelectElement, HTMLSelectElement];
    const turned = element("input", { type: "checkbox" });
    const find = element("input", { type: "search", placeholder: "function", spellcheck: "false" });
    turned.addEventListener("change", () => {
        isInverted = turned.checked;
        show();
    });
    find.addEventListener("input", () => graph.search(find.value));
    const button = (text: string, press: () => void, isThere = true) => {
        if (!isThere)
            return null;
        const made = element("button", { type: "button" }, text);
        made.addEventListener("click", press);
        return made;
    };
    const choose = (next: Chosen) => {
        chosen = next;
        set(next.from === next.to ? { what: "live", at: next.to } : { what: "grown", ...next });
    };

    // Bars of what has no change of shape keep their place and zoom: a moment is compared with another.
    const shape = shapeOf(data);
    function show(): void {
        const now = measured(data, timeline, measure);
        const flames: Flames = { ...shape, own: now.own };
        graph.show(isInverted ? inverted(flames) : flames, now.text);
        const all = now.own.reduce((sum, value) => sum + value, 0);
        words.textContent = `${now.words}: ${now.text(all)}${now.shrunk > 0 ? `; ${now.text(now.shrunk)} less elsewhere, which is not drawn` : ""}`;
        whatControl.selectedIndex = measure.what === "live" ? 3 : measure.what === "grown" ? 4 : wholes.indexOf(measure.what);
        unitControl.disabled = measure.what === "live" || measure.what === "grown";
    }

    function set(next: Measure): void {
        measure = next;
        show();
        onMeasure(next.what === "live" ? { from: next.at, to: next.at } : next.what === "grown" ? { from: next.from, to: next.to } : null);
    }

    function unitOf(): "bytes" | "blocks" {
        return unitControl.selectedIndex === 1 ? "blocks" : "bytes";
    }

    show();
    return {
        element: element("div", {},
            element("p", { class: "controls" }, what, unit, labelled("Search", find), result,
                element("label", { class: "control" }, turned, " callee first")),
            element("p", { class: "controls" },
                button("Peak", () => choose({ from: timeline.peak_index!, to: timeline.peak_index! }), timeline.peak_index !== null),
                button("End", () => choose({ from: last, to: last })),
                button("Reset", () => {
                    find.value = "";
                    turned.checked = isInverted = false;
                    graph.search("");
                    unitControl.selectedIndex = 0;
                    chosen = peak;
                    set(opening);
                    graph.reset();
                })),
            words,
            graph.element,
            element("p", { class: "note" }, noteOf(data))),
        choose,
        search: text => {
            find.value = text;
            graph.search(text);
        },
    };
}

function noteOf(data: FlameData): string {
    const merged = data.merged_nodes > 0
        ? `Functions with less than ${share(data)} of everything (of blocks and bytes allocated, left and temporary, and of the most that was live) are `
            + `put together with those beside them: ${count(data.merged_nodes)} of them, in grey. ` : "";
    return `${merged}Callers stand above what they called. A click, or Enter, shows a function and what is below it; Escape shows all again. Arrow keys move.`;
}

function share(data: FlameData): string {
    const text = percent(data.merged_below);
    return data.merged_below < 0.001 ? `${Number((data.merged_below * 100).toPrecision(2))} %` : text;
}

function shapeOf(data: FlameData): Omit<Flames, "own"> {
    const fileOf = (f: number) => data.files[f]! >= 0 ? data.file_names[data.files[f]!]! : "";
    return {
        parent: data.parent,
        label: data.function.map((f, i) => f >= 0 ? data.functions[f]! : i === 0 ? "all" : `${count(data.merged[i]!)} more, each under ${share(data)}`),
        about: data.function.map(f => f >= 0 ? fileOf(f) : ""),
        isRest: data.function.map((f, i) => f < 0 && i > 0),
    };
}
