"""A stand-in for Microsoft's Python extension: the part of its API that says what is selected."""

import json
from pathlib import Path
from zipfile import ZipFile

MANIFEST = {
    "name": "python",
    "publisher": "ms-python",
    "version": "2026.0.0",
    "engines": {"vscode": "^1.91.0"},
    "main": "./extension.js",
    "activationEvents": [],
    "extensionKind": ["workspace"],
    "capabilities": {"untrustedWorkspaces": {"supported": True}},
}
EXTENSION = """
const vscode = require("vscode");
const executable = { uri: vscode.Uri.file(%s) };
exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: () => ({ id: "chosen" }),
    resolveEnvironment: async () => ({ executable }),
    onDidChangeActiveEnvironmentPath: new vscode.EventEmitter().event,
  },
});
"""
VSIX = """<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
<Metadata><Identity Language="en-US" Id="python" Version="2026.0.0" Publisher="ms-python"/>
<DisplayName>stand-in</DisplayName></Metadata>
<Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
<Dependencies/><Assets>
<Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json"/>
</Assets></PackageManifest>
"""


def select_python(folder: Path, python: Path) -> Path:
    """The stand-in as a .vsix in `folder`, with `python` as the selected interpreter."""
    folder.mkdir()
    package = folder / "python.vsix"
    with ZipFile(package, "w") as archive:
        archive.writestr("extension.vsixmanifest", VSIX)
        archive.writestr("extension/package.json", json.dumps(MANIFEST))
        archive.writestr("extension/extension.js", EXTENSION % json.dumps(str(python)))
    return package
