// Follows a stream and proposes while the mean is beyond a limit; people decide. Node 20 or newer.
//
//   HMS_URL=http://127.0.0.1:8000 HMS_KEY=hms_… node watch-latency.mjs [--once]
//
// Elsewhere than in this repository take metrics.js from $HMS_URL/static/metrics_app/metrics.js.
import { stream } from "../../metrics_app/static/metrics_app/metrics.js";

const [TOPIC, WINDOW, LIMIT] = ["complaint.latency", 30 * 60, 48 * 3600]; // the last two in seconds
const EVERY = 60_000; // ms between two looks, however fast the points come

async function ask(path, body) {
  const response = await fetch(process.env.HMS_URL.replace(/\/+$/, "") + path, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${process.env.HMS_KEY}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status} ${await response.text()}`);
  return response.json();
}

/** Proposes if the mean is beyond the limit; again while that is open only notes the newer value. */
async function watchLatency() {
  const { mean, count, p90 } = await ask(`/api/v1/kpis/${TOPIC}/stats/?window=${WINDOW}`);
  if (mean === null || mean <= LIMIT) return undefined;
  const hours = (seconds) => (seconds / 3600).toFixed(1);
  return ask("/api/v1/pipelines/", {
    title: "Response time breach",
    suggestion: "Hire 2 temp agents",
    kpi: mean,
    topic: TOPIC,
    rationale: `${count} answers of the last half hour took ${hours(mean)} h on average, beyond ${LIMIT / 3600} h; nine in ten took ${hours(p90)} h or less.`,
    evidence: [{ topic: TOPIC, window: WINDOW, aggregate: "mean" }],
  });
}

let last = 0;
async function onPoint() {
  if (Date.now() - last < EVERY) return;
  last = Date.now();
  try {
    const proposal = await watchLatency();
    if (proposal) console.log(`#${proposal.id} ${proposal.state}, noted ${proposal.noted} times`);
  } catch (error) {
    console.error(String(error)); // the server is away, or refuses: its answer says why
  }
  if (process.argv.includes("--once")) points.close();
}

// From an hour ago on: what already is in the window counts too.
const points = stream(TOPIC, onPoint, { since: -3600 });
