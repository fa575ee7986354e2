// Makes of each pages/NAME.ts one file, artifacts/web/NAME.html, that needs nothing else: script and style are in it, and a policy that lets a browser
// run and load no others. What a page shows is put where its /*data*/ stands, by the command that writes it.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, "../artifacts/web");

// Whoever passes a page on passes these libraries on: their licences ask for their notice to go with it.
const notices = ["uplot"].map(notice).join("\n");

mkdirSync(output, { recursive: true });
for (const file of readdirSync(join(here, "pages"))) {
    const name = basename(file, ".ts");
    const script = notices + (await bundle(join(here, "pages", file)));
    const style = await bundle(join(here, "page.css"));
    const policy = [
        "default-src 'none'", `script-src ${hash(script)}`, `style-src ${hash(style)}`, "img-src data:", "base-uri 'none'", "form-action 'none'",
    ].join("; ");
    const parts = { policy, style, script };
    const page = readFileSync(join(here, "page.html"), "utf8").replace(/\/\*(policy|style|script)\*\//g, (_, part) => parts[part]);
    if (page.split("/*data*/").length !== 2 || /<\/(script|style)/i.test(script + style))
        throw new Error(`${name}: its script or style holds what ends one in HTML, or the place of the data`);
    writeFileSync(join(output, `${name}.html`), page);
}

async function bundle(entry) {
    const result = await build({
        entryPoints: [entry],
        bundle: true,
        minify: true,
        write: false,
        format: "iife",
        charset: "utf8",
        legalComments: "none",
        target: ["chrome105", "firefox121", "safari15.4"],
    });
    return result.outputFiles[0].text.trim();
}

function hash(text) {
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function notice(library) {
    const folder = join(here, "node_modules", library);
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `/*! ${name} ${version}\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()} */\n`;
}
