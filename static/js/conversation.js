// An open conversation: frames as high as their mail, messages that open and close, folded ones, what is done to single
// messages, and news that come while it is open. Nothing inside a frame can run; this page measures it from outside.
// The conversation is the view, or lies in the reading pane beside a list: its facts are `reading()`.

import { commands, getHtml, getJson, isElsewhere, later, main, parse, post, reading, say, up, view, words } from "./client.js";
import { press } from "./keyboard.js";
import { toast } from "./toast.js";
import { remember, undo } from "./actions.js";

const root = document.documentElement;
const closed = new Map();  // message id → its closed line
const messages = () => [...main.querySelectorAll("[data-messages] > .message:not(.fold)")];
const messageOf = (id) => main.querySelector(`#m-${CSS.escape(id)}`);
const isReading = () => reading().view === "conversation";
const isAlone = () => view().view === "conversation";
const idsOf = (message) => message.dataset.ids.split(" ");  // a sent message and its delivered twin are one
const showPictures = later(() => import("./pictures.js"), "show"), darken = later(() => import("./pictures.js"), "darken");
const panels = (name) => later(() => import("./message-panels.js"), name);
const showWhy = panels("showWhy"), unsubscribe = panels("unsubscribe"), phishing = panels("phishing"), answer = panels("answer"), correct = panels("correct");

/* --- frames ------------------------------------------------------------------- */
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(target.ownerDocument.defaultView?.frameElement);
});

function fit(frame) {
  const page = frame?.contentDocument?.documentElement;
  if (!page) return;
  narrow(frame, page);
  const wide = page.scrollWidth > page.clientWidth ? 16 : 0;
  const height = Math.ceil(page.getBoundingClientRect().height) + wide;
  if (height > 0) frame.style.blockSize = `${height}px`;
}

/* A mail made for a wider screen is drawn smaller, as far as it can still be read; what is wider yet scrolls. */
function narrow(frame, page) {
  const width = page.clientWidth;
  if (!width || Number(frame.dataset.fitted) === width || !frame.contentDocument.body) return;
  frame.dataset.fitted = width;
  const body = frame.contentDocument.body;
  body.style.zoom = "";
  const needed = page.scrollWidth;
  if (needed > width) body.style.zoom = Math.max(0.55, width / needed);
}

function dress(frame) {
  const page = frame.contentDocument;
  if (!page?.body || !page.body.childNodes.length && page.URL === "about:blank") return;
  page.documentElement.dataset.theme = root.dataset.theme;
  sizes.observe(page.body);
  fit(frame);
  page.addEventListener("keydown", press);  // keys mean the same with the focus in a mail
  page.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="/mail/compose/"]');
    if (!link) return;
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("compose:open", { detail: { mailto: new URL(link.href).searchParams.get("mailto") } }));
  });
}

function frames() {
  for (const frame of main.querySelectorAll("iframe.message-frame:not([data-dressed])")) {
    frame.dataset.dressed = "";
    frame.addEventListener("load", () => dress(frame));
    if (frame.contentDocument?.readyState === "complete") dress(frame);
  }
}

new MutationObserver(() => {
  for (const frame of main.querySelectorAll("iframe.message-frame")) if (frame.contentDocument) frame.contentDocument.documentElement.dataset.theme = root.dataset.theme;
}).observe(root, { attributeFilter: ["data-theme"] });

/** The search that led here, so that its words are marked in what is opened. */
const asked = (sign) => (reading().query ? `${sign}${new URLSearchParams({ q: reading().query })}` : "");

/* A small picture that cannot be drawn leaves the sign of its kind, which lies below it. */
const drop = (picture) => { if (picture?.matches?.(".file-icon > img")) picture.remove(); };
document.addEventListener("error", (event) => drop(event.target), true);

/* --- opening and closing --------------------------------------------------------- */
async function openMessage(id) {
  const line = messageOf(id);
  if (!line?.classList.contains("closed")) return;
  line.setAttribute("aria-busy", "true");
  try {
    const open = parse(await getHtml(`/mail/message/${id}/${asked("?")}`)).querySelector("li");
    if ("unread" in line.dataset) post("/mail/actions/read-messages/", fields(line)).catch(() => {});
    closed.set(id, line);
    line.replaceWith(open);
    frames();
  } catch (problem) {
    toast(problem);
  } finally {
    line.removeAttribute("aria-busy");
  }
}

/** What is posted about messages: every one with its twin, and the place they are looked at in. */
const fields = (...chosen) => new URLSearchParams([...chosen.flatMap(idsOf).map((id) => ["ids", id]), ["box", reading().box]]);

