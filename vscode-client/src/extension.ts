/** Puts the parts together and listens for what changes. What to suggest is the server's business. */

import * as vscode from "vscode";

import { BetterModel } from "./better";
import { Menu } from "./menu";
import { onPythonSelected } from "./python";
import { Server } from "./server";
import { type Settings, readSettings } from "./settings";
import { StatusItem } from "./status";

/** Settings that only a new server process takes up. */
const FOR_THE_SERVER = ["command", "base", "store", "device", "fimFormat", "exclude", "maxNewTokens", "idleMinutes"];

let server: Server | undefined;

function currentSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration("homespun");
  return readSettings((name) => configuration.get(name));
}

function suggestsIn(document: vscode.TextDocument): boolean {
  const off = vscode.workspace.getConfiguration("homespun", document).get<string[]>("disabledLanguages", []);
  return currentSettings().enabled && !off.includes(document.languageId);
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("Homespun", { log: true });
  const status = new StatusItem();
  const started = new Server(log, status, currentSettings, suggestsIn);
  server = started;
  status.setEnabled(currentSettings().enabled);
  const better = new BetterModel(log, started, status, currentSettings);
  context.subscriptions.push(log, status, started, better);
  context.subscriptions.push(...new Menu(log, started, status, better, currentSettings).register());
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((change) => {
      status.setEnabled(currentSettings().enabled);
      if (FOR_THE_SERVER.some((name) => change.affectsConfiguration(`homespun.${name}`))) {
        void started.restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => started.reconsider()),
    vscode.workspace.onDidChangeWorkspaceFolders(() => started.reconsider()),
  );
  await started.restart();
  const pythonListener = await onPythonSelected(() => void started.reconsider());
  if (pythonListener !== undefined) {
    context.subscriptions.push(pythonListener);
  }
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
