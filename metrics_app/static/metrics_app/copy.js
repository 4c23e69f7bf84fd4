// The button beside a field that is shown once: puts its text on the clipboard.

for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const told = document.getElementById(button.getAttribute("aria-describedby"));
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      told.textContent = "Copied.";
    } catch {
      // Without HTTPS, or when it is refused, the browser has no clipboard for us.
      told.textContent = "It is selected: press Ctrl+C or ⌘C to copy it.";
    }
  });
}