async function closeMessage(id) {
  const open = messageOf(id);
  if (!open || open.classList.contains("closed")) return;
  const line = closed.get(id) ?? parse(await getHtml(`/mail/message/${id}/?closed=1${asked("&")}`)).querySelector("li");
  line.classList.remove("unread");
  delete line.dataset.unread;
  open.replaceWith(line);
  line.querySelector(".message-head")?.focus({ preventScroll: true });
}

async function unfold(fold) {
  if (fold.dataset.far) {  // a long run is drawn when it is asked for
    const page = parse(await getHtml(withQuery("all", "1"))), wanted = new Set(fold.dataset.far.split(" "));
    fold.replaceWith(...[...page.querySelectorAll("[data-messages] > .message")].filter((each) => wanted.has(each.dataset.message)));
    return;
  }
  let next = fold.nextElementSibling;
  while (next?.matches("template[data-folded]")) {
    const after = next.nextElementSibling;
    next.replaceWith(next.content);
    next = after;
  }
  fold.remove();
}

const withQuery = (name, value) => {
  const url = new URL(location.href);
  url.searchParams.set(name, value);
  return url.href;
};

/** A few are asked for one by one; of many the whole page comes open, once. */
async function openAll() {
  const folds = [...main.querySelectorAll("[data-fold]")];
  if (folds.length || main.querySelectorAll("[data-messages] > .closed").length > 4) {
    const page = parse(await getHtml(withQuery("open", "all"))), list = main.querySelector("[data-messages]");
    for (const fold of folds) { while (fold.nextElementSibling?.matches("template")) fold.nextElementSibling.remove(); fold.remove(); }
    let after = null;
    for (const fresh of [...page.querySelectorAll("[data-messages] > .message")]) {
      const old = messageOf(fresh.dataset.message), kept = old && !old.classList.contains("closed");
      const stands = kept ? old : fresh;
      if (old && !kept) { closed.set(fresh.dataset.message, old); old.replaceWith(fresh); } else if (!old) after ? after.after(fresh) : list.prepend(fresh);
      after = stands;
    }
    frames();
  } else for (const message of messages()) if (message.querySelector("[data-open]")) openMessage(message.dataset.message);
  allOpen(true);
}

function closeAll() {
  for (const message of messages().slice(0, -1)) closeMessage(message.dataset.message);
  allOpen(false);
}

function allOpen(on) {
  const open = main.querySelector("[data-open-all]"), close = main.querySelector("[data-close-all]");
  if (open) open.hidden = on;
  if (close) close.hidden = !on;
}

function step(by) {
  const all = messages(), now = all.findIndex((message) => message.contains(document.activeElement));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by];
  if (!next) return;
  const head = next.querySelector("a.message-head") ?? next;
  head.tabIndex = head.tabIndex < 0 ? -1 : head.tabIndex;
  if (head === next) next.tabIndex = -1;
  head.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-pictures]");
  if (!form) return;
  event.preventDefault();
  showPictures(form, event.submitter);
});

document.addEventListener("click", (event) => {
  const twin = event.target.closest?.("[data-darken]");
  if (twin) darken(twin);
  const opener = event.target.closest?.("[data-open]");
  if (opener && !event.ctrlKey && !event.metaKey) { event.preventDefault(); openMessage(opener.dataset.open); return; }
  const fold = event.target.closest?.(".fold-button");
  if (fold) { event.preventDefault(); unfold(fold.closest("[data-fold]")).catch((problem) => toast(problem.message)); return; }
  if (event.target.closest?.("[data-open-all]")) { event.preventDefault(); openAll().catch((problem) => toast(problem.message)); return; }
  if (event.target.closest?.("[data-close-all]")) { closeAll(); return; }
  if (panelFor(event)) return;
  const folds = event.target.closest?.("[data-fold-message]");
  if (folds && messages().length > 1) { closeMessage(folds.dataset.foldMessage); return; }
  const head = event.target.closest?.("[data-close]");
  if (head && !event.target.closest("button, a, .menu") && !getSelection().toString() && messages().length > 1) closeMessage(head.dataset.close);
  const button = event.target.closest?.("[data-message-action]");
  if (button) actOn(button.closest("[data-message]"), button.dataset.messageAction, button);
}, true);

/* Panels and dialogs about one message come with a module of their own, when the first one is asked for. */
function panelFor(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return false;
  for (const [selector, run] of [["[data-why][href]", showWhy], ["[data-unsubscribe]", unsubscribe], ["[data-phishing]", phishing]]) {
    const asked = event.target.closest?.(selector), message = asked?.closest("[data-message]");
    if (!message) continue;
    event.preventDefault();
    event.stopPropagation();
    for (const menu of message.querySelectorAll(".menu:popover-open")) menu.hidePopover();
    run(message, asked).catch((problem) => toast(problem));
    return true;
  }
  return false;
}

