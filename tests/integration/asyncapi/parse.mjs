// Prints what AsyncAPI's own parser says of a document, as JSON. Arguments: the folder of the parser, the document.
import { createRequire } from "node:module";

const [folder, path] = process.argv.slice(2);
const { Parser, fromFile } = createRequire(folder + "/")("@asyncapi/parser");
const { document, diagnostics } = await fromFile(new Parser(), path).parse();
console.log(
  JSON.stringify({
    version: document?.version() ?? null,
    channels: document?.allChannels().all().map((channel) => channel.address()) ?? [],
    messages: document?.allMessages().all().length ?? 0,
    faults: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") })),
  }),
);
