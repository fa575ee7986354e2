// Elements of a page. Whatever comes from a trace or a command line goes in as text, never as markup.

export type Child = Node | string | null | undefined | false;
export type Attributes = Record<string, string | number | boolean | undefined>;

/** Longer names and texts than these, in characters, are cut where they are shown: one may be a megabyte. */
const NAME_MAX = 300, TEXT_MAX = 10_000;

/** What a browser would obey instead of showing it: controls, and what turns the direction of writing or has no width. */
const commands = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Any text on one line as it can be read: nothing in it hides, turns or breaks what stands around it. */
export function plain(text: string, most = TEXT_MAX): string {
    const characters = text.length <= most ? text : `${text.slice(0, most).replace(/[\ud800-\udbff]$/, "")}… (${text.length} characters)`;
    return characters.replace(commands, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes, ...children: Child[]): HTMLElementTagNameMap[K] {
    return fill(document.createElement(tag), attributes, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes, ...children: Child[]): SVGElementTagNameMap[K] {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * Text of its own direction: a name in Hebrew does not turn the figures after it. Where it is short for something, that is told on pointing at it.
 * A line may end after a comma or two colons, as between words: a list of settings breaks between two of them, a name between its parts.
 */
export function name(text: string, full = text): HTMLElement {
    const shown = plain(text, NAME_MAX);
    return element("bdi", { title: full !== text || shown.length > 40 ? plain(full, NAME_MAX) : undefined },
        ...shown.split(/(?<=,|::)/).flatMap((part, i) => i === 0 ? [part] : [element("wbr", {}), part]));
}

/** Puts these in the place of what is in an element. */
export function replace(target: Element, ...children: Child[]): void {
    target.replaceChildren(...nodes(children));
}

/** A control with its label. */
export function labelled(label: string, control: HTMLElement): HTMLElement {
    return element("label", { class: "control" }, `${label} `, control);
}

/** A choice of one of several; the first is chosen. */
export function select(label: string, options: string[], onChange: (index: number) => void): HTMLElement {
    const control = element("select", {}, ...options.map((option, i) => element("option", { value: i }, option)));
    control.addEventListener("change", () => onChange(control.selectedIndex));
    return labelled(label, control);
}

/** A part of the page that is opened by whoever wants it; what is in it is made then. */
export function details(summary: Child[], make: () => Child[], isOpen = false): HTMLDetailsElement {
    const part = element("details", { open: isOpen }, element("summary", {}, ...summary));
    if (isOpen)
        part.append(...nodes(make()));
    else
        part.addEventListener("toggle", () => part.append(...nodes(make())), { once: true });
    return part;
}

/** A way to another part of the page. */
export function link(id: string, text: Child, onFollow?: () => void): HTMLElement {
    const way = element("a", { href: `#${id}` }, text);
    if (onFollow !== undefined)
        way.addEventListener("click", onFollow);
    return way;
}

function fill<E extends Element>(target: E, attributes: Attributes, children: Child[]): E {
    for (const [key, value] of Object.entries(attributes)) {
        if (value !== undefined && value !== false)
            target.setAttribute(key, value === true ? "" : String(value));
    }
    target.append(...nodes(children));
    return target;
}

function nodes(children: Child[]): (Node | string)[] {
    return children.filter(child => child !== null && child !== undefined && child !== false).map(child => typeof child === "string" ? plain(child) : child);
}
