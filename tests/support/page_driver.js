// Answers questions about the front end's parts: a line of JSON for each, on standard input and output.
const parts = require(process.argv[2]);
let description;

function row(line) {
  return parts.rowOf(line, 0, new parts.Ends());
}

const ANSWERS = {
  describe: (value) => void (description = value),
  matches: ({ text, lines, opener }) => {
    const filter = parts.filterOf(text, description);
    return lines.map((line) => filter.matches({ row: row(line), line, opener: opener ? row(opener) : null }));
  },
  suggest: (text) => parts.suggestions(text, description, () => []),
  curl: parts.asCurl,
  pytest: parts.asPytest,
  har: (lines) => parts.asHar(lines, "1"),
  shown: parts.shown,
  route: (line) => parts.routeOf(row(line)),
};

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (text) => {
    const { ask, value } = JSON.parse(text);
    let answer;
    try {
      answer = { value: ANSWERS[ask](value) ?? null };
    } catch (error) {
      if (error.name !== "Error") answer = { crash: String(error.stack) };
      else answer = { error: error.message, start: error.start ?? null, end: error.end ?? null };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  });
