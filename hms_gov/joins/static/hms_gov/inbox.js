// The inbox and the page of a proposal, where both apps meet: charts of what the rule saw,
// decisions that confirm in place, proposals that arrive and change without a reload.

import { getJson, onMessage, options, serverNow, setText, watch } from "../metrics_app/page.js";
import { makeRefresher } from "../metrics_app/refresh.js";
import { findScale } from "../metrics_app/series.js";
import { drawSpark } from "../metrics_app/spark.js";
import { formatDuration } from "../metrics_app/units.js";

const list = document.getElementById("proposals");
const toDo = document.getElementById("to-do");
const since = document.getElementById("since");
const decision = document.getElementById("decision");

const { api } = JSON.parse(document.getElementById("proposal-addresses").textContent);

/** A proposal in the API. */
const proposalAddress = (id) => api.replace(/0\/$/, `${id}/`);
const readChart = (figure) => JSON.parse(figure.dataset.evidence);

function drawEvidence(root) {
  for (const figure of root.querySelectorAll(".spark[data-evidence]:not(.tall)")) drawSpark(figure, readChart(figure));
  // What was frozen and what came since are looked at side by side: one scale, where one unit.
  const figures = [...document.querySelectorAll(".spark.tall[data-evidence]")];
  const charts = figures.map(readChart);
  charts.forEach((chart, index) => {
    const alike = charts.filter(({ unit }) => unit === chart.unit);
    const limit = alike.map((one) => one.limit).find((one) => one !== null) ?? null;
    const scale = findScale(alike.flatMap(({ values }) => values), limit);
    drawSpark(figures[index], { ...chart, scale, axes: true, told: options() });
  });
}

function countDown() {
  for (const place of document.querySelectorAll("[data-due]")) {
    const left = (Number(place.dataset.due) - serverNow()) / 1000;
    setText(place, left > 0 ? `due in ${formatDuration(left < 3600 ? left : Math.round(left / 60) * 60)}` : "past due");
  }
  for (const place of document.querySelectorAll("[data-begins]")) {
    const left = Math.ceil((Number(place.dataset.begins) - serverNow()) / 1000);
    setText(place, left > 0 ? `in ${formatDuration(left)}` : "now");
  }
  for (const place of document.querySelectorAll("[data-since]")) {
    const waited = Math.round((serverNow() - Number(place.dataset.since)) / 1000);
    setText(place, waited < 60 ? "less than a minute" : formatDuration(waited));
  }
}

// A card is the server's HTML, whoever changed it.

const listWaiting = () => [...list.querySelectorAll("[data-state=awaiting_approval]")];
const findCard = (id) => document.getElementById(`proposal-${id}`);

/** A part of a page; null where there is none to be had, also of a server that is away: the head says so. */
async function getHtml(url) {
  const template = document.createElement("template");
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(15_000) });
    if (response.redirected || !response.ok) return null;
    template.innerHTML = await response.text();
  } catch {
    return null;
  }
  return template.content;
}

async function refreshCard(id) {
  const old = findCard(id);
  if (old && isWriting(old)) { await noteChange(old, id); return; }
  const html = await getHtml(`${list.dataset.base}${id}/card/`);
  const card = html?.querySelector(".proposal");
  if (!card) return;
  const present = findCard(id), focused = present?.contains(document.activeElement);
  if ("toDo" in card.dataset && !toDo.contains(present)) {
    present?.remove();
    toDo.append(card);
  } else if (present && !returns(present, card)) present.replaceWith(card);
  else if (card.dataset.state === "awaiting_approval") {
    present?.remove();
    await insert(card);
  } else return;
  toDo.hidden = !toDo.querySelector(".proposal");
  if (focused) card.focus({ preventScroll: true });
  drawEvidence(card);
  countDown();
}

/** Whether a card leaves what people have to do, since it waits for a decision again. */
const returns = (present, card) => card.dataset.state === "awaiting_approval" && toDo.contains(present);

/** A reader who is writing a reason keeps it; that somebody else was first is said beside it. */
async function noteChange(card, id) {
  const changed = await findChange(card, id);
  if (changed) say(card, changed.why_not || "It has changed since you opened it: read it again before you decide.");
}

/** The proposal as the API has it, where its state or version is another than the page shows; else null. */
async function findChange(card, id) {
  const data = await getJson(proposalAddress(id)).catch(() => null);
  return data && (data.state !== card.dataset.state || String(data.version) !== card.dataset.version) ? data : null;
}

const isWriting = (card) => [...card.querySelectorAll("textarea, .unless input")].some(
  (box) => box.value.trim() && box.value !== box.dataset.given && !box.closest("[hidden]"));

