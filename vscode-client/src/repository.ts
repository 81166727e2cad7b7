/** The repository that a file belongs to: the git top level above it, as the server has it. */

import * as fs from "node:fs";
import * as path from "node:path";

export function repositoryOf(file: string, exists: (file: string) => boolean = fs.existsSync): string | undefined {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    if (exists(path.join(folder, ".git"))) {
      return folder;
    }
    if (folder === path.dirname(folder)) {
      return undefined;
    }
  }
}
