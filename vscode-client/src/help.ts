/** Messages that end in something one can do: a button for each. */

import * as vscode from "vscode";

export interface Offer {
  readonly title: string;
  readonly command: string;
  readonly argument?: string;
}

export const INSTALL: Offer = { title: "Install", command: "homespun.install" };
/** The extension's own page, which is its README and needs no network. */
export const HOW: Offer = { title: "How to Install", command: "extension.open", argument: "homespun.homespun" };
export const SETTINGS: Offer = {
  title: "Open Settings",
  command: "workbench.action.openSettings",
  argument: "homespun.command",
};
export const LOG: Offer = { title: "Show Log", command: "homespun.log" };
export const RESTART: Offer = { title: "Restart", command: "homespun.restart" };

export async function offer(message: string, ...offers: Offer[]): Promise<void> {
  const chosen = await vscode.window.showWarningMessage(`Homespun: ${message}`, ...offers);
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.command, chosen.argument);
  }
}
