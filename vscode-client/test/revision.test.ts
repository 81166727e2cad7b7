import assert from "node:assert/strict";
import { test } from "node:test";

import { shortRevision } from "../src/revision";

test("of a revision's name the hash is shown; a name of another kind is shown whole", () => {
  assert.equal(shortRevision("20261125T012020.223811Z-66b17aa2"), "66b17aa2");
  assert.equal(shortRevision("r0007"), "r0007");
});
