/** A program that is followed line by line to its end and can be stopped. Knows nothing of VS Code's API. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import * as os from "node:os";
import { createInterface } from "node:readline";

import type { Words } from "./locate";

/** How long one that was told to stop may take. */
const GRACE = 5_000;

export type Outcome = "done" | "stopped" | { readonly error: string };

export class Command {
  private child: ChildProcessWithoutNullStreams | undefined;
  private isStopped = false;

  /** `heard` is given the lines of standard output, `say` those of standard error. */
  constructor(
    private readonly words: Words,
    private readonly heard: (line: string) => void,
    private readonly say: (line: string) => void,
  ) {}

  /** Runs it; it rejects nothing. An error is the last line that it said, or how it ended. */
  async run(): Promise<Outcome> {
    const [program, ...first] = this.words;
    let complaint = "";
    const child = spawn(program, first, { cwd: os.homedir(), windowsHide: true });
    this.child = child;
    createInterface(child.stdout).on("line", this.heard);
    createInterface(child.stderr).on("line", (line) => {
      complaint = line;
      this.say(line);
    });
    try {
      const [code, signal] = (await once(child, "close")) as [number | null, string | null];
      if (code === 0) {
        return "done";
      }
      return this.isStopped ? "stopped" : { error: complaint || `it ended with ${signal ?? `exit code ${code}`}` };
    } catch (error) {
      return { error: String(error) }; // it cannot be run at all
    }
  }

  /** Ends it as Ctrl-C would; Windows, which has no such signal, ends it at once. */
  stop(): void {
    this.isStopped = true;
    this.child?.kill("SIGINT");
    setTimeout(() => this.child?.kill("SIGKILL"), GRACE).unref();
  }
}
