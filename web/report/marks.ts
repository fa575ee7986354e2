// What a recording says of its own time: moments that were given names, and stretches of which calls are missing.

import { details, element, name, plain } from "../parts/dom.ts";
import { count, counted, moment } from "../parts/quantity.ts";
import type { Timeline, Unrecorded } from "./report.ts";

/** More marks than these are listed when somebody asks; and so many stretches at the most. */
const OPEN_MAX = 12, STRETCHES_MAX = 10;

/**
 * All marks, each a button.
 * @param onChoose is told of the place of a mark's moment, and whether it is to be the second of two.
 */
export function markList(data: Timeline, onChoose: (moment: number, isSecond: boolean) => void): HTMLElement | null {
    const { shown, others } = data.marks;
    if (shown.length === 0)
        return null;
    const isExact = shown.every(mark => data.moments_ns[mark.moment] === Math.min(mark.ns, data.moments_ns.at(-1)!));
    const button = (mark: typeof shown[number]) => {
        const made = element("button", { type: "button", title: plain(mark.name) }, name(mark.name), element("small", {}, ` ${moment(mark.ns)}`));
        made.addEventListener("click", event => onChoose(mark.moment, event.shiftKey));
        return element("li", {}, made);
    };
    return element("div", { class: "marklist" },
        details([counted(shown.length + others, "mark")], () => [
            element("ul", {}, ...shown.map(button)),
            element("p", { class: "note" }, "A click, or Enter, chooses the moment of a mark; with Shift what has grown between it and "
                + "the moment chosen before. "
                + (isExact ? "" : "There are so many that the nearest of the chart's moments stand for them. ")
                + (others > 0 ? `${count(others)} later ones are left out.` : "")),
        ], shown.length <= OPEN_MAX));
}

/** What the hatched stretches are. */
export function unrecorded(stretches: Unrecorded[]): HTMLElement | null {
    if (stretches.length === 0)
        return null;
    return element("div", { class: "note" }, "Hatched in the chart:",
        element("ul", { class: "unrecorded" },
            ...stretches.slice(0, STRETCHES_MAX).map(stretch => element("li", {}, `from ${moment(stretch.from_ns)} to ${moment(stretch.to_ns)} ${
                stretch.lost_calls === null ? "recording was stopped" : `${counted(stretch.lost_calls, "call")} could not be recorded`}`)),
            stretches.length > STRETCHES_MAX && element("li", {}, `${counted(stretches.length - STRETCHES_MAX, "other stretch", "other stretches")}`)));
}
