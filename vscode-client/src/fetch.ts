/** `homespun models get NAME --json`, followed to its end. Knows nothing of VS Code's API, nor of bases. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import * as os from "node:os";
import { createInterface } from "node:readline";

import type { Words } from "./locate";

/** How long a command that was told to stop may take; what has come is safe either way. */
const GRACE = 5_000;

export type FetchEvent =
  | { readonly event: "progress"; readonly bytes: number; readonly total: number | null }
  | { readonly event: "message" | "error"; readonly message: string }
  | { readonly event: "done" };

export type Outcome = "done" | "stopped" | { readonly error: string };

/** What a line of the command's output says; undefined for a line of another kind. */
export function eventIn(line: string): FetchEvent | undefined {
  let told: Record<string, unknown> | null;
  try {
    told = JSON.parse(line) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  const { event, message, bytes, total } = told ?? {};
  if (event === "done") {
    return { event };
  } else if ((event === "message" || event === "error") && typeof message === "string") {
    return { event, message };
  } else if (event === "progress" && typeof bytes === "number") {
    return { event, bytes, total: typeof total === "number" ? total : null };
  }
  return undefined;
}

export class Fetch {
  private child: ChildProcessWithoutNullStreams | undefined;
  private isStopped = false;
  private last: FetchEvent | undefined;

  constructor(
    private readonly words: Words,
    private readonly heard: (event: FetchEvent) => void,
    private readonly say: (line: string) => void,
  ) {}

  /** Runs the command; it rejects nothing. */
  async run(): Promise<Outcome> {
    const [program, ...first] = this.words;
    let complaint = "";
    const child = spawn(program, first, { cwd: os.homedir(), windowsHide: true });
    this.child = child;
    createInterface(child.stdout).on("line", (line) => this.read(line));
    createInterface(child.stderr).on("line", (line) => {
      complaint = line;
      this.say(line);
    });
    try {
      const [code, signal] = (await once(child, "close")) as [number | null, string | null];
      return this.outcome(code, complaint || `it ended with ${signal ?? `exit code ${code}`}`);
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

  private read(line: string): void {
    const event = eventIn(line);
    if (event === undefined) {
      this.say(line);
      return;
    }
    this.last = event;
    this.heard(event);
  }

  private outcome(code: number | null, complaint: string): Outcome {
    if (this.last?.event === "done" && code === 0) {
      return "done";
    } else if (this.isStopped) {
      return "stopped";
    }
    return { error: this.last?.event === "error" ? this.last.message : complaint };
  }
}
