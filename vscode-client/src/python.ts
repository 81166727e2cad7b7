/** The interpreter selected in Microsoft's Python extension, asked through its public API, if that is installed. */

import { execFile } from "node:child_process";
import * as os from "node:os";

import * as vscode from "vscode";

interface Environments {
  getActiveEnvironmentPath(resource?: vscode.Uri): unknown;
  resolveEnvironment(
    environment: unknown,
  ): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  readonly onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
}

/** The Python extension may take its time, above all when it is new to a machine; there are other places to look in. */
const PATIENCE = 10_000;
const HAS_HOMESPUN = "import importlib.util, sys; sys.exit(importlib.util.find_spec('homespun_server') is None)";

async function environments(): Promise<Environments | undefined> {
  const extension = vscode.extensions.getExtension<{ environments?: Environments }>("ms-python.python");
  return extension && (await extension.activate()).environments;
}

async function selected(): Promise<string | undefined> {
  const api = await environments();
  const resource = vscode.workspace.workspaceFolders?.[0]?.uri;
  const environment = await api?.resolveEnvironment(api.getActiveEnvironmentPath(resource));
  return environment?.executable.uri?.fsPath;
}

function hasHomespun(python: string): Promise<boolean> {
  const options = { cwd: os.homedir(), timeout: PATIENCE };
  return new Promise((resolve) => {
    execFile(python, ["-P", "-c", HAS_HOMESPUN], options, (error) => resolve(error === null));
  });
}

/** The selected interpreter if homespun is installed for it; undefined too where that cannot be found out. */
export async function pythonWithHomespun(): Promise<string | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), PATIENCE));
  try {
    const python = await Promise.race([selected(), late]);
    return python !== undefined && (await hasHomespun(python)) ? python : undefined;
  } catch {
    return undefined; // that extension's fault is its own to report
  }
}

/** Calls `changed` when another interpreter is selected. */
export async function onPythonSelected(changed: () => void): Promise<vscode.Disposable | undefined> {
  try {
    return (await environments())?.onDidChangeActiveEnvironmentPath(changed);
  } catch {
    return undefined;
  }
}
