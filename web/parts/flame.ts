// A flame graph: functions as bars, callers above what they called, as wide as what is below them. By mouse or, with the focus on it, by the arrow keys.

import { element, plain, replace } from "./dom.ts";
import { percent } from "./quantity.ts";

export interface Flames {
    /** Of each its caller, which comes before it; -1 of the first, which is of all. */
    parent: number[];
    label: string[];
    /** More of it, where it is looked at; may be empty. */
    about: string[];
    /** Whether it stands for several that are too small to be shown. */
    isRest: boolean[];
    /** Without what is below it; not negative. */
    own: number[];
    /** Of a difference, whose size is what `own` has. */
    change?: Change;
}

export interface Change {
    /** By how much it is more than it was, or, below 0, less: no further from 0 than `own`. */
    net: number[];
    /** How much it was. */
    before: number[];
}

export interface FlameGraph {
    element: HTMLElement;
    show: (flames: Flames, text: (value: number) => string) => void;
    /** Marks the functions whose names hold this, in whatever case. */
    search: (text: string) => void;
    /** Shows all of it again. */
    reset: () => void;
}

/** Narrower bars, pixels, cannot be seen or hit; and so many at the most are drawn at once. */
const WIDTH_MIN = 1, BARS_MAX = 5000;

const ROW = 21;

export function flameGraph(label: string, onFound: (text: string, sum: number) => void): FlameGraph {
    const place = element("div", { class: "flames", role: "tree", "aria-label": label });
    const told = element("output", { class: "told" });
    const graph = element("div", { class: "flamegraph" }, element("div", { class: "flamescroll" }, place), told);
    let flames: Flames = { parent: [-1], label: [""], about: [""], isRest: [false], own: [0] };
    let text: (value: number) => string = String;
    let all: number[] = [0], change: Change | null = null, children: number[][] = [[]];
    let zoomed = 0, wanted = "", found = new Set<number>(), bars = new Map<number, HTMLElement>();

    const draw = (focused?: number) => {
        const width = Math.max(place.clientWidth, 200);
        bars = new Map();
        const path: number[] = [];
        for (let node = flames.parent[zoomed]!; node >= 0; node = flames.parent[node]!)
            path.unshift(node);
        path.forEach((node, depth) => bars.set(node, bar(node, depth, 0, 1, width)));
        let level = [{ node: zoomed, left: 0 }], depth = path.length;
        const whole = all[zoomed]!;
        while (level.length > 0 && bars.size < BARS_MAX) {
            const next: typeof level = [];
            for (const { node, left } of level) {
                bars.set(node, bar(node, depth, left / Math.max(1, whole), all[node]! / Math.max(1, whole), width));
                let at = left;
                for (const child of children[node]!) {
                    if (all[child]! / whole * width >= WIDTH_MIN)
                        next.push({ node: child, left: at });
                    at += all[child]!;
                }
            }
            depth += next.length > 0 ? 1 : 0;
            level = next;
        }
        place.style.height = `${(depth + 1) * ROW}px`;
        replace(place, ...bars.values());
        const first = bars.get(focused ?? zoomed);
        if (first !== undefined)
            first.tabIndex = 0;
        if (focused !== undefined)
            first?.focus({ preventScroll: true });
        tell(focused ?? zoomed);
    };

    function bar(node: number, depth: number, left: number, share: number, width: number): HTMLElement {
        const net = change?.net[node] ?? 0, tone = change === null ? "" : net > 0 ? " grown" : net < 0 ? " shrunk" : " even";
        const isPast = depth > 0 && node !== zoomed && isAbove(node);
        const made = element("div", {
            class: `bar${tone}${flames.isRest[node] ? " rest" : ""}${found.has(node) ? " found" : ""}${isPast ? " above" : ""}`,
            role: "treeitem", tabindex: -1, "aria-level": depth + 1, "aria-label": describe(node), "data-node": node, "data-value": all[node],
            "data-net": change?.net[node],
        }, share * width > 24 ? `${net > 0 ? "▲ " : net < 0 ? "▼ " : ""}${flames.label[node]}` : null);
        made.style.left = `${share >= 1 ? 0 : left * 100}%`;
        made.style.width = `calc(${Math.min(1, share) * 100}% - 1px)`;
        made.style.top = `${depth * ROW}px`;
        if (change === null)
            made.style.setProperty("--hue", String(hueOf(flames.label[node]!)));
        else
            made.style.setProperty("--strength", String(Math.abs(net) / Math.max(1, all[node]!)));
        return made;
    }

    function isAbove(node: number): boolean {
        for (let at = flames.parent[zoomed]!; at >= 0; at = flames.parent[at]!)
            if (at === node)
                return true;
        return false;
    }

    function describe(node: number): string {
        const share = percent(all[node]! / Math.max(1, all[0]!));
        const amount = change === null ? text(all[node]!) : changed(node, change);
        return plain(`${flames.label[node]}${flames.about[node] ? `, ${flames.about[node]}` : ""}: ${amount}, ${share} of all`
            + (zoomed > 0 && !isAbove(node) ? `, ${percent(all[node]! / Math.max(1, all[zoomed]!))} of what is shown` : ""));
    }

    function changed(node: number, { net, before }: Change): string {
        const is = net[node]!, more = (all[node]! + is) / 2, less = (all[node]! - is) / 2;
        return `${is > 0 ? "+" : is < 0 ? "−" : ""}${text(Math.abs(is))}${more > 0 && less > 0 ? ` (+${text(more)}, −${text(less)})` : ""}, from ${
            text(before[node]!)} to ${text(before[node]! + is)}`;
    }

    function tell(node: number): void {
        told.textContent = describe(node);
    }

    function zoom(node: number): void {
        zoomed = node;
        draw(node);
    }

    function mark(): void {
        found = new Set();
        let sum = 0;
        const word = wanted.toLowerCase();
        if (word !== "") {
            const below = new Array<boolean>(flames.parent.length).fill(false);
            flames.label.forEach((name, node) => {
                const parent = flames.parent[node]!;
                below[node] = parent >= 0 && (below[parent]! || found.has(parent));
                if (node === 0 || flames.isRest[node] || all[node] === 0 || !name.toLowerCase().includes(word))
                    return;
                found.add(node);
                if (!below[node])
                    sum += all[node]!;
            });
        }
        const names = new Set([...found].map(node => flames.label[node]));
        onFound(word === "" ? "" : names.size === 0 ? "no function found"
            : `${names.size === 1 ? "1 function" : `${names.size} functions`}: ${text(sum)}, ${percent(sum / Math.max(1, all[0]!))}`, sum);
    }

    const nodeOf = (event: Event) => {
        const target = (event.target as HTMLElement).closest<HTMLElement>(".bar");
        return target === null ? null : Number(target.dataset["node"]);
    };
    place.addEventListener("click", event => {
        const node = nodeOf(event);
        if (node !== null)
            zoom(node);
    });
    for (const kind of ["pointerover", "focusin"]) {
        place.addEventListener(kind, event => {
            const node = nodeOf(event);
            if (node !== null)
                tell(node);
        });
    }
    place.addEventListener("keydown", event => {
        const node = nodeOf(event);
        if (node === null)
            return;
        const isDrawn = children[node]!.filter(n => bars.has(n));
        const beside = node === 0 ? [0] : children[flames.parent[node]!]!.filter(n => bars.has(n));
        const to: Record<string, number | undefined> = {
            ArrowUp: flames.parent[node]! >= 0 ? flames.parent[node] : node,
            ArrowDown: isDrawn.reduce((a, b) => a === node || all[b]! > all[a]! ? b : a, node),
            ArrowLeft: beside[Math.max(0, beside.indexOf(node) - 1)],
            ArrowRight: beside[Math.min(beside.length - 1, beside.indexOf(node) + 1)],
        };
        if (event.key === "Enter" || event.key === " ")
            zoom(node);
        else if (event.key === "Escape")
            zoom(0);
        else if (to[event.key] !== undefined) {
            bars.get(node)!.tabIndex = -1;
            const next = bars.get(to[event.key]!)!;
            next.tabIndex = 0;
            next.focus();
        } else
            return;
        event.preventDefault();
    });
    let drawnWidth = 0;
    new ResizeObserver(() => {
        if (place.clientWidth !== drawnWidth) {
            drawnWidth = place.clientWidth;
            draw();
        }
    }).observe(place);

    return {
        element: graph,
        show: (next, words) => {
            if (next.parent !== flames.parent)
                zoomed = 0;
            [flames, text] = [next, words];
            all = summed(next.parent, next.own);
            change = next.change === undefined ? null
                : { net: summed(next.parent, next.change.net), before: summed(next.parent, next.change.before) };
            children = next.parent.map(() => []);
            next.parent.forEach((parent, node) => parent >= 0 && children[parent]!.push(node));
            mark();
            draw();
        },
        search: word => {
            wanted = word.trim();
            mark();
            draw();
        },
        reset: () => {
            zoomed = 0;
            draw();
        },
    };
}

