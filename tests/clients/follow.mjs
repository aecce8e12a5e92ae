// Follows a server's log with the npm client `graphql-ws`, as an application would, and prints what
// happens as lines of JSON. It comes back for as long as its key is good.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [url, key, after] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));
const variables = { after };
const query = `subscription ($after: Cursor) {
  memoryEvents(after: $after) { cursor sequence newText }
}`;

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { apiKey: key },
  retryAttempts: Infinity,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)),
  // A server that is not there yet is an error, not a close event, and is worth another try too.
  shouldRetry: (event) => event.code !== 4403,
  on: { closed: ({ code }) => print({ closed: code }), connected: () => print({ connected: true }) },
});

client.subscribe(
  { query, variables },
  {
    next({ data, errors }) {
      if (errors) print({ errors });
      // The client sends these variables anew whenever it subscribes again.
      variables.after = data.memoryEvents.cursor;
      print(data.memoryEvents);
    },
    error(error) {
      print({ ended: error.code ?? error });
    },
    complete() {
      print({ ended: "complete" });
    },
  },
);
