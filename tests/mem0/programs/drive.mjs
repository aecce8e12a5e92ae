// The genuine TypeScript client of mem0, that does what it is told: a JSON line in, a JSON line out.
//
// A line names one of the clients by a number, and a method with its arguments; without a method, the
// number is given to a new client. The answer is what was returned, or what was thrown.

import { createInterface } from "node:readline";

import { MemoryClient } from "mem0ai";

// The client may say whatever it likes: it does not get between the answers.
const answer = (given) => process.stdout.write(`${JSON.stringify(given)}\n`);
console.log = console.error;

const clients = new Map();

async function done({ client, method, args }) {
  try {
    if (method === null) {
      clients.set(client, new MemoryClient(...args));
      return { returned: null };
    }
    const found = clients.get(client)[method];
    const returned = typeof found === "function" ? found.apply(clients.get(client), args) : found;
    return { returned: (await returned) ?? null };
  } catch (error) {
    return { raised: error.name, message: error.message, code: error.errorCode ?? null };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  answer(await done(JSON.parse(line)));
}
