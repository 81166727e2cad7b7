/** Why the editor shows no suggestion whatever the server would say. Pure: the editor's state is given. */

export interface EditorState {
  readonly enabled: boolean;
  readonly languageId: string;
  readonly languageOff: boolean;
  /** The setting editor.inlineSuggest.enabled, here. */
  readonly inlineSuggest: boolean;
  readonly scheme: string;
  readonly unsaved: boolean;
}

const SERVED = ["file", "untitled", "vscode-notebook-cell"];

export function reasonsHere(state: EditorState): string[] {
  const reasons: string[] = [];
  if (!state.enabled) {
    reasons.push("BAD suggestions are off: turn them on in the menu or with homespun.enabled");
  }
  if (!state.inlineSuggest) {
    reasons.push("BAD editor.inlineSuggest.enabled is off, so VS Code shows no inline suggestions at all");
  }
  if (state.languageOff) {
    reasons.push(`BAD homespun.disabledLanguages holds ${state.languageId}`);
  }
  if (!SERVED.includes(state.scheme)) {
    reasons.push(`BAD a document of kind ${state.scheme} gets no suggestions`);
  }
  if (state.unsaved) {
    reasons.push("    what follows is about the file on the disk, without your unsaved changes");
  }
  return reasons;
}