const settleReceipt = later(() => import("./receipts.js"), "settle");
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-receipt]");
  if (!form) return;
  event.preventDefault();
  settleReceipt(form, event.submitter).catch((problem) => toast(problem));
});

const actOnSending = later(() => import("./sending.js"), "act");
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-sending-form]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  actOnSending(form, event.submitter).catch((problem) => toast(problem));
});

document.addEventListener("submit", (event) => {
  const run = event.target.matches?.(".invitation-answers") ? answer : event.target.matches?.("[data-messages] [data-correct]") ? correct : null;
  if (!run) return;
  event.preventDefault();
  run(event.target, event.submitter).catch((problem) => toast(problem));
});

/* --- what is done to one message --------------------------------------------------- */
async function actOn(message, what, button) {
  try {
    if (what === "star") {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      await post(`/mail/actions/${on ? "star" : "unstar"}-messages/`, fields(message)).catch((problem) => { button.setAttribute("aria-pressed", !on); throw problem; });
    } else if (what === "unread-from") {
      await post("/mail/actions/unread-messages/", fields(...messages().slice(messages().indexOf(message))));
      leave();
    } else takeAway(message, await post(`/mail/actions/${what}-messages/`, fields(message)));
  } catch (problem) {
    toast(problem);
  }
}

/** A message has left: its line goes, and Undo brings it back to its place. */
export function takeAway(message, said) {
  const next = message.nextElementSibling, list = message.parentElement;
  message.closest(".menu")?.hidePopover();
  message.remove();
  remember(said.action);
  const back = () => (next?.isConnected ? next.before(message) : list.append(message));
  toast(said.text, { actions: said.action ? [{ text: words.undo, run: () => undo().then(back) }] : [] });
  if (!messages().length) leave();
}

/** Back to the list; beside a list there is nowhere to go. */
function leave() {
  if (isAlone()) up();
}

/* --- news while it is open ----------------------------------------------------------- */
let polling = 0;

export async function catchUp() {
  const { thread, only } = reading();
  if (!isReading()) return null;
  const news = await getJson(`/mail/live/conversation/${thread}/${location.search.includes("aside") ? "?aside=1" : ""}`);
  if (reading().thread !== thread) return news;
  const shown = new Set([...main.querySelectorAll("[data-messages] [data-message]")].map((each) => each.dataset.message));
  for (const { dataset: { far } } of main.querySelectorAll("[data-fold][data-far]")) for (const id of far.split(" ")) shown.add(id);
  for (const folded of main.querySelectorAll("template[data-folded]")) for (const each of folded.content.querySelectorAll("[data-message]")) shown.add(each.dataset.message);
  const fresh = only ? [] : news.messages.filter((each) => !each.draft && !shown.has(String(each.id)));  // a message alone is all there is
  const note = main.querySelector("[data-new-messages]");
  if (fresh.length && fresh.every((each) => each.own)) await showNew();  // what I have just sent needs no asking
  else if (note) {
    note.hidden = !fresh.length;
    note.replaceChildren();
    if (fresh.length) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "link";
      button.textContent = words.show;
      button.addEventListener("click", showNew);
      note.append(fresh.length === 1 ? words.new_messages_one : say("new_messages_many", fresh.length), " ", button);
    }
  }
  await relabel(news.boxes.join(" "));
  for (const { id, starred } of news.messages) messageOf(String(id))?.querySelector('[data-message-action="star"]')?.setAttribute("aria-pressed", starred);
  for (const [id, sending] of Object.entries(news.sendings)) showSending(id, sending);
  poll();
  return news;
}

/* The labels beside the subject follow what is done here, in another tab or by a mail program. */
async function relabel(boxes) {
  const facts = reading();
  if (boxes === (facts.told ?? facts.boxes)) return;
  facts.told = boxes;
  const page = parse(await getHtml(location.href)), title = main.querySelector(".conversation-title");
  if (reading() !== facts || !title) return;
  facts.boxes = page.querySelector("#reading, [data-view=conversation]")?.dataset.boxes ?? boxes;
  title.querySelector(".chips")?.remove();
  title.append(...page.querySelectorAll(".conversation-title > .chips"));
  for (const fresh of page.querySelectorAll("[data-chooser]")) {  // a label that is new can be chosen
    const old = document.getElementById(fresh.id);
    if (old && !old.matches(":popover-open")) old.replaceWith(fresh);
  }
}

function showSending(id, { html, state }) {
  const message = messageOf(id), old = message?.querySelector("[data-sending]");
  const node = message?.querySelector(":scope > .node");
  if (node) node.dataset.state = state;
  if (!message || message.classList.contains("closed")) return;
  const fresh = parse(html).querySelector("[data-sending]");
  if (old) swapSending(old, fresh);
  else message.querySelector(".message-content")?.prepend(fresh);
}