async function insert(card) {
  const order = (await getJson(list.dataset.waitingUrl).catch(() => null))?.order;
  // On a page of severities, a KPI or one's own only what fits appears.
  if (findCard(card.dataset.id) || !order?.includes(Number(card.dataset.id))) return;
  const later = new Set(order.slice(order.indexOf(Number(card.dataset.id)) + 1));
  const next = [...list.children].find((other) => later.has(Number(other.dataset.id)));
  card.classList.add("fresh");
  list.insertBefore(card, next ?? null);
}

async function refreshHead() {
  const waiting = await getJson(list.dataset.waitingUrl).catch(() => null);
  if (!waiting) return;
  setText(document.getElementById("headline"), waiting.headline);
  const lead = document.getElementById("lead");
  setText(lead, waiting.lead);
  if (waiting.oldest) Object.assign(lead.dataset, { oldest: waiting.oldest, before: waiting.before, after: waiting.after });
  else delete lead.dataset.oldest;
  const today = document.getElementById("today");
  setText(today, waiting.today);
  today.href = `${today.dataset.base}?${waiting.today_query}`;
  document.title = `${waiting.headline} · HMS-GOV metrics`;
  document.getElementById("empty").hidden = list.children.length > 0;
}

/** What changed while nobody heard, as before the connection began, is found by looking: what came, and what went. */
async function findMissed() {
  const waiting = await getJson(list.dataset.waitingUrl).catch(() => null);
  if (!waiting) return;
  const came = waiting.order.filter((id) => !findCard(id));
  const went = listWaiting().map((card) => Number(card.dataset.id)).filter((id) => !waiting.order.includes(id));
  for (const id of [...came, ...went]) await refreshCard(id);
  if (!came.length && !went.length) return;
  await refreshHead();
  // The head of the page has not heard of them either.
  document.dispatchEvent(new Event("pipelinechange"));
}

/** Reads cards anew, but none under the reader's hands. */
async function refreshAll(cards) {
  for (const card of cards) {
    const focus = card.contains(document.activeElement) && document.activeElement !== card;
    if (!focus && !card.querySelector(".reject:not([hidden])")) await refreshCard(card.dataset.id);
  }
}

// Deciding, and what follows: a form's data-vote is the last part of its address.

function say(place, text) {
  const fault = place.querySelector("[data-field=fault]");
  if (!fault) return;
  fault.hidden = !text;
  setText(fault, text);
}

/** A rejection without a reason is not sent: the form stays, and says what is missing at the field. */
function askWhy(form, isMissing) {
  const place = form.querySelector("[data-field=why]"), box = form.elements.comment;
  place.hidden = !isMissing;
  if (isMissing) box.setAttribute("aria-invalid", "true"); else box.removeAttribute("aria-invalid");
  if (isMissing) box.focus();
}

const isMuteRefusal = (form) => ["reject", "withdraw", "fail", "close"].includes(form.dataset.vote) && !form.elements.comment.value.trim();

/** What a rejection waits for, where the form offers it and something was written; else null. */
function readUnless(form) {
  const { unless_value: value, unless_until: until } = form.elements;
  return value?.value.trim() || until?.value ? { value: value.value, until: until.value } : null;
}

function empty(form) {
  const { comment, unless_value: value, unless_until: until } = form.elements;
  for (const field of [comment, value, until]) if (field) field.value = "";
}

