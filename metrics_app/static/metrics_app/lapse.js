// When a light turns by itself: no message comes when nobody judges any more. Touches only what it is handed.

const STATES = ["ok", "pending", "recovering", "silent", "none"];
const ASK_BEFORE = 2000; // ms before its end
// ms that the answer to that may take, while the server is heard and says that somebody judges: it would tell.
const ANSWERS_IN = 3000;

/**
 * Turns the light of `root` once the moment has passed up to which it was judged (`data-until`, ms), or once
 * the evaluator stands still (`idle`: {when}, "since 10:42 UTC" or empty where nobody knows; else null): an
 * open breach stays red, and says so beside it. Whether the server is to be asked anew, perhaps somebody judges.
 * `heard`: whether the server says, each second, that somebody judges.
 */
export function lapse(root, now, [shape, text], idle = null, heard = false) {
  const { unjudged } = root.dataset; // "◌ Not judged since 10:42 UTC"; empty where nothing was ever judged
  if (!unjudged || root.classList.contains("unjudged")) return false;
  const until = Number(root.dataset.until) || Infinity;
  if (idle || now > until + (heard ? ANSWERS_IN : 0)) {
    const words = (idle ? unjudged.replace(/since .*/, idle.when) : unjudged).trim();
    if (root.classList.contains("firing")) text.textContent += ` · ${words.slice(2).replace("N", "n")}`;
    else { shape.textContent = words[0]; text.textContent = words.slice(2); }
    root.classList.remove(...STATES);
    root.classList.add("unjudged");
  }
  return idle !== null || now > until - ASK_BEFORE;
}

/** What messages have told of thresholds that nobody judges: an answer that was asked for before may not know it. */
export class Told {
  #found = new Map();

  /** `unjudged`: {when} as a `state` message tells it, or null where somebody judges; at `now` (ms). */
  hear({ threshold, topic }, unjudged, now) {
    if (unjudged) this.#found.set(threshold, { topic, at: now, when: unjudged.when });
    else this.#found.delete(threshold);
  }

  /** {when} of a topic, if that was told after an answer was asked for (ms); else null. */
  find(topic, began) {
    return [...this.#found.values()].find((one) => one.topic === topic && one.at > began) ?? null;
  }
}
