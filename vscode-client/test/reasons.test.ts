import assert from "node:assert/strict";
import { test } from "node:test";

import { type EditorState, reasonsHere } from "../src/reasons";
import { repositoryOf } from "../src/repository";

const FINE: EditorState = {
  enabled: true,
  languageId: "python",
  languageOff: false,
  inlineSuggest: true,
  scheme: "file",
  unsaved: false,
};

test("an editor that shows suggestions gives no reason", () => {
  assert.deepEqual(reasonsHere(FINE), []);
});

test("everything that stands in the way is named, with what to do", () => {
  assert.match(reasonsHere({ ...FINE, enabled: false }).join(), /homespun\.enabled/);
  assert.match(reasonsHere({ ...FINE, inlineSuggest: false }).join(), /editor\.inlineSuggest\.enabled/);
  assert.match(reasonsHere({ ...FINE, languageOff: true }).join(), /disabledLanguages holds python/);
  assert.match(reasonsHere({ ...FINE, scheme: "vscode-scm" }).join(), /vscode-scm/);
  assert.match(reasonsHere({ ...FINE, unsaved: true }).join(), /unsaved changes/);
  assert.equal(reasonsHere({ ...FINE, enabled: false, inlineSuggest: false }).length, 2);
});

test("a file belongs to the nearest git top level above it", () => {
  const tops = ["/code/.git", "/code/project/inner/.git"];
  const holder = (file: string) => repositoryOf(file, (entry) => tops.includes(entry));
  assert.equal(holder("/code/project/inner/src/a.py"), "/code/project/inner");
  assert.equal(holder("/code/project/a.py"), "/code");
  assert.equal(holder("/elsewhere/a.py"), undefined);
});
