import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { test } from "node:test";

import { Backoff } from "../src/backoff";
import { finetuneFlags, initializationOptions, modelFlags, readSettings, storeFlags } from "../src/settings";

interface Manifest {
  contributes: { configuration: { properties: Record<string, { scope: string; default: unknown }> } };
}
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
const properties = manifest.contributes.configuration.properties;

test("the defaults of package.json ask the server for nothing but its status", () => {
  const settings = readSettings((name) => properties[`homespun.${name}`]?.default);
  assert.deepEqual(modelFlags(settings), []);
  assert.deepEqual(initializationOptions(settings), { status: true });
  assert.equal(settings.enabled, true);
});

test("what a workspace must not set is scoped to the machine and travels as a flag", () => {
  const local = { command: "/x", base: "b", store: "/s", device: "cpu", fimFormat: "f" };
  const machine = { ...local, remote: "https://r", remoteBase: "q" };
  for (const name of Object.keys(machine)) {
    assert.equal(properties[`homespun.${name}`]?.scope, "machine", name);
  }
  const settings = readSettings((name) => machine[name as keyof typeof machine]);
  const flags = "--base b --store /s --device cpu --fim-format f --remote https://r --remote-base q";
  assert.deepEqual(modelFlags(settings), flags.split(" "));
  assert.deepEqual(finetuneFlags(settings), "--base b --store /s --fim-format f".split(" "));
  assert.deepEqual(initializationOptions(settings), { status: true });
});

test("rolled back is what answers; before that is known, what the setting names", () => {
  const set = { base: "b", store: "/s" };
  const settings = readSettings((name) => set[name as keyof typeof set]);
  assert.deepEqual(storeFlags(settings, "starter"), ["--base", "starter", "--store", "/s"]);
  assert.deepEqual(storeFlags(settings, undefined), ["--base", "b", "--store", "/s"]);
  assert.deepEqual(storeFlags(readSettings(() => ""), undefined), []);
});

test("~ is the home folder in paths, and only at their beginning", () => {
  const paths = { command: "~/bin/homespun", base: "/a/~/b", store: "~/adapters" };
  const settings = readSettings((name) => paths[name as keyof typeof paths]);
  assert.equal(settings.command, `${homedir()}/bin/homespun`);
  assert.deepEqual(modelFlags(settings), ["--base", "/a/~/b", "--store", `${homedir()}/adapters`]);
});

test("what a workspace may set goes to the server, which bounds it", () => {
  const set = { exclude: ["*.sql"], maxNewTokens: 20, idleMinutes: 0, usage: false };
  const settings = readSettings((name) => set[name as keyof typeof set]);
  const sent = { status: true, exclude: ["*.sql"], max_new_tokens: 20, usage: false, idle_minutes: 0 };
  assert.deepEqual(initializationOptions(settings), sent);
});

test("a value of the wrong type counts as not set", () => {
  const settings = readSettings(() => 7);
  assert.equal(settings.base, "");
  assert.deepEqual(settings.exclude, []);
});

test("waits double up to a minute, and end; a steady run forgives", () => {
  const backoff = new Backoff();
  const waits = Array.from({ length: 7 }, () => backoff.next(10));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 32000, undefined]);
  assert.equal(backoff.next(120_000), 1000);
  backoff.forget();
  assert.equal(backoff.next(10), 1000);
});
