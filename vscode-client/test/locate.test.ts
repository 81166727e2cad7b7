import assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";

import { type Surroundings, locate } from "../src/locate";

const NOWHERE: Surroundings = {
  configured: "",
  python: undefined,
  own: undefined,
  folders: ["/code/project"],
  trusted: true,
  path: ["/usr/bin", "/opt/bin"].join(path.delimiter),
  windows: false,
};

/** The command that `locate` finds when only `files` can be run. */
function found(around: Partial<Surroundings>, ...files: string[]): string | undefined {
  const result = locate({ ...NOWHERE, ...around }, (file) => files.includes(file));
  return "homespun" in result ? result.homespun.join(" ") : undefined;
}

function reason(around: Partial<Surroundings>): string {
  const result = locate({ ...NOWHERE, ...around }, () => false);
  return "reason" in result ? result.reason : "";
}

test("the order is setting, selected environment, .venv, PATH", () => {
  const python = "/envs/a/bin/python";
  const all = ["/x/homespun", "/code/project/.venv/bin/homespun", "/opt/bin/homespun"];
  assert.equal(found({ python, configured: "/x/homespun" }, ...all), "/x/homespun");
  assert.equal(found({ python }, ...all), "/envs/a/bin/python -P -m homespun_server.cli");
  assert.equal(found({}, ...all), "/code/project/.venv/bin/homespun");
  assert.equal(found({}, "/opt/bin/homespun"), "/opt/bin/homespun");
});

test("a setting that cannot be run is an error, not a reason to look elsewhere", () => {
  assert.equal(found({ configured: "/x/homespun" }, "/opt/bin/homespun"), undefined);
  assert.match(reason({ configured: "/x/homespun" }), /names \/x\/homespun, which cannot be run/);
});

test("the setting is an absolute path", () => {
  assert.equal(found({ configured: "bin/homespun" }, "bin/homespun"), undefined);
  assert.match(reason({ configured: "bin/homespun" }), /which is not an absolute path/);
});

test("nothing inside an untrusted workspace is run, wherever it is named", () => {
  const inside = "/code/project/.venv/bin/homespun";
  const around = { trusted: false, path: "/code/project/.venv/bin" };
  assert.equal(found(around, inside), undefined);
  assert.equal(found({ ...around, trusted: true }, inside), inside);
  assert.equal(found({ trusted: false }, "/usr/bin/homespun"), "/usr/bin/homespun");
});

test("an untrusted workspace has no say in the interpreter", () => {
  assert.equal(found({ trusted: false, python: "/envs/a/bin/python" }), undefined);
});

test("relative entries of PATH are passed over", () => {
  assert.equal(found({ path: `.${path.delimiter}bin` }, "homespun", "bin/homespun"), undefined);
});

test("what the extension has installed comes last, in an untrusted workspace too", () => {
  const own = "/storage/server-1/bin/python";
  assert.equal(found({ own }, "/opt/bin/homespun"), "/opt/bin/homespun");
  assert.equal(found({ own, trusted: false }), `${own} -P -m homespun_server.cli`);
});

test("every folder of the workspace may hold the .venv", () => {
  const second = "/code/other/.venv/bin/homespun";
  assert.equal(found({ folders: ["/code/project", "/code/other"] }, second), second);
});

test("what is missing is said with what to do", () => {
  assert.match(reason({ trusted: false }), /Install homespun.*homespun\.command.*trust/);
  assert.doesNotMatch(reason({}), /trust/);
});

test("finetune-repo is that of the same installation", () => {
  const finetune = (around: Partial<Surroundings>) => {
    const result = locate({ ...NOWHERE, ...around }, () => true);
    return "finetune" in result ? result.finetune.join(" ") : undefined;
  };
  assert.equal(finetune({ configured: "/envs/a/bin/homespun" }), "/envs/a/bin/finetune-repo");
  assert.equal(finetune({ python: "/envs/a/bin/python" }), "/envs/a/bin/python -P -m homespun_finetune.cli");
});
