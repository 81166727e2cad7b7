import assert from "node:assert/strict";
import { test } from "node:test";

import type { Outcome } from "../src/command";
import { Fetch, type FetchEvent, eventIn } from "../src/fetch";

interface Followed {
  readonly outcome: Outcome;
  readonly events: FetchEvent[];
  readonly said: string[];
}

/** A real process that runs `script`; `heard` may stop it. */
async function follow(script: string, heard: (fetch: Fetch) => void = () => {}): Promise<Followed> {
  const events: FetchEvent[] = [];
  const said: string[] = [];
  const fetch = new Fetch(
    [process.execPath, "-e", script],
    (event) => {
      events.push(event);
      heard(fetch);
    },
    (line) => said.push(line),
  );
  return { outcome: await fetch.run(), events, said };
}

const DONE = `console.log('{"event": "done", "path": "/bases/x"}');`;

test("every kind of event is read, and what is none is not", () => {
  assert.deepEqual(eventIn('{"event": "progress", "bytes": 3, "total": null}'), { event: "progress", bytes: 3, total: null });
  assert.deepEqual(eventIn('{"event": "message", "message": "é"}'), { event: "message", message: "é" });
  assert.deepEqual(eventIn('{"event": "done", "path": "/x"}'), { event: "done" });
  for (const line of ["", "Downloading", "null", "[]", "7", "{", '{"event": "progress", "bytes": "3"}', '{"event": "new"}']) {
    assert.equal(eventIn(line), undefined, line);
  }
});

test("a line that comes in pieces is one event, and two that come at once are two", async () => {
  const { outcome, events } = await follow(`
    const line = '{"event": "progress", "bytes": 1, "total": 2}\\n{"event": "message", "message": "é"}\\n';
    const bytes = Buffer.from(line);
    process.stdout.write(bytes.subarray(0, 9));
    setTimeout(() => process.stdout.write(bytes.subarray(9, bytes.length - 5)), 50);
    setTimeout(() => { process.stdout.write(bytes.subarray(bytes.length - 5)); ${DONE} }, 100);
  `);
  assert.equal(outcome, "done");
  assert.deepEqual(events, [
    { event: "progress", bytes: 1, total: 2 },
    { event: "message", message: "é" },
    { event: "done" },
  ]);
});

test("what is no event goes to the log", async () => {
  const { outcome, events, said } = await follow(`console.log("garbage"); console.error("a warning"); ${DONE}`);
  assert.equal(outcome, "done");
  assert.equal(events.length, 1);
  assert.deepEqual(said.sort(), ["a warning", "garbage"]);
});

test("an error is the command's own line; without one, the last that it said, or how it ended", async () => {
  const error = `console.log('{"event": "error", "message": "x was not got"}'); console.error("homespun: x"); process.exit(1)`;
  assert.deepEqual((await follow(error)).outcome, { error: "x was not got" });
  assert.deepEqual((await follow(`console.error("no such option"); process.exit(2)`)).outcome, { error: "no such option" });
  assert.deepEqual((await follow("process.exit(1)")).outcome, { error: "it ended with exit code 1" });
});

test("one that says it is done and fails is not done", async () => {
  assert.deepEqual((await follow(`${DONE} process.exitCode = 1`)).outcome, { error: "it ended with exit code 1" });
});

test("stopped, it is interrupted as Ctrl-C would, and that is no error", async () => {
  const script = `
    process.on("SIGINT", () => { console.error("interrupted"); process.exit(130); });
    console.log('{"event": "progress", "bytes": 1, "total": 2}');
    setInterval(() => {}, 1000);
  `;
  const { outcome, said } = await follow(script, (fetch) => fetch.stop());
  assert.equal(outcome, "stopped");
  assert.deepEqual(said, process.platform === "win32" ? [] : ["interrupted"]);
});

test("a command that is not there is an error", async () => {
  const outcome = await new Fetch(["/nowhere/homespun"], () => {}, () => {}).run();
  assert.match(typeof outcome === "object" ? outcome.error : "", /ENOENT/);
});