/* What somebody has unfolded stays so, what they fold away too, unless it now says that something failed. */
function swapSending(old, fresh) {
  const plain = (block) => block.innerHTML.replace(/ name="csrfmiddlewaretoken" value="[^"]*"| open(="")?/g, "");
  const same = plain(old) === plain(fresh);
  old.dataset.waiting = fresh.dataset.waiting ?? "";
  if (!("waiting" in fresh.dataset)) delete old.dataset.waiting;
  if (same || old.querySelector(":popover-open")) return;  // somebody is just choosing an hour
  fresh.open = old.open || (fresh.dataset.state === "failed" && old.dataset.state !== "failed");
  const inside = (block) => [...block.querySelectorAll(".thread-step")];
  const before = inside(old), focused = old.contains(document.activeElement) ? document.activeElement.closest("summary") : null;
  for (const [place, step] of inside(fresh).entries()) {
    if (before[place]?.dataset.state !== step.dataset.state) step.classList.add("arrived");
    for (const [number, details] of [...step.querySelectorAll("details")].entries()) details.open = before[place]?.querySelectorAll("details")[number]?.open ?? false;
  }
  old.replaceWith(fresh);
  if (focused) fresh.querySelector("summary")?.focus({ preventScroll: true, focusVisible: false });
}

async function showNew() {
  const page = parse(await getHtml(location.href));
  const list = main.querySelector("[data-messages]");
  for (const fresh of page.querySelectorAll("[data-messages] > .message")) {
    if (fresh.dataset.message && !messageOf(fresh.dataset.message)) { fresh.classList.add("arrived"); list.append(fresh); }
  }
  const bar = page.querySelector("[data-reply-bar]"), now = main.querySelector("[data-reply-bar]");
  if (bar && now && !now.querySelector(".compose")) now.replaceWith(bar);
  main.querySelector("[data-new-messages]").hidden = true;
  frames();
  markRead();
}

/* Each step of a sending rings by itself but for its beginning: a page looks again when one is due. */
function poll() {
  clearTimeout(polling);
  const waits = [...main.querySelectorAll("[data-sending][data-waiting]")].map((each) => Number(each.dataset.waiting) || 60);
  if (waits.length && !document.hidden) polling = setTimeout(() => catchUp().catch(() => {}), 1000 * Math.min(...waits));
}

/* --- arriving at the view -------------------------------------------------------------- */
let readingTimer = 0;

/** Read at once, after a while, or only by hand (Preferences.read_after, in seconds). */
function markRead() {
  clearTimeout(readingTimer);
  const { thread, only, box, readAfter = "0" } = reading(), wait = Number(readAfter);
  if (wait < 0) return;
  const run = () => {
    if (reading().thread !== thread) return;
    post(`/mail/actions/read${only ? "-messages" : ""}/`, { ids: only ?? thread, box }).catch(() => {});
    for (const form of main.querySelectorAll('[data-receipt="always"]')) settleReceipt(form).catch(() => {});
  };
  if (wait) readingTimer = setTimeout(run, wait * 1000);
  else run();
}

function settle(event) {
  clearTimeout(polling);
  clearTimeout(readingTimer);
  if (!isReading()) return;
  frames();
  poll();
  if (event?.detail?.restored) return;
  if ("hasUnread" in reading()) {
    markRead();
    delete reading().hasUnread;
  }
  const beside = event?.type === "mail:reading";  // the keys stay in the list
  if (!beside && !isElsewhere()) main.querySelector(".subject")?.focus({ preventScroll: true });
  const unread = messages().find(({ dataset }) => "unread" in dataset && "opened" in dataset) ?? messages().find((message) => "opened" in message.dataset);
  if (unread && unread.getBoundingClientRect().top > innerHeight * 0.6) unread.scrollIntoView({ block: "start" });
}

for (const [name, run] of Object.entries({
  "next-message": () => step(1),
  "previous-message": () => step(-1),
  "open-all": openAll,
  "close-all": closeAll,
  "unread-from": () => { const message = document.activeElement.closest?.("[data-message]"); if (message) actOn(message, "unread-from"); },
})) commands.set(name, () => isReading() && run());

const openRow = commands.get("open");
commands.set("open", () => {
  if (!isAlone()) { openRow?.(); return; }
  const message = document.activeElement.closest?.("[data-message]");
  if (message) (message.classList.contains("closed") ? openMessage : closeMessage)(message.dataset.message);
});

document.addEventListener("mail:view", settle);
document.addEventListener("mail:reading", settle);
settle();
