// Loaded before a program: it keeps the program on this machine. Whoever wants to connect to another
// one is refused before its name is looked up, and noted in the file named by REFUSED.

import fs from "node:fs";
import net from "node:net";

const HERE = new Set(["127.0.0.1", "::1", "localhost"]);
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...given) {
  // What `net.connect` has looked through already comes as one array: the options, the callback.
  const [first, second] = Array.isArray(given[0]) ? given[0] : given;
  const isObject = typeof first === "object" && first !== null;
  const host = isObject ? first.host : typeof second === "string" ? second : undefined;
  const isFile = isObject ? first.path !== undefined && first.port === undefined : false;
  if (isFile || HERE.has(host ?? "localhost")) return connect.apply(this, given);
  fs.appendFileSync(process.env.REFUSED, `${host}\n`);
  // Not at once: whoever wants to connect has yet to say who hears of trouble.
  setImmediate(() => this.destroy(new Error(`${host} is another machine`)));
  return this;
};
