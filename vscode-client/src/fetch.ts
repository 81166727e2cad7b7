/** `homespun models get NAME --json`, followed to its end. Knows nothing of VS Code's API, nor of bases. */

import { Command, type Outcome } from "./command";
import type { Words } from "./locate";

export type FetchEvent =
  | { readonly event: "progress"; readonly bytes: number; readonly total: number | null }
  | { readonly event: "message" | "error"; readonly message: string }
  | { readonly event: "done" };

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
  private readonly command: Command;
  private last: FetchEvent | undefined;

  constructor(
    words: Words,
    private readonly heard: (event: FetchEvent) => void,
    private readonly say: (line: string) => void,
  ) {
    this.command = new Command(words, (line) => this.read(line), say);
  }

  /** Runs the command; it rejects nothing. What has come when it is stopped is safe. */
  async run(): Promise<Outcome> {
    const outcome = await this.command.run();
    if (outcome !== "stopped" && this.last?.event === "error") {
      return { error: this.last.message };
    }
    const isCutShort = outcome === "done" && this.last?.event !== "done";
    return isCutShort ? { error: "it ended before it was done" } : outcome;
  }

  stop(): void {
    this.command.stop();
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
}