async function vote(form, place) {
  const body = { version: Number(form.elements.version.value) };
  for (const name of ["comment", "suggestion", "day"]) if (form.elements[name]) body[name] = form.elements[name].value;
  // An earlier suggestion that was chosen takes the place of the words.
  if (form.elements.earlier?.value) { body.earlier = Number(form.elements.earlier.value); delete body.suggestion; }
  const unless = readUnless(form);
  if (unless) body.unless = unless;
  if (isMuteRefusal(form)) { askWhy(form, true); return; }
  const buttons = place.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  let fault = "";
  try {
    const response = await fetch(`${proposalAddress(place.dataset.id)}${form.dataset.vote}/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
    if (!response.ok) fault = await readFault(response);
    // What was written stands: it only has to be mended.
    if (response.status === 400) { buttons.forEach((button) => { button.disabled = false; }); say(place, fault); return; }
    // Sent, or too late: nobody is writing it any more, and the card may be replaced.
    if (response.ok || response.status === 409) empty(form);
  } catch {
    fault = "The server did not answer. Whether your decision arrived is unknown: reload the page to see.";
  }
  buttons.forEach((button) => { button.disabled = false; });
  await settle(place, fault);
}

async function readFault(response) {
  const data = await response.json().catch(() => null);
  const message = data?.errors?.[0]?.message;
  if (message) return `${message[0].toUpperCase()}${message.slice(1).replace(/\.$/, "")}.`;
  return `The server refused with ${response.status}. Reload the page and try again.`;
}

async function settle(place, fault) {
  if (!list) {
    if (fault) say(place, fault); else location.reload();
    return;
  }
  await refreshCard(place.dataset.id);
  await refreshHead();
  const card = findCard(place.dataset.id) ?? place;
  say(card, fault);
  // Only where the focus fell out of the page: whoever has moved on stays there.
  if (document.activeElement === document.body) card.focus({ preventScroll: true });
}

function openReject(place, isOpen) {
  const form = place.querySelector("form[data-vote=reject]");
  if (!form) return;
  form.hidden = !isOpen;
  if (isOpen) { form.querySelector("textarea").focus(); return; }
  askWhy(form, false);
  // Back to the card, where the keys work.
  (list ? place : place.querySelector("[data-open=reject]"))?.focus();
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-vote]");
  if (form?.querySelector("[data-field=why]") && event.target.value.trim()) askWhy(form, false);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-vote]");
  // Of a project without the API the form itself goes its way.
  if (!form || !api) return;
  event.preventDefault();
  vote(form, form.closest("[data-id]"));
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open=reject], [data-close=reject]");
  if (!opener) return;
  event.preventDefault();
  openReject(opener.closest("[data-id]"), "open" in opener.dataset);
});

// Keys: j k move, enter opens, a approves, r rejects.

function move(step) {
  const cards = [...list.children];
  const at = cards.indexOf(document.activeElement.closest(".proposal"));
  const next = cards[Math.min(Math.max(at + step, 0), cards.length - 1)];
  next?.focus();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  // A button or a link that has the focus does what it says.
  if (event.key === "Enter" && event.target.closest("button, a, summary")) return;
  const card = document.activeElement.closest(".proposal");
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (!card) return;
  else if (event.key === "Enter") card.querySelector("h2 a").click();
  else if (event.key === "a") card.querySelector("form[data-vote=approve]")?.requestSubmit();
  else if (event.key === "r") openReject(card, true);
  else return;
  event.preventDefault();
}

function startInbox() {
  document.addEventListener("keydown", press);
  document.addEventListener("keydown", (event) => {
    const card = event.key === "Escape" && document.activeElement.closest(".proposal");
    if (card) openReject(card, false);
  });
  onMessage(async ({ type, id, again }) => {
    if (type === "open") {
      await findMissed();
      if (again) await refreshAll([...listWaiting(), ...toDo.querySelectorAll(".proposal")]);
    } else if (type === "pipeline") {
      await refreshCard(id);
      await refreshHead();
    }
  });
  // What it costs to wait grows, and the KPI moves on: the open cards follow, slowly.
  setInterval(() => {
    if (document.hidden) return;
    findMissed();
    refreshAll(listWaiting());
  }, 15_000);
}

function startProposal() {
  const load = async () => {
    const html = await getHtml(since.dataset.url);
    if (!html) throw new Error("The panel could not be read.");
    since.replaceChildren(html);
    drawEvidence(since);
  };
  // The panel's curve is some dozens of windows: a reader who decides needs no more of them.
  const every = 5000;
  const proposal = Number(decision.dataset.id);
  const refresher = makeRefresher({ load, now: () => performance.now(), later: (fn, ms) => setTimeout(fn, ms), every });
  onMessage(async ({ type, id }) => {
    if (["points", "summary"].includes(type)) refresher.ringAll();
    if (type !== "open" && (type !== "pipeline" || id !== proposal)) return;
    // A reader who is writing is told; one who is not sees the page as it is now.
    if (isWriting(decision)) noteChange(decision, proposal);
    else if (await findChange(decision, proposal)) location.reload();
  });
  if (since.dataset.topic) watch([since.dataset.topic]);
  setInterval(async () => {
    const cost = decision.querySelector(".cost");
    const fresh = cost && !document.hidden && (await getHtml(decision.dataset.url))?.querySelector(".cost");
    if (fresh?.querySelector("b")) cost.replaceChildren(...fresh.childNodes);
  }, 15_000);
}

const change = location.hash === "#change" && document.getElementById("change");
if (change) change.open = true;
drawEvidence(document);
countDown();
setInterval(countDown, 1000);
if (list) startInbox();
if (since) startProposal();
