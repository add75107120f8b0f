// The official TypeScript SDK against the gateway, by base URL and access key alone. Prints one JSON line of what it saw.
import Anthropic, { APIError, AuthenticationError, toFile } from "@anthropic-ai/sdk";

const [baseURL, key] = process.argv.slice(2);
const model = "claude-sonnet-5-5";
const messages = [{ role: "user", content: "Hello" }];
const claude = new Anthropic({ apiKey: key, baseURL, maxRetries: 0 });

const whole = await claude.messages.create({ model, max_tokens: 20, messages });

const stream = claude.messages.stream({ model, max_tokens: 60, messages });
let heard = "";
stream.on("text", (piece) => (heard += piece));
const final = await stream.finalMessage();

const tool = { name: "weather", description: "The weather", input_schema: { type: "object", properties: {} } };
const used = await claude.messages.create({
  model, max_tokens: 200, messages, tools: [tool], tool_choice: { type: "tool", name: "weather" },
});

const counted = await claude.messages.countTokens({ model, messages });
const models = [];
for await (const one of claude.models.list({ limit: 5 })) models.push(one.id);

const batch = await claude.messages.batches.create({
  requests: [{ custom_id: "one", params: { model, max_tokens: 20, messages } }],
});
const results = [];
for await (const one of await claude.messages.batches.results(batch.id)) results.push(one.custom_id);
const batches = [];
for await (const one of claude.messages.batches.list({ limit: 1 })) batches.push(one.id);

const file = await claude.files.upload({ file: await toFile(Buffer.from("hello"), "a.txt", { type: "text/plain" }) });
const source = { type: "file", file_id: file.id };
const told = await claude.messages.create({
  model, max_tokens: 20, messages: [{ role: "user", content: [{ type: "document", source }] }],
});
await claude.files.delete(file.id);

async function refused(client, body) {
  try {
    await client.messages.create(body);
    return "served";
  } catch (error) {
    return error instanceof AuthenticationError ? "authentication"
      : error instanceof APIError ? `status ${error.status}` : `other ${error}`;
  }
}

const stranger = new Anthropic({ apiKey: "nb_live_wrong", baseURL, maxRetries: 0 });
console.log(JSON.stringify({
  whole: whole.content[0].text,
  streamed: heard === final.content[0].text && heard.length > 0,
  stopped: final.stop_reason,
  tool: used.content.find((block) => block.type === "tool_use")?.name,
  counted: counted.input_tokens,
  models,
  results,
  batchIsListed: batches.includes(batch.id),
  fileWasRead: told.content.length > 0,
  stranger: await refused(stranger, { model, max_tokens: 20, messages }),
  nonsense: await refused(claude, { model: "claude-nobody-9", max_tokens: 20, messages }),
}));
