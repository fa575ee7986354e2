// The page of `report`: what one process image did with its memory.

import { element, link, name, plain, replace, type Child } from "../parts/dom.ts";
import { difference } from "../report/difference.ts";
import { flame, type FlamePart } from "../report/flame.ts";
import { lifetimes } from "../report/lifetimes.ts";
import { pairs } from "../report/pairs.ts";
import type { PageData } from "../report/report.ts";
import { sites } from "../report/sites.ts";
import { missing, provenance, summary } from "../report/summary.ts";
import { suspects } from "../report/suspects.ts";
import { timeline } from "../report/timeline.ts";

const data = JSON.parse(document.getElementById("data")!.textContent!) as PageData;
const page = document.getElementById("page")!;
const { report } = data;

const program = report.summary.executable.slice(report.summary.executable.lastIndexOf("/") + 1) || report.process;
document.title = plain(`Memory of ${program}`, 200);

let flames: FlamePart | null = null;
const line = timeline(report, chosen => flames?.choose(chosen));
if (report.flame !== null)
    flames = flame(report, report.flame, chosen => line.mark(chosen));
const show = (title: string) => {
    flames!.search(title);
    document.getElementById("flame")!.scrollIntoView();
};

const parts: [string, string, Child][] = [
    ...(report.against === null ? [] : [["difference", "What differs from the other run", difference(report.against)] as [string, string, Child]]),
    ["suspects", "Leak suspects", report.suspects === null ? without("which sites look like leaks") : suspects(report.suspects, flames === null ? null : show)],
    ["timeline", "Live bytes over time", line.element],
    ["flame", "Which code", flames === null ? without("a flame graph of any moment") : flames.element],
    ["sites", "Top sites", report.sites === null ? without("the sites that have the most") : sites(report.sites.rows, report.sites.others)],
    ["lifetimes", "Lifetimes and sizes", lifetimes(report)],
    ["threads", "Blocks freed by another thread", pairs(report)],
];
const said = missing(report);

replace(page,
    element("header", {}, element("h1", {}, "Memory of ", name(program))),
    element("nav", { "aria-label": "Parts of this page" }, element("ul", {}, ...parts.map(([id, title]) => element("li", {}, link(id, title))))),
    said.length > 0 && element("section", { class: "remarks", "aria-label": "What is missing" },
        element("ul", {}, ...said.map(text => element("li", {}, text)))),
    element("section", { id: "summary", "aria-label": "Summary" }, summary(data)),
    ...parts.map(([id, title, part]) => element("section", { id }, element("h2", {}, title), part)),
    element("section", { id: "provenance" }, element("h2", {}, "Where this comes from"), provenance(data)));
document.documentElement.dataset["ready"] = "true";

function without(what: string): HTMLElement {
    return element("p", { class: "nothing" }, "The recording has no call stacks. To see ", what, ", record with ",
        element("code", {}, "allocreplay record --stacks auto"), ".");
}
