/**
 * The language server's life: found, started, restarted with back-off when it dies, replaced when a setting changes.
 * What it suggests passes through unread, but for the revision it came from.
 */

import * as vscode from "vscode";
import {
  CloseAction,
  type ErrorHandler,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  RevealOutputChannelOn,
} from "vscode-languageclient/node";

import { Backoff } from "./backoff";
import { HOW, INSTALL, LOG, type Offer, RESTART, SETTINGS, offer } from "./help";
import { type Installation, type Missing, type Surroundings, type Words, locate } from "./locate";
import type { OwnInstallation } from "./own";
import { ServerProcess } from "./process";
import { pythonWithHomespun } from "./python";
import { type Settings, initializationOptions, modelFlags } from "./settings";
import type { ServerStatus, StatusItem } from "./status";

/** The server is not asked to exit for longer than this. */
const FAREWELL = 2_000;

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private process: ServerProcess | undefined;
  /** The command of the server that was started last. */
  private running: string | undefined;
  private readonly backoff = new Backoff();
  private timer: NodeJS.Timeout | undefined;
  private startedAt = 0;
  private complained: string | undefined;
  /** Counts starts, so that the end of an older server is not taken for the end of this one. */
  private generation = 0;
  private starting = false;
  private queue: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly status: StatusItem,
    private readonly own: OwnInstallation,
    private readonly settings: () => Settings,
    private readonly suggestsIn: (document: vscode.TextDocument) => boolean,
  ) {}

  /** The installation that is, or would be, used. */
  async find(): Promise<Installation | Missing> {
    return locate(await this.surroundings());
  }

  /** What `find` goes by. */
  async surroundings(): Promise<Surroundings> {
    const configured = this.settings().command;
    const windows = process.platform === "win32";
    return {
      configured,
      python: configured || !vscode.workspace.isTrusted ? undefined : await pythonWithHomespun(),
      own: this.own.python(windows),
      folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
      trusted: vscode.workspace.isTrusted,
      path: process.env["PATH"] ?? "",
      windows,
    };
  }

  /** Start, or start afresh: a user's or a setting's wish, so earlier failures are forgotten. */
  restart(): Promise<void> {
    this.backoff.forget();
    if (this.starting) {
      this.generation += 1;
      this.process?.kill(); // it may never answer, and the next start waits for this one
    }
    return this.enqueue(() => this.replace());
  }

  /** As `restart`, unless the same command runs already. */
  async reconsider(): Promise<void> {
    const found = await this.find();
    if (!("homespun" in found) || found.homespun.join(" ") !== this.running) {
      await this.restart();
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.generation += 1;
    this.process?.kill();
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.generation += 1;
    const { client, process: server } = this;
    this.client = this.process = undefined;
    try {
      await client?.dispose(FAREWELL);
    } catch (error) {
      this.log.debug(`stopping: ${String(error)}`); // it was dead already
    }
    await server?.end();
  }

  /** One start or stop at a time. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    this.queue = this.queue.then(work, work);
    return this.queue;
  }

  private async replace(): Promise<void> {
    await this.stop();
    this.status.set("starting");
    const found = await this.find();
    if (!("homespun" in found)) {
      this.running = undefined;
      this.complain(found.reason, INSTALL, HOW, SETTINGS);
      return;
    }
    this.running = found.homespun.join(" ");
    this.log.info(`starting ${this.running} (${found.where})`);
    await this.start([...found.homespun, "serve", ...modelFlags(this.settings())]);
  }

  private async start(words: Words): Promise<void> {
    this.startedAt = Date.now();
    const generation = ++this.generation;
    const server = new ServerProcess(words, (line) => this.log.info(line));
    const options = this.options(generation);
    const client = new LanguageClient("homespun", "Homespun", () => server.start(), options);
    client.onNotification("homespun/status", (status: ServerStatus) => this.status.fromServer(status));
    [this.client, this.process, this.starting] = [client, server, true];
    try {
      await client.start();
      this.complained = undefined;
      this.status.started();
    } catch (error) {
      this.log.error(`the server did not start: ${String(error)}`);
      this.ended(generation);
    } finally {
      this.starting = false;
    }
  }

  private options(generation: number): LanguageClientOptions {
    return {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "vscode-notebook-cell" }],
      initializationOptions: initializationOptions(this.settings()),
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      errorHandler: this.errorHandler(generation),
      initializationFailedHandler: () => false,
      middleware: {
        provideInlineCompletionItems: async (document, position, context, token, next) => {
          if (!this.suggestsIn(document)) {
            return [];
          }
          this.status.wait(1);
          try {
            const answer = (await next(document, position, context, token)) ?? [];
            this.noteRevision(Array.isArray(answer) ? answer : answer.items);
            return answer;
          } finally {
            this.status.wait(-1);
          }
        },
      },
    };
  }

  /** The server names the revision in the command that an acceptance sends back. */
  private noteRevision(items: readonly vscode.InlineCompletionItem[]): void {
    const served: unknown = items[0]?.command?.arguments?.[0];
    if (typeof served === "object" && served !== null && "revision" in served) {
      this.status.answeredBy(typeof served.revision === "string" ? served.revision : null);
    }
  }

  private errorHandler(generation: number): ErrorHandler {
    return {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        this.ended(generation);
        return { action: CloseAction.DoNotRestart, handled: true, message: "the connection to the server is closed" };
      },
    };
  }

  /** The server of `generation` has gone, or never came: another one, after a while. */
  private ended(generation: number): void {
    if (generation !== this.generation) {
      return; // stopped on purpose, or seen already
    }
    this.generation += 1;
    const wait = this.backoff.next(Date.now() - this.startedAt);
    if (wait === undefined) {
      this.complain("The server keeps stopping: its log says why.", LOG, RESTART);
      return;
    }
    this.log.warn(`the server stopped; starting it again in ${wait / 1000} s`);
    this.status.set("error", `The server stopped; again in ${wait / 1000} s.`);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.enqueue(() => this.replace()), wait);
  }

  /** Say once what the user has to do something about; it stays in the status bar. */
  private complain(message: string, ...offers: Offer[]): void {
    this.status.set("error", message);
    this.log.error(message);
    if (message !== this.complained) {
      this.complained = message;
      void offer(message, ...offers);
    }
  }
}
