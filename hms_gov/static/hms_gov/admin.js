// Names the fields of the admin for screen readers where Django draws them without a label:
// search boxes of select2, and the two halves of a date with its time. And what its "Now" and "Today"
// write is by the server's clock, as all that is judged: Django asks the reader's.

import { ServerTime } from "../metrics_app/server-time.js";

const read = (label) => label?.textContent.trim().replace(/:$/, "") ?? "";
const find = (id) => (id ? document.querySelector(`label[for="${CSS.escape(id)}"]`) : null);

function nameBox(box) {
  const name = read(find(box.closest(".select2")?.previousElementSibling?.id));
  const shown = box.querySelector(".select2-selection__rendered");
  if (!name || !shown) return;
  const write = () => {
    const text = [name, shown.title].filter(Boolean).join(": ");
    if (box.getAttribute("aria-label") === text) return;
    box.removeAttribute("aria-labelledby");
    for (const node of [box, shown]) node.setAttribute("aria-label", text);
  };
  write();
  new MutationObserver(write).observe(shown, { attributes: true, attributeFilter: ["title"] });
}

function nameHalf(input) {
  const row = input.closest(".form-row, td, fieldset");
  const name = read(row?.querySelector("legend, label:not([for$='_0']):not([for$='_1'])") ?? row?.querySelector("label"));
  const half = input.classList.contains("vDateField") ? "date" : "time";
  if (!find(input.id)) input.setAttribute("aria-label", [name, half].filter(Boolean).join(", "));
}

function nameAll() {
  document.querySelectorAll(".select2-selection[role=combobox]:not([aria-label])").forEach(nameBox);
  document.querySelectorAll(".vDateField:not([aria-label]), .vTimeField:not([aria-label])").forEach(nameHalf);
}

function correctShortcuts(shortcuts) {
  const time = new ServerTime(), now = shortcuts.now;
  time.tellWritten(document.querySelector("meta[name=now]")?.content);
  shortcuts.now = () => new Date(now().getTime() + time.now() - time.wall());
}

if (globalThis.DateTimeShortcuts) correctShortcuts(globalThis.DateTimeShortcuts);

// Boxes are drawn once the page is ready, and again for each row that is added to a form.
addEventListener("load", () => {
  nameAll();
  new MutationObserver(nameAll).observe(document.getElementById("content") ?? document.body, { childList: true, subtree: true });
});
