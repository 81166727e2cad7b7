/** Puts the parts together and listens for what changes. What to suggest is the server's business. */

import * as path from "node:path";

import * as vscode from "vscode";

import { BetterModel } from "./better";
import { Install } from "./install";
import { Menu } from "./menu";
import { OwnInstallation } from "./own";
import { onPythonSelected } from "./python";
import { Server } from "./server";
import { type Settings, readSettings } from "./settings";
import { StatusItem } from "./status";

/** Settings that only a new server process takes up. */
const FOR_THE_SERVER = [
  ...["command", "base", "store", "device", "fimFormat", "remote", "remoteBase"],
  ...["exclude", "maxNewTokens", "idleMinutes", "usage"],
];

let server: Server | undefined;

function currentSettings(): Settings {
  const configuration = vscode.workspace.getConfiguration("homespun");
  return readSettings((name) => configuration.get(name));
}

function suggestsIn(document: vscode.TextDocument): boolean {
  const off = vscode.workspace.getConfiguration("homespun", document).get<string[]>("disabledLanguages", []);
  return currentSettings().enabled && !off.includes(document.languageId);
}

/** What the extension may install: its own version, from the wheel that it was packed with. */
function ownInstallation(context: vscode.ExtensionContext): OwnInstallation {
  const { version } = context.extension.packageJSON as { version: string };
  const wheel = context.asAbsolutePath(path.join("server", `homespun-${version}-py3-none-any.whl`));
  return new OwnInstallation(wheel, context.globalStorageUri.fsPath, version);
}

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("Homespun", { log: true });
  const status = new StatusItem();
  const own = ownInstallation(context);
  const started = new Server(log, status, own, currentSettings, suggestsIn);
  server = started;
  status.setEnabled(currentSettings().enabled);
  const better = new BetterModel(log, started, status, currentSettings);
  const install = new Install(log, started, own);
  context.subscriptions.push(log, status, started, better, install);
  context.subscriptions.push(...new Menu(log, started, status, better, install, currentSettings).register());
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
