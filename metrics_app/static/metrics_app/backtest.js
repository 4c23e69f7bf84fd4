// The panels in the threshold's form: what the history suggests, and what the rule as typed would have done.

import "./page_aggregates.js";
import { drawSpark } from "./spark.js";
import { makeTryout, readAnswer, readSuggestion } from "./tryout.js";

const panel = document.querySelector("[data-backtest]");
const suggested = document.querySelector("[data-suggest]");
const form = panel?.closest("form");
const ASKED = ["kpi", "aggregate", "aggregate_value", "window", "operator", "zone"]; // what a suggestion depends on

async function post(url, signal) {
  const body = new FormData(form);
  body.set("backtest_of", panel.dataset.threshold);
  const response = await fetch(url, { method: "POST", body, signal, credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

function ask(signal) {
  panel.setAttribute("aria-busy", "true");
  return post(panel.dataset.backtest, signal);
}

function show(answer) {
  const { sentence, warning, chart } = readAnswer(answer);
  panel.removeAttribute("aria-busy");
  panel.querySelector("[data-part=sentence]").textContent = sentence;
  const note = panel.querySelector("[data-part=warning]");
  note.hidden = !warning;
  note.textContent = warning ? `▲ ${warning}` : "";
  const figure = panel.querySelector("figure");
  figure.hidden = !chart;
  if (chart) drawSpark(figure, chart);
}

function fail(error) {
  show({ sentence: `The history could not be read: ${error.message}.`, warning: "" });
}

/** Writes a suggested value into its field, as typing would. */
function use({ field, text }) {
  const input = form.elements.namedItem(field);
  if (!input) return;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function makeLine(part) {
  const line = document.createElement("li"), button = document.createElement("button");
  const reason = document.createElement("span");
  button.type = "button";
  button.className = "button";
  button.textContent = `Use ${part.name} ${part.said}`;
  button.addEventListener("click", () => use(part));
  reason.textContent = part.reason;
  line.append(button, reason);
  return line;
}

function showSuggestion(answer) {
  const { sentence, parts } = readSuggestion(answer);
  suggested.querySelector("[data-part=sentence]").textContent = sentence;
  const list = suggested.querySelector("[data-part=parts]"), all = suggested.querySelector(".suggested-all");
  list.replaceChildren(...parts.map(makeLine));
  list.hidden = !parts.length;
  all.hidden = parts.length < 2;
  all.querySelector("button").onclick = () => parts.forEach(use);
}

/** Calls `change` when one of the named fields changes; of any field where no names are given. */
function watch(change, names) {
  const heard = ({ target }) => !names || names.includes(target.name) ? change() : undefined;
  form.addEventListener("input", heard);
  form.addEventListener("change", heard);
  // The field of the KPI is a widget that speaks jQuery only.
  globalThis.django?.jQuery?.(form).on("change", heard);
}

if (panel) {
  const change = makeTryout({ ask, show, fail });
  watch(change);
  if (form.querySelector("[name=limit]")?.value) change();
}
if (suggested) {
  const change = makeTryout({
    ask: (signal) => post(suggested.dataset.suggest, signal),
    show: showSuggestion,
    fail: (error) => showSuggestion({ sentence: `The history could not be read: ${error.message}.`, parts: [] }),
  });
  watch(change, ASKED);
  if (form.querySelector("[name=kpi]")?.value) change();
}
