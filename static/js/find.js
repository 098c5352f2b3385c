// The key "/" of the panel: it leads to the search field in the top bar, whose hint names it. Outside of fields, menus and
// dialogs only, and never with Ctrl, Alt or ⌘, which belong to the browser. The web client has its own keys: keyboard.js.

const FIELDS = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]:not([contenteditable=false])";

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (event.target.closest?.(FIELDS) || document.querySelector("dialog[open], :popover-open")) return;
  const field = document.querySelector(".topbar .search input");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
});
