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
const elsewhere = new Set();

async function newPage() {
  const opened = await browser.newPage({ viewport: { width: 1100, height: 640 } });
  opened.setDefaultTimeout(30_000);
  opened.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") {
      elsewhere.add(hostname);
    }
  });
  return opened;
}

/** Every window by its name, and the one in front. */
const windows = new Map();
let page = await newPage();
windows.set("first", page);

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

async function palette(title) {
  await page.keyboard.press("F1");
  const input = page.locator(".quick-input-widget input");
  await input.waitFor({ state: "visible" });
  await input.fill(`>${title}`);
  await page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().click();
}

async function fromExplorer(file) {
  const row = page.locator(".explorer-folders-view .monaco-list-row", { hasText: file }).first();
  await row.dblclick({ timeout: 150_000 });
  await activeTab(file);
}

const activeTab = (name) => page.locator(`.tab.active[data-resource-name="${name}"]`).waitFor();

const commands = {
  /** Go to a window, which is new if no other has its name. */
  async window({ name }) {
    page = windows.get(name) ?? (await newPage());
    windows.set(name, page);
    await page.bringToFront();
  },
  /** A file from the explorer, in a workbench on `folder` or on what the first window shows. */
  async open({ file, folder }) {
    const there = folder === undefined ? url : `${new URL(url).origin}/?folder=${folder}`;
    await page.goto(there, { waitUntil: "domcontentloaded" });
    await commands.show({ file });
  },
  /** The same, in a workbench that is open already; the file gets the keys. */
  async show({ file }) {
    await fromExplorer(file);
    await page.locator(EDITOR).filter({ visible: true }).first().click({ timeout: 150_000 });
  },
  /** A file by its whole path, the cursor at a line and column counted from 1; it gets the keys. */
  async goTo({ file, line, column }) {
    await page.keyboard.press("F1");
    const input = page.locator(".quick-input-widget input");
    await input.fill(`${file}:${line}:${column}`);
    await page.locator(".quick-input-list .monaco-list-row", { hasText: path.basename(file) }).first().waitFor();
    await page.keyboard.press("Enter");
    await activeTab(path.basename(file));
    await page.locator(`.statusbar-item[id="status.editor.selection"]`, { hasText: `Ln ${line}, Col ${column}` }).waitFor();
  },
  /** A notebook; its first cell gets the keys. */
  async showNotebook({ file }) {
    await fromExplorer(file);
    await page.locator(".cell .view-lines").first().click();
  },
  async type({ text }) {
    await page.keyboard.type(text, { delay: 40 });
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
  /** Give another name to a file that the explorer shows. */
  async rename({ file, to }) {
    await page.locator(".explorer-folders-view .monaco-list-row", { hasText: file }).first().click();
    await page.keyboard.press("F2");
    await page.locator(".explorer-item-edited input").fill(to);
    await page.keyboard.press("Enter");
  },
  /** Run what the command palette calls `title`. */
  async command({ title }) {
    await palette(title);
    await page.locator(".quick-input-widget input").waitFor({ state: "hidden" });
  },
  /** Click the entry of an open menu. */
  async choose({ label }) {
    await page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  },
  texts: ({ selector }) => texts(selector),
  labels: ({ selector }) => page.$$eval(selector, (all) => all.map((one) => one.ariaLabel)),
  pieces: ({ selector }) => pieces(selector),
  async click({ selector }) {
    await page.locator(selector).first().click();
  },
  async hover({ selector }) {
    await page.locator(selector).first().hover();
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
