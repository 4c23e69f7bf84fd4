// Event-stream clients of npm, each used as its own page says; what they tell their reader goes to stdout,
// a line of JSON for each event: {client, path, name, data}.
//
// node npm_clients.mjs '{"/metrics/stream?topic=…": "KEY", …}' http://… : all of them, on each address, until killed.

import { fetchEventSource } from "@microsoft/fetch-event-source";
import polyfill from "event-source-polyfill";
import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { Agent, EventSource as UndiciSource } from "undici";

const NAMES = ["position", "reset", "unavailable", "end"]; // of events that have one
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a page does with an EventSource of whatever make. */
function listen(source, tell) {
  source.onmessage = ({ data }) => tell("message", data);
  for (const name of NAMES) source.addEventListener(name, ({ data }) => tell(name, data));
}

// It is of browsers, and asks for two of their names.
globalThis.window ??= globalThis;
globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} };

const CLIENTS = {
  "eventsource": (url, headers, tell) =>
    listen(new EventSource(url, { fetch: (target, init) => fetch(target, { ...init, headers: { ...init.headers, ...headers } }) }), tell),

  "event-source-polyfill": (url, headers, tell) => listen(new polyfill.EventSourcePolyfill(url, { headers }), tell),

  "@microsoft/fetch-event-source": (url, headers, tell) => {
    // It takes an id as it reads that line: of an event that is cut off behind it the data would never come.
    let last;
    const own = () => (last ? { "last-event-id": last } : {});
    return fetchEventSource(url, {
      fetch: (target, init) => fetch(target, { ...init, headers: { ...init.headers, "last-event-id": "", ...own() } }),
      headers, openWhenHidden: true,
      onmessage: ({ event, data, id }) => { last = id || last; tell(event || "message", data); },
      // As its page says: an end that nobody asked for is an error, and an error that is not thrown is tried again.
      onclose() { throw new Error("it ended"); },
      onerror() {},
    });
  },

  "eventsource-client": (url, headers, tell) =>
    createEventSource({ url, headers, onMessage: ({ event, data }) => tell(event ?? "message", data) }),

  "eventsource-parser": async (url, headers, tell) => {
    let last = "", pause = 1000;
    for (;;) {
      try {
        const response = await fetch(url, { headers: last ? { ...headers, "Last-Event-ID": last } : headers });
        const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream({ onRetry: (ms) => { pause = ms; } }));
        for await (const { id, event, data } of events) {
          last = id ?? last;
          tell(event ?? "message", data);
        }
      } catch { /* Cut off: on to the next try. */ }
      await wait(pause);
    }
  },

  "undici": (url, headers, tell) => {
    const [[name, value]] = Object.entries(headers);
    const dispatcher = new Agent().compose((dispatch) => (request, handler) => {
      request.headers = Array.isArray(request.headers) ? [...request.headers, name, value] : { ...request.headers, ...headers };
      return dispatch(request, handler);
    });
    listen(new UndiciSource(url, { dispatcher, node: { dispatcher } }), tell);
  },
};

// Some write on standard error, or reject, whenever they are cut off.
process.on("unhandledRejection", () => {});

const keys = JSON.parse(process.argv[2]);
for (const site of process.argv.slice(3)) {
  for (const [path, key] of Object.entries(keys)) {
    for (const [client, follow] of Object.entries(CLIENTS)) {
      const tell = (name, data) => console.log(JSON.stringify({ client, site, path, name, data }));
      follow(site + path, { "X-API-Key": key }, tell);
    }
  }
}
