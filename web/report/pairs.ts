// Who releases what another thread acquired.

import { element, name } from "../parts/dom.ts";
import { bytes, count, counted } from "../parts/quantity.ts";
import { sortable } from "../parts/sortable.ts";
import type { Report, ThreadPair } from "./report.ts";

export function pairs(report: Report): HTMLElement {
    const { pairs, other_pairs, other_blocks } = report.thread_pairs;
    if (pairs.length === 0)
        return element("p", { class: "nothing" }, "Every block that was released was released by the thread that acquired it.");
    return element("div", {},
        sortable<ThreadPair>("Blocks released by another thread", [
            { head: "acquired by", value: pair => pair.alloc_thread, show: pair => name(threadName(pair.alloc_thread, pair.alloc_name)) },
            { head: "released by", value: pair => pair.free_thread, show: pair => name(threadName(pair.free_thread, pair.free_name)) },
            { head: "blocks", value: pair => pair.blocks, show: pair => count(pair.blocks) },
            { head: "bytes", value: pair => pair.bytes, show: pair => bytes(pair.bytes) },
        ], pairs, 2),
        other_pairs > 0 && element("p", { class: "note" }, `${counted(other_pairs, "other pair")} with ${counted(other_blocks, "block")} left out.`));
}

function threadName(thread: number, title: string): string {
    return title === "" ? `thread ${thread}` : `${title} (thread ${thread})`;
}
