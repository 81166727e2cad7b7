import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import type { Surroundings } from "../src/locate";
import { OwnInstallation } from "../src/own";

// What stands in for Python makes the folders that the real one does; the real one is tried in the real editor.
const skip = process.platform === "win32" ? "the stand-in is a shell's script" : false;

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "own-"));
  fs.writeFileSync(path.join(folder, "homespun.whl"), "");
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** An interpreter on PATH called `name`; `can`: whether it is new enough; `pip`: what installing does. */
function python(name: string, { can = true, pip = "echo Collecting torch" } = {}): void {
  const bin = path.join(folder, "bin");
  fs.mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh
case "$*" in
  *"-I -c "*) exit ${can ? 0 : 1} ;;
  *venv*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  *pip*) ${pip} ;;
esac
`;
  fs.writeFileSync(path.join(bin, name), script, { mode: 0o755 });
}

function own(version = "1.0"): OwnInstallation {
  return new OwnInstallation(path.join(folder, "homespun.whl"), path.join(folder, "storage"), version);
}

function around(): Surroundings {
  const path_ = path.join(folder, "bin");
  return { configured: "", python: undefined, own: undefined, folders: [], trusted: true, path: path_, windows: false };
}

function left(): string[] {
  const storage = path.join(folder, "storage");
  return fs.existsSync(storage) ? fs.readdirSync(storage) : [];
}

test("made with an interpreter that can, found afterwards, by its version alone", { skip }, async () => {
  python("python3", { can: false });
  python("python3.12");
  const said: string[] = [];
  assert.equal(own().python(false), undefined);
  assert.equal(await own().make(around(), (line) => said.push(line)), "done");
  const found = own().python(false);
  assert.ok(found && fs.existsSync(found));
  assert.equal(own("1.1").python(false), undefined);
  assert.match(said.join("\n"), /bin\/python3\.12 -I -m venv .*homespun\.whl\[train\]\nCollecting torch/s);
});

test("a newer version's takes the place of an older one, and of what broke off", { skip }, async () => {
  python("python3");
  await own().make(around(), () => {});
  const broken = ["server-0.9-broken", "server-1.1-old", "server-1.1-coming"].map((name) => path.join(folder, "storage", name));
  broken.forEach((name) => fs.mkdirSync(name));
  fs.utimesSync(broken[1] ?? "", 1, 1);
  assert.equal(await own("1.1").make(around(), () => {}), "done");
  assert.equal(left().length, 2, "the new one, and what another window may be at");
  assert.equal(own().python(false), undefined);
  assert.ok(own("1.1").python(false));
});

test("one that another window makes at the same time stays", { skip }, async () => {
  python("python3");
  await own().make(around(), () => {});
  const first = own().python(false);
  await own().make(around(), () => {});
  assert.equal(own().python(false), first);
});

test("what fails says why and leaves nothing", { skip }, async () => {
  python("python3", { pip: "echo 'ERROR: no torch' >&2; exit 1" });
  assert.deepEqual(await own().make(around(), () => {}), { error: "ERROR: no torch" });
  assert.deepEqual(left(), []);
});

test("stopped, it leaves nothing, and can be made again", { skip }, async () => {
  python("python3", { pip: "echo waiting; exec sleep 30" });
  const installation = own();
  const outcome = installation.make(around(), (line) => line === "waiting" && installation.stop());
  assert.equal(await outcome, "stopped");
  assert.deepEqual(left(), []);
  python("python3");
  assert.equal(await installation.make(around(), () => {}), "done");
});

test("without a Python that can, it says so", async () => {
  const outcome = await own().make(around(), () => {});
  assert.match(typeof outcome === "object" ? outcome.error : "", /No Python 3\.11 or newer/);
});
