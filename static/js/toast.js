// Toasts: one short message at the bottom centre (webmail spec 5.1). A new one replaces the old one; it stays ten
// seconds, longer while pointed at or focused. Never inserts HTML: texts are texts.
// Used by every module that tells the user something: import { toast } from "./toast.js".

const STAY = 10_000;
let leaving = 0;

function place() {
  return document.getElementById("toasts");
}

function dismiss(element) {
  if (!element?.isConnected) return;
  element.classList.add("leaving");
  setTimeout(() => element.remove(), 140);
}

function watch(element, stay) {
  const start = () => { clearTimeout(leaving); if (stay) leaving = setTimeout(() => dismiss(element), stay); };
  const hold = () => clearTimeout(leaving);
  element.addEventListener("pointerenter", hold);
  element.addEventListener("pointerleave", start);
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", start);
  element.querySelector("[data-toast-close]")?.addEventListener("click", () => { clearTimeout(leaving); dismiss(element); });
  start();
}

/** Shows `text`; `actions` are [{text, run}] (or {text, url}); `stay` 0 keeps it until replaced. `name` becomes data-test="toast-…".
    Returns {close, say}: say(text) changes the words in place. */
export function toast(text, { actions = [], stay = STAY, name = "" } = {}) {
  const element = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  const words = element.querySelector(".toast-text");
  const close = element.querySelector("[data-toast-close]");
  words.textContent = text;
  if (name) element.dataset.test = `toast-${name}`;
  for (const action of actions) {
    const button = document.createElement(action.url ? "a" : "button");
    button.className = "toast-action";
    button.textContent = action.text;
    if (action.url) button.href = action.url;
    else {
      button.type = "button";
      button.addEventListener("click", () => { dismiss(element); action.run(); });
    }
    close.before(button);
  }
  place().replaceChildren(element);
  watch(element, stay);
  return { close: () => dismiss(element), say: (next) => { words.textContent = next; } };
}

export function closeToast() {
  for (const element of place()?.children ?? []) dismiss(element);
}

for (const element of document.querySelectorAll("#toasts [data-toast]")) watch(element, STAY);
