import assert from "node:assert/strict";
import { test } from "node:test";

import { betterEntries, betterIn, chosenIn, offerOf, progressOf } from "../src/bases";

const BEST = { name: "qwen2.5-coder-0.5b-instruct", here: false, recommended: true, size: 491_400_064, fetched: 0 };
const OTHERS = [
  { name: "starter", here: true, recommended: false, size: null, fetched: 0 },
  { name: "starcoder2-3b", here: false, recommended: false, size: null, fetched: 0 },
  { name: "my-own", here: true },
];

function listed(best: Partial<typeof BEST>, chosen: string | null = "starter"): string {
  return JSON.stringify({ chosen, models: [...OTHERS, { ...BEST, ...best }] });
}

test("what is recommended is offered while the starter is used and it is not here", () => {
  assert.deepEqual(betterIn(listed({})), { name: BEST.name, size: BEST.size, fetched: 0 });
  assert.equal(betterIn(listed({ here: true })), undefined);
  assert.equal(betterIn(listed({ recommended: false })), undefined);
  assert.equal(betterIn(listed({}, "starcoder2-3b")), undefined);
  assert.equal(betterIn(listed({}, null)), undefined);
});

test("a server from before there was a recommendation offers nothing", () => {
  assert.equal(betterIn(JSON.stringify({ chosen: "starter", models: OTHERS })), undefined);
});

test("the base in use is told", () => {
  assert.equal(chosenIn(listed({}, BEST.name)), BEST.name);
  assert.equal(chosenIn(listed({}, null)), null);
});

test("the menu has one entry for it, with its real size, and none where there is nothing to get", () => {
  assert.deepEqual(betterEntries(undefined), []);
  const [entry, ...more] = betterEntries(betterIn(listed({})));
  assert.deepEqual(more, []);
  assert.match(entry?.label ?? "", /Get a better model \(0\.5 GB\)$/);
  assert.match(entry?.description ?? "", /^qwen2\.5-coder-0\.5b-instruct/);
  assert.equal(entry?.command, "better");
});

test("sizes are said as people say them, and what is here already too", () => {
  const name = BEST.name;
  assert.equal(offerOf({ name, size: 1_117_320_768, fetched: 0 }), "Get a better model (1.1 GB)");
  assert.equal(offerOf({ name, size: 491_400_064, fetched: 12_000_001 }), "Get a better model (0.5 GB, 13 MB of it here)");
  assert.equal(offerOf({ name, size: undefined, fetched: 0 }), "Get a better model");
  assert.equal(progressOf(123_400_000, 491_400_064), "123 of 491 MB");
  assert.equal(progressOf(123_400_000, null), "123 MB");
});
