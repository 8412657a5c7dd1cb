// Judges messages with a verifier: `node judge.mjs <verifier>` reads a list of {key, headers, body} from its
// input, the body in base64, and prints for each the message, or null when the verifier has thrown.

const { verify } = await import(process.argv[2]);

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);

function judged({ key, headers, body }) {
  try {
    return verify(key, headers, Buffer.from(body, "base64"));
  } catch {
    return null;
  }
}

console.log(JSON.stringify(JSON.parse(Buffer.concat(chunks)).map(judged)));
