// Round values along an axis.

/** 1, 2 and 5 times the powers of ten from low to high; the powers alone where those are many. */
export function decades(low: number, high: number): number[] {
    const ticks: number[] = [];
    const mantissas = high / low > 1e4 ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
        ticks.push(...mantissas.map(m => Number(`${m}e${power}`)));
    return ticks.filter(tick => tick >= low && tick <= high);
}

/** Powers of two from low to high. */
export function doublings(low: number, high: number): number[] {
    const first = Math.ceil(Math.log2(low)), last = Math.floor(Math.log2(high));
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => 2 ** (first + i));
}

/** Multiples of a round step, from 0 to high: of 1, 2 or 5 times a power of ten, or of a power of two. */
export function multiples(high: number, base: 2 | 10): number[] {
    const steps = base === 2 ? Array.from({ length: 62 }, (_, i) => 2 ** i) : Array.from({ length: 19 }, (_, i) => [1, 2, 5].map(m => m * 10 ** i)).flat();
    const step = steps.find(s => high / s <= 7) ?? high;
    return Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
}
