// Eyes and hands for workbench.py: reads one command a line from standard input, does it in VS Code's workbench with
// headless Chromium, answers with one line. Every wait is for a condition. Knows nothing about Homespun.
//
//   node workbench.mjs NODE_MODULES CHROMIUM URL
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import path from "node:path";

const [modules, executablePath, url] = process.argv.slice(2);
const { chromium } = createRequire(path.join(modules, "x.js"))("playwright-core");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
const EDITOR = ".editor-group-container .monaco-editor .view-lines";

const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
const page = await browser.newPage({ viewport: { width: 1100, height: 640 } });
page.setDefaultTimeout(60_000);
const elsewhere = new Set();
page.on("request", (request) => {
  const { hostname, protocol } = new URL(request.url());
  if (protocol.startsWith("http") && hostname !== "127.0.0.1") {
    elsewhere.add(hostname);
  }
});

/** Visible text of every element that matches, with ordinary spaces. */
const texts = (selector) =>
  page.$$eval(selector, (all) => all.map((one) => (one.textContent ?? "").replaceAll("\u00a0", " ")));

/** Every piece of text inside an element that matches, once each, in the order of the page. */
const pieces = (selector) =>
  page.evaluate((wanted) => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (walker.currentNode.parentElement?.closest(wanted)) {
        found.push(walker.currentNode.data.replaceAll("\u00a0", " "));
      }
    }
    return found.join("");
  }, selector);

const commands = {
  async open({ file }) {
    await page.goto(url, { waitUntil: "domcontentloaded" });
    const row = page.locator(".explorer-folders-view .monaco-list-row", { hasText: file });
    await row.dblclick({ timeout: 150_000 });
    await page.locator(EDITOR).first().click({ timeout: 150_000 });
  },
  async type({ text }) {
    await page.keyboard.type(text, { delay: 40 });
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
  /** Run what the command palette calls `title`. */
  async command({ title }) {
    await page.keyboard.press("F1");
    const input = page.locator(".quick-input-widget input");
    await input.waitFor({ state: "visible" });
    await input.fill(`>${title}`);
    await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
    await input.waitFor({ state: "hidden" });
  },
  /** Click the entry of an open menu. */
  async choose({ label }) {
    await page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  },
  texts: ({ selector }) => texts(selector),
  pieces: ({ selector }) => pieces(selector),
  async click({ selector }) {
    await page.locator(selector).first().click();
  },
  async screenshot({ file }) {
    await page.screenshot({ path: file });
  },
  elsewhere: () => [...elsewhere],
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...options } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](options)) ?? null };
  } catch (error) {
    answer = { error: String(error).slice(0, 2000) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
