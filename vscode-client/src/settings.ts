/** What the user has set, and how it reaches the server. Knows nothing of VS Code's API: see `read` in extension.ts. */

import * as os from "node:os";

export interface Settings {
  readonly enabled: boolean;
  readonly command: string;
  readonly base: string;
  readonly store: string;
  readonly device: string;
  readonly fimFormat: string;
  readonly remote: string;
  readonly remoteBase: string;
  readonly exclude: readonly string[];
  readonly maxNewTokens: number | null;
  readonly idleMinutes: number | null;
  readonly usage: boolean;
}

type Get = (name: string) => unknown;

function text(get: Get, name: string): string {
  const value = get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** No shell stands between a setting and a program to say what ~ is. */
function location(get: Get, name: string): string {
  return text(get, name).replace(/^~(?=[/\\])/, os.homedir());
}

function count(get: Get, name: string): number | null {
  const value = get(name);
  return typeof value === "number" ? value : null;
}

/** Settings from VS Code's configuration; a value of the wrong type counts as not set. */
export function readSettings(get: Get): Settings {
  const exclude = get("exclude");
  return {
    enabled: get("enabled") !== false,
    command: location(get, "command"),
    base: location(get, "base"),
    store: location(get, "store"),
    device: text(get, "device"),
    fimFormat: text(get, "fimFormat"),
    remote: text(get, "remote"),
    remoteBase: location(get, "remoteBase"),
    exclude: Array.isArray(exclude) ? exclude.filter((item) => typeof item === "string") : [],
    maxNewTokens: count(get, "maxNewTokens"),
    idleMinutes: count(get, "idleMinutes"),
    usage: get("usage") !== false,
  };
}

function flag(name: string, value: string): string[] {
  return value ? [name, value] : [];
}

/** Which model: flags that `homespun serve` and `homespun doctor` take. */
export function modelFlags(settings: Settings): string[] {
  return [
    ...flag("--base", settings.base),
    ...flag("--store", settings.store),
    ...flag("--device", settings.device),
    ...flag("--fim-format", settings.fimFormat),
    ...flag("--remote", settings.remote),
    ...(settings.remote ? flag("--remote-base", settings.remoteBase) : []),
  ];
}

/** The flags of `finetune-repo`, which finds its own device. */
export function finetuneFlags(settings: Settings): string[] {
  return [
    ...flag("--base", settings.base),
    ...flag("--store", settings.store),
    ...flag("--fim-format", settings.fimFormat),
  ];
}

/** Whose adapters: flags that `homespun adapters rollback` takes. `answering`: the base that the server says it has. */
export function storeFlags(settings: Settings, answering: string | undefined): string[] {
  return [...flag("--base", answering ?? settings.base), ...flag("--store", settings.store)];
}

/** What a workspace may set travels apart from the flags: the server bounds it. */
export function initializationOptions(settings: Settings): Record<string, unknown> {
  const options: Record<string, unknown> = { status: true };
  if (settings.exclude.length > 0) {
    options["exclude"] = settings.exclude;
  }
  if (settings.maxNewTokens !== null) {
    options["max_new_tokens"] = settings.maxNewTokens;
  }
  if (!settings.usage) {
    options["usage"] = false;
  }
  if (settings.idleMinutes !== null) {
    options["idle_minutes"] = settings.idleMinutes;
  }
  return options;
}
