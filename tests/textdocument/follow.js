// Reads one edited document a line, as JSON, and writes what Microsoft's implementation makes of it.
const { createInterface } = require("node:readline");
const { TextDocument } = require("vscode-languageserver-textdocument");

function followed({ text, edits, points, offsets }) {
  const document = TextDocument.create("file:///a", "text", 0, text);
  const texts = edits.map((changes, index) => {
    TextDocument.update(document, changes, index + 1);
    return document.getText();
  });
  return {
    texts,
    lines: document.lineCount,
    offsets: points.map((point) => document.offsetAt(point)),
    points: offsets.map((offset) => document.positionAt(offset)),
  };
}

createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(JSON.stringify(followed(JSON.parse(line))) + "\n");
});
