/** Installs the server where there is none, when the user agrees to what that brings and where it goes. */

import * as vscode from "vscode";

import type { Outcome } from "./command";
import { HOW, LOG, offer } from "./help";
import type { OwnInstallation } from "./own";
import type { Server } from "./server";

const DETAIL =
  "A virtual environment is made in VS Code's folder for this extension, with a Python 3.11 or newer from PATH. pip " +
  "fetches about 0.5 GB of packages from the index that it is set to, PyTorch among them; on Linux several GB, unless " +
  "PIP_EXTRA_INDEX_URL names PyTorch's index of CPU builds. Nothing else on this machine changes, and removing the " +
  "extension's folder undoes it.";

export class Install implements vscode.Disposable {
  private isAtIt = false;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly server: Server,
    private readonly own: OwnInstallation,
  ) {}

  async run(): Promise<void> {
    const found = await this.server.find();
    if ("homespun" in found) {
      void vscode.window.showInformationMessage(`Homespun is installed: ${found.homespun.join(" ")} (${found.where}).`);
    } else if (!this.own.canBeMade()) {
      void offer("this build of the extension brings no server to install.", HOW);
    } else if (this.isAtIt) {
      void vscode.window.showInformationMessage("Homespun: the server is being installed already.");
    } else if (await isWanted()) {
      this.isAtIt = true;
      await this.tell(await this.make().finally(() => (this.isAtIt = false)));
    }
  }

  dispose(): void {
    this.own.stop();
  }

  private async make(): Promise<Outcome> {
    const options = { location: vscode.ProgressLocation.Notification, title: "Homespun: installing the server" };
    const around = await this.server.surroundings();
    return await vscode.window.withProgress({ ...options, cancellable: true }, async (progress, token) => {
      token.onCancellationRequested(() => this.own.stop());
      return await this.own.make(around, (line) => {
        this.log.info(line);
        progress.report({ message: line.trim().split(" ").slice(0, 2).join(" ") });
      });
    });
  }

  private async tell(outcome: Outcome): Promise<void> {
    if (outcome === "done") {
      await this.server.restart();
    } else if (outcome === "stopped") {
      void vscode.window.showInformationMessage("Homespun: the server is not installed; nothing of it is left.");
    } else {
      this.log.error(outcome.error);
      void offer(`the server was not installed: ${outcome.error}`, LOG, HOW);
    }
  }
}

async function isWanted(): Promise<boolean> {
  const install = "Install";
  const question = "Install Homespun's server for this extension?";
  return (await vscode.window.showInformationMessage(question, { modal: true, detail: DETAIL }, install)) === install;
}
