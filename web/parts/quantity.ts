// Quantities as people read them, as the command prints them.

import type { MetricUnit } from "../compare/report.ts";

const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

export function count(n: number): string {
    return Math.round(n).toLocaleString("en-US");
}

/** So many of something: 1 run, 2 runs. */
export function counted(n: number, one: string, many = `${one}s`): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

export function bytes(n: number): string {
    let unit = 0;
    for (; Math.abs(n) >= 1024 && unit < binaryUnits.length - 1; unit++)
        n /= 1024;
    return `${unit === 0 || Number.isInteger(n) ? n.toFixed(0) : n.toFixed(1)} ${binaryUnits[unit]}`;
}

/** A time, of nanoseconds. */
export function duration(ns: number): string {
    const power = Math.min(3, Math.max(0, Math.floor(Math.log10(ns) / 3)));
    const value = ns / 1000 ** power, unit = ["ns", "µs", "ms", "s"][power];
    return `${value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}

/** A time since a start, of nanoseconds: minutes where there are many seconds. */
export function moment(ns: number): string {
    const seconds = Math.floor(ns / 1e9);
    return seconds < 120 ? duration(ns) : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A count in few characters. */
export function brief(n: number): string {
    const power = n < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(n) / 3)), value = n / 1000 ** power;
    return power === 0 ? String(n) : `${value >= 100 ? value.toFixed(0) : value.toPrecision(2)}${["", "k", "M", "G", "T"][power]}`;
}

export function percent(share: number): string {
    return `${(share * 100).toFixed(1)} %`;
}

/** A share of calls below 1 as a percentile, with as many nines as it has. */
export function percentile(share: number): string {
    return `${Number((share * 100).toPrecision(share > 0.9 ? 12 : 4))} %`;
}

/** A figure of a run with its unit. */
export function figure(unit: MetricUnit, value: number): string {
    switch (unit) {
        case "calls_per_second": return `${(value / 1e6).toFixed(2)} M/s`;
        case "nanoseconds_per_call": return `${value.toFixed(1)} ns`;
        case "nanoseconds": return value > 0 ? duration(value) : "0 ns";
        case "per_call": return value.toPrecision(3);
        case "bytes": return bytes(value);
        default: return count(value);
    }
}
