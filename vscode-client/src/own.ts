/**
 * The extension's own installation of homespun: a virtual environment in VS Code's folder for this extension, made
 * from the wheel that the extension brings. Knows nothing of VS Code's API.
 */

import * as fs from "node:fs";
import * as path from "node:path";

import { Command, type Outcome } from "./command";
import { type Surroundings, type Words, isExecutable, onPath } from "./locate";

/** Written when all is there: what an installation that broke off has left is not one. */
const WHOLE = "whole";
const A_DAY = 24 * 3_600_000;
const NEWEST = 14;
const OLDEST = 11;
/** Debian's python3 is there without what `venv` needs. */
const CAN = `import sys, venv, ensurepip; sys.exit(sys.version_info < (3, ${OLDEST}))`;

/** What an interpreter may be called, the likeliest first. */
function* names(windows: boolean): Generator<string> {
  yield windows ? "python.exe" : "python3";
  for (let minor = NEWEST; minor >= OLDEST; minor -= 1) {
    yield windows ? `python3.${minor}.exe` : `python3.${minor}`;
  }
  yield windows ? "py.exe" : "python";
}

export class OwnInstallation {
  private running: Command | undefined;
  private isStopped = false;

  /** `wheel`: what the extension brings; `storage`: the folder that VS Code keeps for it. */
  constructor(
    private readonly wheel: string,
    private readonly storage: string,
    private readonly version: string,
  ) {}

  /** Its interpreter, if it is whole and of the extension's version. */
  python(windows: boolean): string | undefined {
    const root = this.folders().find((folder) => fs.existsSync(path.join(folder, WHOLE)) && this.isOfThis(folder));
    return root && interpreter(root, windows);
  }

  /** Whether there is something to install: an extension that was built alone brings no wheel. */
  canBeMade(): boolean {
    return fs.existsSync(this.wheel);
  }

  /** Makes it with the first interpreter on PATH that can; it rejects nothing. */
  async make(around: Surroundings, say: (line: string) => void): Promise<Outcome> {
    this.isStopped = false;
    // A folder of its own each time: another window may be at it too, and a virtual environment cannot be moved.
    const root = path.join(this.storage, `${this.prefix}${Date.now().toString(36)}`);
    let outcome = await this.makeIn(root, around, say);
    if (outcome === "done") {
      outcome = await fs.promises.writeFile(path.join(root, WHOLE), "").then(
        () => "done" as const,
        (error: unknown) => ({ error: String(error) }),
      );
    }
    const isDone = outcome === "done";
    const stale = this.folders().filter((folder) =>
      isDone ? !this.isOfThis(folder) || brokeOff(folder) : folder === root,
    );
    for (const folder of stale) {
      await fs.promises.rm(folder, { recursive: true, force: true }).catch((error: unknown) => say(String(error)));
    }
    return outcome;
  }

  stop(): void {
    this.isStopped = true;
    this.running?.stop();
  }

  private async makeIn(root: string, around: Surroundings, say: (line: string) => void): Promise<Outcome> {
    const python = await this.usable(around);
    if (python === undefined) {
      return this.isStopped ? "stopped" : { error: `No Python 3.${OLDEST} or newer with its venv module on PATH.` };
    }
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
    const made = await this.step([python, "-I", "-m", "venv", root], say);
    const own = interpreter(root, around.windows);
    return made === "done" ? await this.step([own, "-I", ...pip, `${this.wheel}[train]`], say) : made;
  }

  private async step(words: Words, say: (line: string) => void): Promise<Outcome> {
    if (this.isStopped) {
      return "stopped";
    }
    say(words.join(" "));
    this.running = new Command(words, say, say);
    const outcome = await this.running.run();
    this.running = undefined;
    return outcome;
  }

  private async usable(around: Surroundings): Promise<string | undefined> {
    for (const name of names(around.windows)) {
      for (const file of onPath(name, around)) {
        if (isExecutable(file) && (await this.step([file, "-I", "-c", CAN], () => {})) === "done") {
          return file;
        }
      }
    }
    return undefined;
  }

  private get prefix(): string {
    return `server-${this.version}-`;
  }

  private isOfThis(folder: string): boolean {
    return path.basename(folder).startsWith(this.prefix);
  }

  /** Every installation, whole or not, of any version. */
  private folders(): string[] {
    if (!fs.existsSync(this.storage)) {
      return [];
    }
    const found = fs.readdirSync(this.storage).filter((name) => name.startsWith("server-"));
    return found.sort().map((name) => path.join(this.storage, name));
  }
}

/** Whether a window was closed in the middle of it: nothing takes a day. */
function brokeOff(folder: string): boolean {
  return !fs.existsSync(path.join(folder, WHOLE)) && Date.now() - fs.statSync(folder).mtimeMs > A_DAY;
}

function interpreter(root: string, windows: boolean): string {
  return windows ? path.join(root, "Scripts", "python.exe") : path.join(root, "bin", "python");
}
