// Toasts: one short message at the bottom centre (webmail spec 5.1). A new one replaces the old one; it stays ten
// seconds, longer while pointed at or focused. One that waits for its time (stay 0) and can be taken back stays beside
// later ones: what is done during "Sending in 5 s" must not take its Undo away. Never inserts HTML: texts are texts.
// Used by every module that tells the user something: import { toast } from "./toast.js".

const STAY = 10_000;
const timers = new WeakMap();

function place() {
  return document.getElementById("toasts");
}

function dismiss(element) {
  clearTimeout(timers.get(element));
  if (!element?.isConnected) return;
  element.classList.add("leaving");
  setTimeout(() => element.remove(), 140);
}

function watch(element, stay) {
  const hold = () => clearTimeout(timers.get(element));
  const start = () => { hold(); if (stay && !element.matches(":hover, :focus-within")) timers.set(element, setTimeout(() => dismiss(element), stay)); };
  element.addEventListener("pointerenter", hold);
  element.addEventListener("pointerleave", start);
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", () => setTimeout(start));
  element.querySelector("[data-toast-close]")?.addEventListener("click", () => dismiss(element));
  start();
}

/** Shows `text`, or what went wrong when it is an Error, which is said at once (role alert); `actions` are [{text, run}] (or {text, url}); `stay` 0 keeps it until replaced. `name` becomes data-test="toast-…".
    Returns {close, say, stands, isNewest}: say(text) changes the words in place; stands() and isNewest() tell whether it
    is still there, and whether of those that offer a way back it is the last. */
export function toast(text, { actions = [], stay = STAY, name = "" } = {}) {
  const element = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  const words = element.querySelector(".toast-text");
  const close = element.querySelector("[data-toast-close]");
  words.textContent = text instanceof Error ? text.message : text;
  if (text instanceof Error) element.role = "alert";
  if (name) element.dataset.test = `toast-${name}`;
  if (!stay && actions.length) element.dataset.held = "";
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
  for (const old of [...place().children]) if (!("held" in old.dataset) || "held" in element.dataset) old.remove();
  place().append(element);
  watch(element, stay);
  return {
    close: () => dismiss(element),
    say: (next) => { words.textContent = next; },
    stands: () => element.isConnected && !element.classList.contains("leaving"),
    isNewest: () => [...place().querySelectorAll(".toast:not(.leaving):has(button.toast-action)")].at(-1) === element,
  };
}

/** Takes away what stands there, but for what can still be taken back. */
export function closeToast() {
  for (const element of place()?.children ?? []) if (!("held" in element.dataset)) dismiss(element);
}

for (const element of document.querySelectorAll("#toasts [data-toast]")) watch(element, STAY);
