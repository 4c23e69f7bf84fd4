// <live-spark topic="complaint.latency">: a live line on any page. The only file of it that touches the page.
//
// Attributes: topic; label, unit, aggregate (mean, count, rate_per_hour), window and span (seconds), limit,
// side ("below": the limit is a floor), stale-after (seconds); server and tickets for a page of another site.
// Its style is a constructed sheet: a content security policy without unsafe-inline allows it.

import { LiveLine, readOptions } from "./live-line.js";
import { connectTo } from "./metrics.js";
import { ServerTime } from "./server-time.js";
import { renderSpark } from "./spark.js";
import { tellMomentInZone } from "./moments.js";

const HEIGHT = 72, LEAST_WIDTH = 160, PAINT_EVERY = 250; // px, px, ms
const MARKUP = ["label", "value", "what", "words", "age", "place"];

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { --line: var(--live-spark-line, #005ea2); --ink: var(--live-spark-ink, #1b1b1b); --muted: var(--live-spark-muted, #565c65);
    --alarm: var(--live-spark-alarm, #b50909); --paper: var(--live-spark-paper, #ffffff);
    display: block; min-width: 12rem; color: var(--ink); background: var(--paper); font: inherit; }
  :host([hidden]) { display: none; }
  @media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { --line: var(--live-spark-line, #73b3e7); --ink: var(--live-spark-ink, #f0f0f0);
    --muted: var(--live-spark-muted, #c6cace); --alarm: var(--live-spark-alarm, #f9938e); --paper: var(--live-spark-paper, #1b1b1b); } }
  :host([theme="dark"]) { --line: var(--live-spark-line, #73b3e7); --ink: var(--live-spark-ink, #f0f0f0);
    --muted: var(--live-spark-muted, #c6cace); --alarm: var(--live-spark-alarm, #f9938e); --paper: var(--live-spark-paper, #1b1b1b); }
  .figure { margin: 0; outline-offset: 2px; }
  .figure:focus-visible { outline: 3px solid var(--line); }
  svg { display: block; width: 100%; height: ${HEIGHT}px; overflow: visible; }
  .line { fill: none; stroke: var(--line); stroke-width: 2; }
  .dot { fill: var(--line); }
  .limit { stroke: var(--alarm); stroke-width: 1.5; stroke-dasharray: 5 4; }
  .band { fill: var(--alarm); opacity: 0.08; }
  .ground, .mark { stroke: var(--muted); }
  text { fill: var(--muted); font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
  .row { display: flex; flex-wrap: wrap; gap: 0 0.75em; align-items: baseline; margin: 0; }
  .label { flex-basis: 100%; font-weight: 600; overflow-wrap: anywhere; }
  .value { font-size: 1.5em; font-weight: 600; }
  .breached .value::before { content: "▲ "; color: var(--alarm); }
  .what, .words, .age, .place { color: var(--muted); font-size: 0.875em; }
  .frozen svg { filter: grayscale(1); opacity: 0.5; }
  .frozen .value { color: var(--muted); font-weight: 400; }
  .frozen .words::before { content: "◌ "; }
  .frozen .line { stroke-dasharray: 2 3; }
  @media (prefers-reduced-motion: no-preference) { svg { transition: opacity 0.3s; } }
  @media (forced-colors: active) { .line { stroke: CanvasText; } .limit { stroke: Highlight; } }
  @media print { :host { --paper: #fff; --ink: #000; } }
`);

export class LiveSpark extends HTMLElement {
  static observedAttributes = ["topic", "server", "tickets", "label", "unit", "aggregate", "window", "span", "limit", "side", "stale-after"];

  /** A moment as it writes them. */
  tell = (ms) => tellMomentInZone(ms, { now: this.time.now(), seconds: true });

  connectedCallback() {
    if (!this.shadowRoot) this.build();
    this.begin();
  }

  disconnectedCallback() {
    this.finish();
  }

  attributeChangedCallback(name, before, after) {
    if (this.isConnected && this.stream && before !== after) this.begin();
  }

  build() {
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.figure = document.createElement("div");
    this.figure.className = "figure";
    this.figure.tabIndex = 0;
    this.figure.setAttribute("role", "img");
    this.figure.addEventListener("keydown", (event) => this.walk(event));
    this.figure.addEventListener("blur", () => this.choose(null));
    const row = document.createElement("p");
    row.className = "row";
    this.parts = Object.fromEntries(MARKUP.map((name) => [name, Object.assign(document.createElement("span"), { className: name })]));
    this.parts.place.setAttribute("role", "status");
    row.append(...Object.values(this.parts));
    root.append(row, this.figure);
    this.root = root;
  }

  /** Follows the topic of the attributes, from the beginning. */
  begin() {
    this.finish();
    const line = new LiveLine(readOptions((name) => this.getAttribute(name)));
    // Of the stream's server: that of the page, and the reader's clock, may have another.
    const time = new ServerTime();
    const later = () => this.paintSoon();
    Object.assign(this, { line, time });
    this.place = null;
    const tickets = this.getAttribute("tickets") ?? undefined;
    const place = { url: this.getAttribute("server") ?? new URL(import.meta.url).origin, tickets };
    this.stream = connectTo(place).stream(this.getAttribute("topic") ?? "", (point) => { line.push(point, time.now()); later(); }, {
      since: -Math.ceil(Math.min(line.span + line.window, 3_600_000) / 1000),
      // What the page's server said of the KPI's condition is history once a threshold changes.
      onState: () => this.removeAttribute("condition"),
      onClock: (ms, through) => { time.tell(ms); line.hear(time.now()); line.count(ms, through); later(); },
      onStatus: (status) => { line.setStatus(status, time.now()); later(); },
    });
    this.clock = setInterval(() => (time.hasSlept() ? this.awaken() : later()), 1000);
    later();
  }

  /** What is shown may be hours old, and the connection dead without a word of it. */
  awaken() {
    this.forgetCondition();
    this.begin();
  }

  forgetCondition() {
    for (const name of ["condition", "judged-until"]) this.removeAttribute(name);
  }

  finish() {
    this.stream?.close();
    clearInterval(this.clock);
    clearTimeout(this.waiting);
    this.stream = this.waiting = undefined;
  }

  /** Paints a few times a second at most, and only where somebody can see it. */
  paintSoon() {
    this.waiting ??= setTimeout(() => requestAnimationFrame(() => { this.waiting = undefined; if (this.stream) this.paint(); }), PAINT_EVERY);
  }

  paint() {
    const now = this.time.now(), until = Number(this.getAttribute("judged-until"));
    // That nobody judges is told on the stream: without one, or once its slot is overdue, nobody knows of it.
    if (!this.line.isTold(now) || (until && this.time.isTold && now > until)) this.forgetCondition();
    const shown = this.line.describe(now, this.tell);
    this.shown = shown;
    const frozen = shown.state !== "live" && shown.state !== "connecting";
    for (const node of this.root.children) {
      node.classList.toggle("frozen", frozen);
      node.classList.toggle("breached", shown.breached);
    }
    this.dataset.state = shown.state;
    const mark = this.place === null ? {} : { mark: shown.chart.ts[this.place] };
    const width = Math.max(this.getBoundingClientRect().width, LEAST_WIDTH);
    this.figure.replaceChildren(renderSpark({ ...shown.chart, ...mark }, width, HEIGHT));
    this.write(this.parts.label, this.line.label);
    for (const name of ["value", "what", "words", "age"]) this.write(this.parts[name], shown[name]);
    if (this.figure.getAttribute("aria-label") !== shown.sentence) this.figure.setAttribute("aria-label", shown.sentence);
  }

  write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  /** Arrow keys walk along the line, Home and End to its ends, Escape leaves it. */
  walk(event) {
    const last = (this.shown?.chart.ts.length ?? 1) - 1, at = this.place ?? last;
    const next = { ArrowLeft: at - (this.place === null ? 0 : 1), ArrowRight: at + 1, Home: 0, End: last, Escape: null }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.choose(next === null ? null : Math.min(Math.max(next, 0), last));
  }

  choose(place) {
    this.place = place;
    this.write(this.parts.place, place === null || !this.shown ? "" : this.line.describePlace(this.shown.chart, place, this.tell));
    this.paintSoon();
  }
}

if (!customElements.get("live-spark")) customElements.define("live-spark", LiveSpark);
