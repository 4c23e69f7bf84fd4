// The panel in the threshold's form: what the rule as typed would have done.

import { drawSpark } from "./spark.js";
import { makeTryout, readAnswer } from "./tryout.js";

const panel = document.querySelector("[data-backtest]");
const form = panel?.closest("form");

async function ask(signal) {
  panel.setAttribute("aria-busy", "true");
  const body = new FormData(form);
  body.set("backtest_of", panel.dataset.threshold);
  const response = await fetch(panel.dataset.backtest, { method: "POST", body, signal, credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
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

if (panel) {
  const change = makeTryout({ ask, show, fail });
  form.addEventListener("input", change);
  form.addEventListener("change", change);
  // The field of the KPI is a widget that speaks jQuery only.
  globalThis.django?.jQuery?.(form).on("change", change);
  if (form.querySelector("[name=limit]")?.value) change();
}
