/**
 * Where homespun is installed, and so how its programs are run. Pure: what lies on the disk, which interpreter is
 * selected and whether the workspace is trusted is said by the caller.
 */

import * as fs from "node:fs";
import * as path from "node:path";

/** A program and the words that come before its own arguments. */
export type Words = readonly [string, ...string[]];

export interface Installation {
  readonly homespun: Words;
  readonly finetune: Words;
  /** How it was found, to be read by people. */
  readonly where: string;
}

export interface Missing {
  readonly reason: string;
}

export interface Surroundings {
  /** The setting homespun.command; empty if there is none. */
  readonly configured: string;
  /** The interpreter selected in the Python extension, if there is one and it has homespun. */
  readonly python: string | undefined;
  /** The interpreter of the extension's own installation, if there is one. */
  readonly own: string | undefined;
  /** Folders of the workspace. */
  readonly folders: readonly string[];
  readonly trusted: boolean;
  /** The PATH variable. */
  readonly path: string;
  readonly windows: boolean;
}

export function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** -P: a module of that name in the folder it is run in must not stand in for ours. */
export function moduleOf(python: string, module: string): Words {
  return [python, "-P", "-m", module];
}

function named(name: string, windows: boolean): string {
  return windows ? `${name}.exe` : name;
}

/** Both programs, from the path of one: an installation keeps them side by side. */
function beside(homespun: string, where: string, windows: boolean): Installation {
  const finetune = path.join(path.dirname(homespun), named("finetune-repo", windows));
  return { homespun: [homespun], finetune: [finetune], where };
}

function inside(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const relative = path.relative(folder, file);
    return !relative.startsWith("..") && !path.isAbsolute(relative);
  });
}

/** Where PATH may have a file of that name. */
export function* onPath(name: string, around: Surroundings): Generator<string> {
  for (const folder of around.path.split(path.delimiter)) {
    // A relative entry names another folder wherever one stands; an untrusted workspace may be one that PATH names.
    if (path.isAbsolute(folder) && (around.trusted || !inside(folder, around.folders))) {
      yield path.join(folder, name);
    }
  }
}

function* candidates(around: Surroundings): Generator<[file: string, where: string]> {
  const name = named("homespun", around.windows);
  const scripts = around.windows ? "Scripts" : "bin";
  if (around.trusted) {
    for (const folder of around.folders) {
      yield [path.join(folder, ".venv", scripts, name), ".venv of the workspace"];
    }
  }
  for (const file of onPath(name, around)) {
    yield [file, "PATH"];
  }
}

/** Both programs as modules of an interpreter. */
function modulesOf(python: string, where: string): Installation {
  return {
    homespun: moduleOf(python, "homespun_server.cli"),
    finetune: moduleOf(python, "homespun_finetune.cli"),
    where,
  };
}

function fromSetting(around: Surroundings, runs: (file: string) => boolean): Installation | Missing {
  const file = around.configured;
  if (path.isAbsolute(file) && runs(file)) {
    return beside(file, "the setting homespun.command", around.windows);
  }
  const fault = path.isAbsolute(file) ? "which cannot be run" : "which is not an absolute path";
  return { reason: `The setting homespun.command names ${file}, ${fault}.` };
}

/**
 * The setting if there is one, else the selected Python environment, a trusted workspace's .venv, PATH, or what the
 * extension has installed.
 */
export function locate(
  around: Surroundings,
  runs: (file: string) => boolean = isExecutable,
): Installation | Missing {
  if (around.configured) {
    return fromSetting(around, runs);
  }
  // Whoever wrote an untrusted workspace may have had a say in which interpreter is selected.
  if (around.python !== undefined && around.trusted) {
    return modulesOf(around.python, "the selected Python environment");
  }
  for (const [file, where] of candidates(around)) {
    if (runs(file)) {
      return beside(file, where, around.windows);
    }
  }
  return around.own === undefined ? missing(around.trusted) : modulesOf(around.own, "installed by the extension");
}

function missing(trusted: boolean): Missing {
  const tried = trusted ? "the selected Python environment, .venv or PATH" : "PATH";
  const trust = trusted ? "" : " The selected environment and .venv count once you trust the workspace.";
  return {
    reason: `No homespun executable in ${tried}. Install homespun there, or name it in the setting homespun.command.${trust}`,
  };
}
