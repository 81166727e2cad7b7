/** The server's process: its output to the log, its end made sure of. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import * as os from "node:os";
import { createInterface } from "node:readline";

import type { StreamInfo } from "vscode-languageclient/node";

import type { Words } from "./locate";

/** How long a server that was told to exit may take. */
const GRACE = 1_000;

export class ServerProcess {
  private child: ChildProcessWithoutNullStreams | undefined;

  constructor(
    private readonly words: Words,
    private readonly say: (line: string) => void,
  ) {}

  /** Starts it. Rejects if it cannot be run at all. */
  async start(): Promise<StreamInfo> {
    const [program, ...first] = this.words;
    // Not in the workspace: what lies there must not be found before what is installed.
    const child = spawn(program, first, { cwd: os.homedir(), windowsHide: true });
    this.child = child;
    createInterface(child.stderr).on("line", this.say);
    await once(child, "spawn");
    child.on("error", (error) => this.say(String(error)));
    child.on("exit", (code, signal) => this.say(`the server has ended: ${signal ?? `exit code ${code}`}`));
    return { reader: child.stdout, writer: child.stdin };
  }

  /** Ends it at once: it does not answer, or is not wanted any more. */
  kill(): void {
    this.child?.kill();
  }

  /** Ends it if it does not end by itself soon. */
  async end(): Promise<void> {
    const child = this.child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), GRACE);
    await once(child, "exit");
    clearTimeout(timer);
  }
}
