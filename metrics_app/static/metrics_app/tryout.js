// Asks again after each change, once it is quiet; only the newest answer counts. Pure: no document.

/** `change()` asks `ask(signal)` after `wait` ms of quiet and hands the answer to `show`, or the error to `fail`. */
export function makeTryout({ ask, show, fail, wait = 300, timers = globalThis }) {
  let timer = null, running = null;
  async function run() {
    running?.abort();
    const mine = (running = new AbortController());
    try {
      const answer = await ask(mine.signal);
      if (mine === running) show(answer);
    } catch (error) {
      if (mine === running && !mine.signal.aborted) fail(error);
    }
  }
  return function change() {
    timers.clearTimeout(timer);
    timer = timers.setTimeout(run, wait);
  };
}

/** What the panel says of an answer: {sentence, warning, chart or null}. */
export function readAnswer(answer, labels = {}) {
  if (answer.faults) {
    const names = answer.faults.map((name) => labels[name] ?? name.replaceAll("_", " "));
    return { sentence: `Not judged yet: look at ${names.join(", ")}.`, warning: "", chart: null };
  }
  return { sentence: answer.sentence, warning: answer.warning, chart: answer.chart ?? null };
}

/** What the panel of suggestions says of an answer: {sentence, parts}. */
export function readSuggestion({ faults, sentence, parts }) {
  if (!faults) return { sentence, parts: parts ?? [] };
  if (faults.includes("kpi")) return { sentence: "Choose a KPI: its last 30 days suggest a limit.", parts: [] };
  const names = faults.map((name) => name.replaceAll("_", " "));
  return { sentence: `Nothing to suggest yet: look at ${names.join(", ")}.`, parts: [] };
}
