// Names of functions as short as they still say which: those of templates and of functions with arguments fill lines.

/** What parts a function from its caller where a stack stands on a line. */
const CALLER = " < ";

/** Names are read up to here, characters: one may be a megabyte, and nothing shows that much of it. */
const READ_MAX = 2000;

/** Operators whose names have brackets of their own. */
const operators = /^operator *(\(\)|\[\]|->\*?|<=>|<<=?|>>=?|<=?|>=?)/;

/**
 * A function's name without the arguments of templates and of functions, and without the type it returns.
 * Brackets that are the name, as "(anonymous namespace)" and "(*Server)" are, stay, and so do those that nothing closes, unless the name was cut there.
 */
export function shortName(name: string): string {
    if (name.length > READ_MAX)
        return shortName(`${name.slice(0, READ_MAX - 1)}…`);
    const short = withoutArguments(name);
    return short === name ? name : withoutType(short.replace(/( (const|volatile|noexcept)| ?&&?)+(?=::|$)/g, ""));
}

/**
 * Of each stack that stands on a line its function, and as many callers as tell it from the others, all of them short. Those that differ by nothing but
 * arguments have none.
 */
export function shortStacks(stacks: string[]): string[][] {
    const frames = stacks.map(stack => stack.split(CALLER).map(shortName));
    return frames.map((own, i) => {
        const isTold = (depth: number) => frames.every((other, k) => k === i || own.slice(0, depth).some((frame, at) => frame !== other[at]));
        const depth = own.findIndex((_, at) => isTold(at + 1));
        return own.slice(0, Math.max(0, depth) + 1);
    });
}

/** A stack on a line with short names. */
export function shortStack(stack: string): string {
    return stack.split(CALLER).map(shortName).join(CALLER);
}

function withoutArguments(name: string): string {
    let short = "";
    for (let at = 0; at < name.length;) {
        const rest = name.slice(at, at + 16), operator = /\w$/.test(short) ? null : operators.exec(rest);
        const isNamed = /(^|::|\.| )$/.test(short), end = operator === null && "<(".includes(name[at]!) ? closing(name, at) : -1;
        if (operator !== null) {
            short += operator[0];
            at += operator[0].length;
        } else if (end < 0 || (name[at] === "(" && isNamed)) {
            short += end < 0 ? name[at] : name.slice(at, end);
            at = end < 0 ? at + 1 : end;
        } else {
            // What a name begins with is no argument: a type of Rust, "<Vec<T> as Drop>::drop".
            short += name[at] === "(" ? "" : at === 0 ? `<${withoutArguments(name.slice(1, end - 1))}>` : "<…>";
            at = end;
        }
    }
    return short;
}

/**
 * The place behind the bracket that closes the one at a place, or -1. An arrow closes nothing, and neither does a comparison within parentheses.
 * A name that was cut ends with dots: what is open there is closed by its end.
 */
function closing(name: string, from: number): number {
    const open: string[] = [];
    for (let at = from; at < name.length; at++) {
        const c = name[at]!;
        if (c === "<" || c === "(")
            open.push(c);
        else if (c === ")") {
            while (open.length > 0 && open.pop() !== "(");
        } else if (c === ">" && name[at - 1] !== "-" && open.at(-1) === "<")
            open.pop();
        if (open.length === 0)
            return at + 1;
    }
    return name.endsWith("…") ? name.length : -1;
}

/** The type stands before the last space outside of brackets, unless an operator's name has that space. */
function withoutType(name: string): string {
    const operator = name.search(/\boperator\b/), before = operator < 0 ? name : name.slice(0, operator);
    let depth = 0, from = 0;
    before.split("").forEach((c, at) => {
        depth += "<({[".includes(c) ? 1 : ">)}]".includes(c) ? -1 : 0;
        if (c === " " && depth === 0 && before[at + 1] !== "[")
            from = at + 1;
    });
    return name.slice(from);
}
