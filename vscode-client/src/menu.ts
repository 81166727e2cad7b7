/** What the menu and the command palette offer: programs of the server's installation, run where one sees them. */

import { execFile } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";

import * as vscode from "vscode";

import { betterEntries } from "./bases";
import type { BetterModel } from "./better";
import { HOW, INSTALL, SETTINGS, offer } from "./help";
import type { Install } from "./install";
import { type Installation, type Words, isExecutable } from "./locate";
import { reasonsHere } from "./reasons";
import { repositoryOf } from "./repository";
import type { Server } from "./server";
import { type Settings, finetuneFlags, modelFlags, storeFlags } from "./settings";
import type { StatusItem } from "./status";

const DOCTOR_TIMEOUT = 120_000; // it loads the base

export class Menu {
  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly server: Server,
    private readonly status: StatusItem,
    private readonly better: BetterModel,
    private readonly install: Install,
    private readonly settings: () => Settings,
  ) {}

  register(): vscode.Disposable[] {
    const commands: Record<string, () => unknown> = {
      menu: () => this.show(),
      toggle: () => this.toggle(),
      doctor: () => this.doctor(),
      log: () => this.log.show(),
      better: () => this.better.get(),
      install: () => this.install.run(),
      finetune: () => this.finetune(),
      rollback: () => this.rollback(),
      restart: () => this.server.restart(),
    };
    return Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(`homespun.${name}`, run),
    );
  }

  private async show(): Promise<void> {
    const on = this.settings().enabled;
    const entries = [
      { label: on ? "$(circle-slash) Turn suggestions off" : "$(check) Turn suggestions on", command: "toggle" },
      { label: "$(question) Why no suggestion here?", command: "doctor" },
      { label: "$(output) Show log", command: "log" },
      ...betterEntries(this.better.better),
      { label: "$(mortar-board) Fine-tune this repository", command: "finetune" },
      { label: "$(discard) Roll back to the revision before", command: "rollback" },
      { label: "$(debug-restart) Restart the server", command: "restart" },
    ];
    const answering = this.status.answering === undefined ? "" : `: ${path.basename(this.status.answering)} answers`;
    const chosen = await vscode.window.showQuickPick(entries, { title: `Homespun${answering}` });
    if (chosen !== undefined) {
      await vscode.commands.executeCommand(`homespun.${chosen.command}`);
    }
  }

  /** Where the setting holds now: a workspace may have its own. */
  private async toggle(): Promise<void> {
    const configuration = vscode.workspace.getConfiguration("homespun");
    const own = configuration.inspect("enabled")?.workspaceValue !== undefined;
    const target = own ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
    await configuration.update("enabled", !this.settings().enabled, target);
  }

  private async doctor(): Promise<void> {
    this.log.show(true);
    const editor = vscode.window.activeTextEditor;
    const place = editor?.document.uri.scheme === "file" ? [placeOf(editor)] : [];
    this.log.info(`homespun doctor ${place.join("")}`);
    for (const reason of editor === undefined ? [] : this.reasonsIn(editor.document)) {
      this.log.appendLine(reason);
    }
    const installation = await this.installation();
    if (installation !== undefined) {
      const flags = modelFlags(this.settings());
      this.log.appendLine(await outputOf([...installation.homespun, "doctor", ...place, ...flags]));
    }
  }

  private reasonsIn(document: vscode.TextDocument): string[] {
    const { languageId, uri, isDirty } = document;
    const off = vscode.workspace.getConfiguration("homespun", document).get<string[]>("disabledLanguages", []);
    return reasonsHere({
      enabled: this.settings().enabled,
      languageId,
      languageOff: off.includes(languageId),
      inlineSuggest: vscode.workspace.getConfiguration("editor.inlineSuggest", document).get("enabled", true),
      scheme: uri.scheme,
      unsaved: uri.scheme === "file" && isDirty,
    });
  }

  private async finetune(): Promise<void> {
    const [installation, folder] = [await this.installation(), await repository()];
    if (installation === undefined || folder === undefined) {
      return;
    }
    const [program, ...first] = installation.finetune;
    if (!isExecutable(program)) {
      const advice = "The setting homespun.command should name homespun where it was installed.";
      void offer(`There is no ${program}. ${advice}`, SETTINGS);
      return;
    }
    await runInTerminal("Fine-tune", folder, [program, ...first, folder, ...finetuneFlags(this.settings())]);
  }

  private async rollback(): Promise<void> {
    const [installation, folder] = [await this.installation(), await repository()];
    if (installation !== undefined && folder !== undefined && (await isForAll(this.settings().store))) {
      const [program, ...first] = installation.homespun;
      const words = ["adapters", "rollback", folder, ...storeFlags(this.settings(), this.status.answering)];
      await runInTerminal("Roll back", folder, [program, ...first, ...words]);
    }
  }

  private async installation(): Promise<Installation | undefined> {
    const found = await this.server.find();
    if ("homespun" in found) {
      return found;
    }
    void offer(found.reason, INSTALL, HOW, SETTINGS);
    return undefined;
  }
}

/** The folder of the repository that holds the file in front of the user; without one, a workspace folder. */
async function repository(): Promise<string | undefined> {
  const document = vscode.window.activeTextEditor?.document.uri;
  const found = document?.scheme === "file" ? repositoryOf(document.fsPath) : undefined;
  if (found !== undefined) {
    return found;
  }
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length === 0) {
    void vscode.window.showWarningMessage("Homespun: open a file of the repository, or its folder, first.");
  }
  const chosen = folders.length > 1 ? await vscode.window.showWorkspaceFolderPick() : folders[0];
  return chosen && (repositoryOf(path.join(chosen.uri.fsPath, "x")) ?? chosen.uri.fsPath);
}

/** A store at a URL is the team's: whoever takes back there does so for everybody. */
async function isForAll(store: string): Promise<boolean> {
  if (!store.includes("://")) {
    return true;
  }
  const [question, yes] = [`Serve what was served before, for everybody who uses ${store}?`, "Roll Back for All"];
  return (await vscode.window.showWarningMessage(question, { modal: true }, yes)) === yes;
}

function outputOf([program, ...words]: Words): Promise<string> {
  const options = { cwd: os.homedir(), timeout: DOCTOR_TIMEOUT };
  return new Promise((resolve) => {
    execFile(program, words, options, (error, stdout, stderr) => {
      resolve((stdout + stderr).trimEnd() || String(error));
    });
  });
}

/** FILE:LINE:COLUMN of the cursor, from 1; the column in characters, not in UTF-16 units. */
function placeOf(editor: vscode.TextEditor): string {
  const { line, character } = editor.selection.active;
  const before = editor.document.lineAt(line).text.slice(0, character);
  return `${editor.document.uri.fsPath}:${line + 1}:${[...before].length + 1}`;
}

/** A task, not a shell's line: nothing needs quoting, and the terminal stays open when it has ended. */
async function runInTerminal(title: string, folder: string, [program, ...words]: Words): Promise<void> {
  const execution = new vscode.ProcessExecution(program, words, { cwd: folder });
  const scope = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(folder)) ?? vscode.TaskScope.Workspace;
  const name = `${title} ${path.basename(folder)}`;
  if (vscode.tasks.taskExecutions.some((execution) => execution.task.name === name)) {
    void vscode.window.showInformationMessage(`Homespun: "${name}" is still running: see its terminal.`);
    return;
  }
  const task = new vscode.Task({ type: "process", name }, scope, name, "Homespun", execution, []);
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, panel: vscode.TaskPanelKind.Dedicated };
  await vscode.tasks.executeTask(task);
}
