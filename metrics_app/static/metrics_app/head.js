// The head of every page: theme, reader's time zone, the badge of waiting proposals, the live status.

import { getJson, onMessage, setText, start } from "./page.js";

/** The server writes times in the reader's zone from the next page on. */
function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;
}

function offerThemes() {
  const button = document.getElementById("theme");
  if (!button) return;
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const label = () => setText(button, isDark() ? "Light theme" : "Dark theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* Kept for this page only. */ }
    label();
    document.dispatchEvent(new Event("themechange"));
  });
  dark.addEventListener("change", label);
  label();
}

/** Counts the waiting proposals anew after each of their changes, and slowly: a change may go unheard. */
function keepBadge() {
  const badge = document.getElementById("badge");
  if (!badge) return;
  const count = async () => {
    const waiting = await getJson(badge.dataset.url).catch(() => null);
    if (!waiting) return;
    setText(badge.querySelector("[data-field=count]"), String(waiting.count));
    badge.hidden = waiting.count === 0;
    const toDo = document.getElementById("to-do-link");
    setText(toDo.querySelector("[data-field=count]"), String(waiting.to_do));
    toDo.hidden = waiting.to_do === 0;
    document.querySelectorAll("[data-waiting]").forEach((node) => setText(node, waiting.sentence));
  };
  onMessage(({ type }) => { if (type === "pipeline" || type === "open") count(); });
  document.addEventListener("pipelinechange", count);
  setInterval(() => { if (!document.hidden) count(); }, 60_000);
}

tellZone();
offerThemes();
keepBadge();
start();
