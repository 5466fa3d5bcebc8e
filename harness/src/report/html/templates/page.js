// Buttons that copy a command; without a script it can be selected.
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    const word = button.firstChild;
    try {
      await navigator.clipboard.writeText(code.textContent);
      word.data = "Copied";
    } catch {
      // The page may not write to the clipboard; then the command is selected, for a key to copy it.
      getSelection().selectAllChildren(code);
      word.data = "Selected";
    }
    setTimeout(() => { word.data = "Copy"; }, 1500);
  });
}
// On paper nothing can be opened.
addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details:not([open])")) {
    closed.dataset.closed = "";
    closed.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const opened of document.querySelectorAll("details[data-closed]")) {
    delete opened.dataset.closed;
    opened.open = false;
  }
});
