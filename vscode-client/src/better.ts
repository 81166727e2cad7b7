/** Brings the base that this machine would better have, where the user asks for it. How is the command's business. */

import { execFile } from "node:child_process";
import * as os from "node:os";
import { promisify } from "node:util";

import * as vscode from "vscode";

import { type Better, STARTER, betterIn, chosenIn, offerOf, progressOf } from "./bases";
import type { Outcome } from "./command";
import { Fetch, type FetchEvent } from "./fetch";
import { HOW, INSTALL, LOG, SETTINGS, offer } from "./help";
import type { Words } from "./locate";
import type { Server } from "./server";
import type { Settings } from "./settings";
import type { StatusItem } from "./status";

const LIST_TIMEOUT = 30_000;

export class BetterModel implements vscode.Disposable {
  private found: Better | undefined;
  private fetch: Fetch | undefined;
  private isGetting = false;
  /** Counts looks, so that an older one says nothing after a newer one. */
  private looks = 0;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly server: Server,
    private readonly status: StatusItem,
    private readonly settings: () => Settings,
  ) {
    status.onAnswering(() => void this.look());
  }

  /** What there is to get, as of the last look. */
  get better(): Better | undefined {
    return this.found;
  }

  /** Gets it and has it used, with its progress shown; a second wish at the same time changes nothing. */
  async get(): Promise<void> {
    if (this.isGetting) {
      this.say("a better model is coming already.");
      return;
    }
    this.isGetting = true;
    try {
      await this.getOnce();
    } finally {
      this.isGetting = false;
    }
  }

  dispose(): void {
    this.fetch?.stop();
  }

  private async getOnce(): Promise<void> {
    const program = await this.program();
    if (program === undefined) {
      return;
    }
    const found = await this.look();
    if (found === undefined) {
      this.say(this.whyNone());
      return;
    }
    const { name } = found;
    const outcome = await this.bring(name, program);
    await this.look();
    await this.tell(name, program, outcome);
  }

  /** Unless another base answers, or is named in the settings, which goes before anything that is here. */
  private async look(): Promise<Better | undefined> {
    const look = ++this.looks;
    const isOpen = (this.status.answering ?? STARTER) === STARTER && !this.settings().base;
    const found = isOpen ? await this.find() : undefined;
    if (look === this.looks) {
      this.found = found;
      this.status.offer(found && offerOf(found));
    }
    return found;
  }

  private async find(): Promise<Better | undefined> {
    const found = await this.server.find();
    try {
      return "homespun" in found ? betterIn(await listed(found.homespun)) : undefined;
    } catch (error) {
      this.log.warn(`no better model is offered: ${String(error)}`);
      return undefined;
    }
  }

  private whyNone(): string {
    const { base } = this.settings();
    if (base) {
      return `the setting homespun.base names ${base}, which is used.`;
    }
    const answering = this.status.answering ?? STARTER;
    return answering === STARTER ? "there is no better model to get for this machine." : `${answering} answers already.`;
  }

  private async program(): Promise<Words | undefined> {
    const found = await this.server.find();
    if ("homespun" in found) {
      return found.homespun;
    }
    void offer(found.reason, INSTALL, HOW, SETTINGS);
    return undefined;
  }

  private async bring(name: string, program: Words): Promise<Outcome> {
    const options = { location: vscode.ProgressLocation.Notification, title: `Homespun: getting ${name}` };
    return await vscode.window.withProgress({ ...options, cancellable: true }, async (progress, token) => {
      const words: Words = [...program, "models", "get", name, "--json"];
      this.log.info(words.join(" "));
      this.fetch = new Fetch(words, this.follow(progress), (line) => this.log.info(line));
      token.onCancellationRequested(() => this.fetch?.stop());
      try {
        return await this.fetch.run();
      } finally {
        this.fetch = undefined;
      }
    });
  }

  private follow(progress: vscode.Progress<{ message?: string; increment?: number }>): (event: FetchEvent) => void {
    let shown = 0; // percent
    return (event) => {
      if (event.event === "progress") {
        const percent = event.total ? (100 * event.bytes) / event.total : 0;
        progress.report({ message: progressOf(event.bytes, event.total), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      } else if (event.event !== "done") {
        this.log.info(event.message);
      }
    };
  }

  private async tell(name: string, program: Words, outcome: Outcome): Promise<void> {
    if (outcome === "stopped") {
      this.say(`${name} is not here yet; what has come of it is kept. "Get a Better Model" goes on from there.`);
    } else if (outcome !== "done") {
      this.log.error(outcome.error);
      void offer(outcome.error, LOG);
    } else {
      await this.use(name, program);
    }
  }

  /** The best that is here is used anyway, but for somebody who chose the starter. */
  private async use(name: string, program: Words): Promise<void> {
    try {
      if (chosenIn(await listed(program)) !== name) {
        await output([...program, "models", "use", name]);
      }
      this.say(`${name} is here, and answers in a moment.`);
    } catch (error) {
      this.log.error(String(error));
      void offer(`${name} is here, but could not be chosen.`, LOG);
    }
  }

  private say(message: string): void {
    void vscode.window.showInformationMessage(`Homespun: ${message}`);
  }
}

function listed(program: Words): Promise<string> {
  return output([...program, "models", "list", "--json"]);
}

/** Rejects with what the command says where it fails. */
async function output([program, ...words]: Words): Promise<string> {
  return (await promisify(execFile)(program, words, { cwd: os.homedir(), timeout: LIST_TIMEOUT })).stdout;
}