/** Of each node its own and what is below it. */
function summed(parent: number[], own: number[]): number[] {
    const all = [...own];
    for (let node = parent.length - 1; node > 0; node--)
        all[parent[node]!]! += all[node]!;
    return all;
}

/** The same for the same name, whatever else is drawn; warm, as flames are. */
function hueOf(name: string): number {
    let hash = 0;
    for (let i = 0; i < name.length; i++)
        hash = (hash * 31 + name.charCodeAt(i)) | 0;
    return 8 + Math.abs(hash) % 48;
}

/** The same blocks by the function that called the allocator, its callers below it. Nodes that stand for several begin one of their own. */
export function inverted(flames: Flames): Flames {
    const turned: Flames = { parent: [-1], label: [flames.label[0]!], about: [""], isRest: [false], own: [0] };
    if (flames.change !== undefined)
        turned.change = { net: [0], before: [0] };
    const places = new Map<string, number>();
    flames.own.forEach((value, node) => {
        if (value === 0 && !flames.change?.before[node])
            return;
        let at = 0;
        for (let caller = node; caller > 0; caller = flames.parent[caller]!) {
            const name = flames.isRest[caller] ? "(too small to be shown)" : flames.label[caller]!, key = `${at} ${flames.isRest[caller]} ${name}`;
            let place = places.get(key);
            if (place === undefined) {
                places.set(key, place = turned.parent.length);
                turned.parent.push(at);
                turned.label.push(name);
                turned.about.push(flames.isRest[caller] ? "" : flames.about[caller]!);
                turned.isRest.push(flames.isRest[caller]!);
                turned.own.push(0);
                turned.change?.net.push(0);
                turned.change?.before.push(0);
            }
            at = place;
        }
        turned.own[at]! += value;
        if (turned.change !== undefined) {
            turned.change.net[at]! += flames.change!.net[node]!;
            turned.change.before[at]! += flames.change!.before[node]!;
        }
    });
    return turned;
}
