/** The status bar item: ready, thinking, off or error, and the adapter's revision. */

import * as vscode from "vscode";

import { shortRevision } from "./revision";

/** The server's `homespun/status` notification. */
export interface ServerStatus {
  readonly state: string;
  readonly base?: string | null;
  /** Whether the base has its generic adapter where no repository's is. */
  readonly generic?: boolean;
  readonly revision?: string | null;
  readonly repository?: string | null;
  readonly message?: string | null;
  /** The server that answers in place of this machine. */
  readonly remote?: string | null;
}

/** A request shorter than this shows no spinner: the item would flicker at every key. */
const THINKING_AFTER = 250;

export class StatusItem implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly revisions = new Map<string, string | null>();
  private enabled = true;
  private state = "starting";
  private base: string | undefined;
  private generic = false;
  private remote: string | undefined;
  private served: string | undefined;
  private offered: string | undefined;
  /** Whether the message only says that there is a better base: what is offered says it as a link. */
  private hinted = false;
  private revision: string | undefined;
  private message: string | undefined;
  private waiting = 0;
  private thinking = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly answers = new vscode.EventEmitter<void>();
  /** Another base answers, or none does. */
  readonly onAnswering = this.answers.event;

  constructor() {
    this.item = vscode.window.createStatusBarItem("homespun.status", vscode.StatusBarAlignment.Right, 90);
    this.item.name = "Homespun";
    this.item.command = "homespun.menu";
    this.draw();
    this.item.show();
  }

  setEnabled(enabled: boolean): void {
    this.enabled = enabled;
    this.draw();
  }

  /** The server is starting or has stopped; `message` says what the user should know. */
  set(state: "starting" | "error", message?: string): void {
    this.state = state;
    this.message = message;
    this.base = this.remote = undefined; // a new server says anew what it serves
    this.generic = false;
    this.forgetRevisions();
    this.draw();
    this.note(undefined);
  }

  /** The server has answered; if it says more of itself, such as that it is loading, that holds. */
  started(): void {
    if (this.state === "starting") {
      this.state = "ready";
      this.draw();
    }
  }

  fromServer(status: ServerStatus): void {
    const trouble = status.state === "error";
    // Trouble with one repository's adapter leaves the server at work, and the others'.
    this.state = trouble && status.repository ? "ready" : status.state;
    this.message = status.message ?? undefined;
    this.hinted = status.state === "ready" && !status.repository;
    this.base = status.base ?? this.base;
    this.generic = status.generic ?? false;
    if ((status.remote ?? undefined) !== this.remote) {
      this.remote = status.remote ?? undefined;
      this.forgetRevisions(); // somebody else answers
    }
    if (status.repository) {
      this.revisions.set(status.repository, status.revision ?? null);
      this.revision = status.revision ?? undefined;
    }
    this.draw();
    if (status.state === "ready" && status.base) {
      this.note(status.base);
    }
  }

  /** The base that answers; undefined where none is loaded. */
  get answering(): string | undefined {
    return this.served;
  }

  /** Something to get, in the words of the menu; undefined where there is nothing. */
  offer(label: string | undefined): void {
    this.offered = label;
    this.draw();
  }

  private forgetRevisions(): void {
    this.revisions.clear();
    this.revision = undefined;
  }

  private note(base: string | undefined): void {
    if (base !== this.served) {
      this.served = base;
      this.answers.fire();
    }
  }

  /** The last answer came from this revision: that of the document in front of the user. */
  answeredBy(revision: string | null): void {
    const shown = revision ?? undefined;
    if (shown !== this.revision) {
      this.revision = shown;
      this.draw();
    }
  }

  /** One request more (1) or less (-1) is waiting for the server. */
  wait(change: 1 | -1): void {
    this.waiting += change;
    if (this.waiting > 0) {
      this.timer ??= setTimeout(() => this.think(true), THINKING_AFTER);
      return;
    }
    clearTimeout(this.timer);
    this.timer = undefined;
    this.think(false);
  }

  private think(thinking: boolean): void {
    if (thinking !== this.thinking) {
      this.thinking = thinking;
      this.draw();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.answers.dispose();
    this.item.dispose();
  }

  private draw(): void {
    const [icon, word] = this.face();
    const revision = this.enabled ? this.revision : undefined;
    this.item.text = `$(${icon}) Homespun${revision === undefined ? "" : ` ${shortRevision(revision)}`}`;
    const adapter = revision === undefined ? "" : `, adapter ${revision}`;
    const where = this.remote === undefined ? "" : `, at ${this.remote}`;
    this.item.accessibilityInformation = { label: `Homespun: ${word}${adapter}${where}` };
    this.item.tooltip = this.tooltip(word);
    this.item.backgroundColor =
      word === "error" ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
  }

  private face(): [string, string] {
    if (!this.enabled) {
      return ["circle-slash", "off"];
    } else if (this.state === "error") {
      return ["warning", "error"];
    } else if (this.state !== "ready") {
      return ["loading~spin", this.state];
    }
    return this.thinking ? ["loading~spin", "thinking"] : ["check", "ready"];
  }

  private tooltip(word: string): vscode.MarkdownString {
    const lines = [`Homespun: ${word}`];
    if (this.base !== undefined) {
      lines.push(`base: ${this.base}${this.generic ? " + generic" : ""}`);
    }
    if (this.remote !== undefined) {
      lines.push(`what you type goes to ${this.remote}`);
    }
    for (const [repository, revision] of this.revisions) {
      lines.push(`${repository}: ${revision ?? "no adapter yet"}`);
    }
    if (this.message !== undefined && !(this.hinted && this.offered !== undefined)) {
      lines.push(this.message);
    }
    const text = new vscode.MarkdownString();
    text.appendText(lines.join("\n")); // plain: messages may hold names from a repository
    if (this.offered !== undefined) {
      text.appendMarkdown(`\n\n[${this.offered}](command:homespun.better)`);
      text.isTrusted = { enabledCommands: ["homespun.better"] };
    }
    return text;
  }
}
