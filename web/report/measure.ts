// Which blocks a flame graph counts, and each function's own share of them.

import { bytes, count, moment } from "../parts/quantity.ts";
import type { FlameData, Timeline } from "./report.ts";

export type Measure =
    | { what: "allocated" | "outstanding" | "temporary"; unit: "bytes" | "blocks" }
    | { what: "live"; at: number }
    | { what: "grown"; from: number; to: number };

export interface Measured {
    /** Of each node its own; none is below 0. */
    own: number[];
    /** What became less between two moments and is not in it. */
    shrunk: number;
    text: (value: number) => string;
    /** What it is, in words. */
    words: string;
}

export function measured(data: FlameData, timeline: Timeline, measure: Measure): Measured {
    switch (measure.what) {
        case "live":
            return {
                own: liveAt(data, measure.at), shrunk: 0, text: bytes,
                words: `Live at ${moment(timeline.moments_ns[measure.at]!)}${measure.at === timeline.peak_index ? ", the peak" : ""}`,
            };
        case "grown": {
            const before = liveAt(data, measure.from), after = liveAt(data, measure.to);
            return {
                own: after.map((value, i) => Math.max(0, value - before[i]!)),
                shrunk: after.reduce((sum, value, i) => sum + Math.max(0, before[i]! - value), 0),
                text: bytes,
                words: `Grown from ${moment(timeline.moments_ns[measure.from]!)} to ${moment(timeline.moments_ns[measure.to]!)}`,
            };
        }
        default:
            return {
                own: data[`${measure.what}_${measure.unit}`], shrunk: 0, text: measure.unit === "bytes" ? bytes : value => `${count(value)} blocks`,
                words: { allocated: "Allocated in the whole trace", outstanding: "Live at the end", temporary: "Temporary" }[measure.what],
            };
    }
}

/** Each node's own live bytes at a moment: the changes up to it, added. */
function liveAt(data: FlameData, at: number): number[] {
    const own = new Array<number>(data.parent.length).fill(0);
    data.live_nodes.forEach((node, i) => {
        const changes = data.live_changes[i]!;
        let when = -1, live = 0;
        for (let k = 0; k < changes.length; k += 2) {
            when += changes[k]!;
            if (when > at)
                break;
            live += changes[k + 1]!;
        }
        own[node] = live;
    });
    return own;
}
