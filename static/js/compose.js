// The dock: opens windows that write, from any link to /mail/compose/, any [data-compose], or the event
// `compose:open` ({detail: {mode, message, draft, mailto}}) on the document. Places them, brings them back after a
// reload or a crash, and says what became of a message: "Sending in 5 s. Undo", then "Sent. View",
// and when it soon turns out not to be delivered, that too.
// Small on purpose: the window, its editor and its styles are loaded when somebody is about to write.

import { isNewest, toast } from "./toast.js";

const dock = document.getElementById("compose-dock");
const page = document.querySelector("[data-compose-page]");
const windows = [];
const phone = matchMedia("(width <= 768px)");
let parts = null, net = null;

const account = dock?.dataset.account ?? "";
const LATE = 12_000;  // ms after the page began

const OPEN = `mailstead-compose-open:${account}`, ON_ITS_WAY = `mailstead-compose-sending:${account}`;

function load() {
  parts ??= Promise.all([import("./compose-window.js"), import("./compose-net.js"), import("./compose-editor.js"), styles()])
    .then(([made, calls, editor]) => { net = calls; return { ComposeWindow: made.ComposeWindow, storeKey: made.storeKey, loadEditor: editor.loadEditor }; })
    .catch((error) => { parts = null; throw error; });
  return parts;
}

function styles() {
  if (document.querySelector(`link[href="${dock.dataset.css}"]`)) return null;
  return new Promise((resolve) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: dock.dataset.css });
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

/* --- opening --- */
const wishOf = (element) => {
  const query = new URL(element.getAttribute("href") ?? "", location.href).searchParams;
  return {
    mode: element.dataset.compose || query.get("mode") || "new", message: element.dataset.message || query.get("message"),
    draft: element.dataset.draft || query.get("draft"), mailto: element.dataset.mailto || query.get("mailto"),
  };
};

async function open(wish, { opener = document.activeElement, full = false, key, copy, folded = false } = {}) {
  const mode = wish.mode || "new";
  const there = windows.find((each) => !each.element.hidden && (
    (wish.draft && String(each.draft) === String(wish.draft)) || (mode !== "new" && wish.message && each.wish?.mode === mode && String(each.wish.message) === String(wish.message))));
  if (there) { there.fold(false); there.body.focus(); return there; }
  const { ComposeWindow } = await load();
  const plain = mode === "new" && !wish.mailto && !wish.draft;
  let data = {};
  try {
    if (!plain) data = await net.call(`opening/?${query({ ...wish, mode: wish.draft ? "draft" : mode })}`);
  } catch (error) {
    if (!copy) { if (!key) toast(error); return null; }  // what was open before a reload may have been sent since
  }
  if (copy) data = { ...data, ...copy.content, quote: data.quote ?? "", quoteKept: copy.content.quote, files: data.files, draft: copy.draft ?? data.draft, version: copy.version ?? data.version };
  const made = new ComposeWindow(data, { dock: self, key: key ?? crypto.randomUUID?.() ?? String(Math.random()).slice(2), opener, dirty: Boolean(copy) });
  made.wish = wish;
  windows.push(made);
  if (full) made.toggleFull(true);
  if (folded) made.fold(true);
  self.arrange(made);
  self.remember();
  if (copy) { made.state(net.say("restored")); made.touched({ settled: true }); }
  else if (!folded) made.focusStart();
  return made;
}

const query = (wish) => new URLSearchParams(Object.entries(wish).filter(([, value]) => value)).toString();

/* --- what windows ask of the dock --- */
const self = {
  append: (element) => dock.append(element),

  /** Folds the oldest windows when there is no room; `first` stays open. */
  arrange(first = null) {
    const shown = windows.filter((each) => !each.element.hidden);
    const room = phone.matches ? 1 : Math.max(1, Math.floor((innerWidth - 40) / 526));
    const open = shown.filter((each) => !each.folded && each !== first);
    for (const each of open.slice(0, Math.max(0, open.length + (first ? 1 : 0) - room))) each.element.classList.add("folded");
    if (first?.full) for (const each of open) each.element.classList.remove("full");
    document.documentElement.classList.toggle("composing", phone.matches && shown.some((each) => !each.folded));
    self.remember();
  },

  /** For a reload: which windows stand open. Their text is at the server, or in this browser's copy. */
  remember() {
    const list = windows.filter((each) => !each.closed && !each.element.hidden && (each.draft || each.dirty))
      .map((each) => ({ key: each.key, draft: each.draft, mode: each.mode, message: each.message, folded: each.folded, full: each.full }));
    try { sessionStorage.setItem(OPEN, JSON.stringify(list)); } catch { /* forbidden */ }
    nameInAddress(list.map((each) => each.draft).filter(Boolean));
  },

  gone(gone) {
    windows.splice(windows.indexOf(gone), 1);
    self.arrange();
    if (page && !windows.some((each) => !each.closed)) location.assign(dock.dataset.home);
  },

  sendingStarts: () => toast(net.say("sending"), { stay: 0, name: "sending" }),

  sent(window_, sent) {
    const until = Date.now() + sent.seconds * 1000;
    sessionStorage.setItem(ON_ITS_WAY, JSON.stringify({ ...sent, until }));
    self.remember();
    if (page) return window_.leave();
    onItsWay({ ...sent, until }, window_);
  },

  wasSent(window_) {
    window_.leave();
    if (!page) toast(net.say("sent"), { name: "sent" });
  },

  discarded({ action, draft, snapshot }) {
    if (page) return;
    const back = async () => {
      if (!action) return void open({ mode: snapshot.mode, message: snapshot.message }, { copy: { content: { ...snapshot, quote: snapshot.quoteKept } } });
      try {
        await net.call("restore/", { body: { action, draft } });
        open({ mode: "draft", draft });
      } catch (error) { toast(error); }
    };
    toast(net.say("discarded"), { actions: [{ text: net.say("undo"), run: back }], name: "discarded" });
  },
};

/* The address bar names the drafts that stand open (#compose=12,15): a reload, or the address elsewhere, opens them. */
function nameInAddress(drafts) {
  const hash = drafts.length ? `#compose=${drafts.join(",")}` : "";
  if (page || location.hash === hash || (!hash && !location.hash.startsWith("#compose="))) return;
  history.replaceState(history.state, "", location.pathname + location.search + hash);
}
const named = () => location.hash.match(/^#compose=([\d,]{1,200})$/)?.[1].split(",").filter(Boolean) ?? [];

/* --- after sending --- */
function onItsWay(sent, window_ = null) {
  let timer = 0;
  const done = () => {
    clearInterval(timer);
    sessionStorage.removeItem(ON_ITS_WAY);
    window_?.leave();
    toast(net.say("sent"), { actions: sent.url ? [{ text: net.say("view"), url: sent.url }] : [], name: "sent" });
    document.dispatchEvent(new CustomEvent("compose:sent", { detail: sent }));
    follow(sent);
  };
  const left = () => Math.max(0, Math.ceil((sent.until - Date.now()) / 1000));
  if (!left()) return done();
  const takeBack = async () => {
    clearInterval(timer);
    shown.close();
    document.removeEventListener("keydown", onKey, true);
    try {
      const data = await net.call(`undo/${sent.outgoing}/`, { body: {} });
      sessionStorage.removeItem(ON_ITS_WAY);
      if (window_) window_.takenBack(data);
      else open({ mode: "draft", draft: data.draft });
      toast(net.say("takenBack"), { name: "taken-back" });
    } catch (error) {
      window_?.leave();
      toast(error);
    }
  };
  const onKey = (event) => {  // `z` takes back what was done last, and as long as this toast stands that is the sending
    if (event.key !== "z" || event.ctrlKey || event.metaKey || event.altKey || !isNewest("sending")) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable=true]")) return;
    event.preventDefault();
    event.stopPropagation();
    takeBack();
  };
  document.addEventListener("keydown", onKey, true);
  const shown = toast(net.say("sendingIn", left()), { actions: [{ text: net.say("undo"), run: takeBack }], stay: 0, name: "sending" });
  timer = setInterval(() => {
    if (left()) return shown.say(net.say("sendingIn", left()));
    document.removeEventListener("keydown", onKey, true);
    shown.close();
    done();
  }, 250);
}

/* A wrong address is known within seconds: whoever has just sent to it is told wherever they are by then. */
const LOOKS = [3, 6, 12, 30, 60, 120];  // seconds after the one before

function follow(sent, looks = LOOKS) {
  const thread = sent.url?.match(/(\d+)\/$/)?.[1];
  if (!thread || !sent.message || !looks.length) return;
  setTimeout(async () => {
    let sending = { waiting: true };
    try {
      const answer = await fetch(`/mail/live/conversation/${thread}/`, { redirect: "error" });
      if (answer.ok) sending = (await answer.json()).sendings[sent.message] ?? {};
    } catch { /* no connection: look again later */ }
    if (sending.state === "failed") {
      if (location.pathname !== sent.url) toast(`${sending.text}.`, { actions: [{ text: net.say("view"), url: sent.url }], name: "undelivered" });
    } else if (sending.waiting) follow(sent, looks.slice(1));
  }, looks[0] * 1000);
}

/* --- after a reload, or a crash --- */
function kept() {
  const prefix = `mailstead-compose:${account}:`;
  return new Map(Object.keys(localStorage).filter((key) => key.startsWith(prefix)).map((key) => {
    try { return [key.slice(prefix.length), JSON.parse(localStorage.getItem(key))]; } catch { return [key.slice(prefix.length), null]; }
  }).filter(([, copy]) => copy));
}

async function restore() {
  const inAddress = named();
  let list = [];
  try { list = JSON.parse(sessionStorage.getItem(OPEN) ?? "[]"); } catch { /* nothing to bring back */ }
  const copies = kept();
  if (copies.size && navigator.locks) {
    const held = new Set((await navigator.locks.query()).held.map((each) => each.name));
    const prefix = `mailstead-compose:${account}:`;
    const mine = new Set(list.map((each) => each.key));
    for (const [key, copy] of copies) {
      if (!mine.has(key) && !held.has(prefix + key)) list.push({ key, draft: copy.draft, mode: copy.content.mode, message: copy.content.message });
    }
  }
  for (const draft of inAddress) if (!list.some((each) => String(each.draft) === draft)) list.push({ key: undefined, draft });
  for (const each of list) {
    const copy = copies.get(each.key);
    if (!copy && !each.draft) continue;
    await open({ mode: each.draft ? "draft" : each.mode, draft: each.draft, message: each.draft ? null : each.message }, { opener: null, key: each.key, copy, folded: each.folded, full: each.full });
  }
  const sending = JSON.parse(sessionStorage.getItem(ON_ITS_WAY) ?? "null");
  if (sending && !page) { await load(); onItsWay(sending); }
}

function start() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const element = event.target.closest?.(`[data-compose], a[href^="${dock.dataset.url}"]`);
    if (!element || element.closest("#compose-dock")) return;
    event.preventDefault();
    open(wishOf(element), { opener: element });
  }, true);
  document.addEventListener("compose:open", (event) => open(event.detail ?? {}));
  for (const shown of ["mail:view", "mail:reading"]) document.addEventListener(shown, () => self.remember());  // another address, the same windows
  phone.addEventListener("change", () => self.arrange());
  addEventListener("resize", () => self.arrange(windows.find((each) => each.element.contains(document.activeElement))));
  addEventListener("pagehide", () => { for (const each of windows) { each.keepCopy(); if (each.draft && !each.discarding && (each.dirty || each.unsettled)) leaving(each); } });
  addEventListener("beforeunload", (event) => { if (windows.some((each) => each.files.running.size)) event.preventDefault(); });
  if (page) {
    page.hidden = true;
    const field = (name) => page.querySelector(`[name="${name}"]`)?.value;
    const asked = Object.fromEntries(new URLSearchParams(location.search));
    open(field("draft") ? { mode: "draft", draft: field("draft") } : asked, { full: true, opener: null });
  } else restore();
  // The editor is the heaviest part of all: it comes when somebody is about to write, or when all else is long done.
  const ready = () => load().then(({ loadEditor }) => loadEditor()).catch(() => {});
  for (const kind of ["pointerover", "focusin", "touchstart"]) {
    document.addEventListener(kind, (event) => { if (event.target.closest?.("[data-compose]:not(.row-link)")) ready(); }, { passive: true });
  }
  if (!navigator.connection?.saveData) setTimeout(() => (window.requestIdleCallback ?? setTimeout)(ready), LATE);
}

/** The page goes: one last save that outlives it. What is too big for that is in the copy. */
function leaving(each) {
  const body = { ...each.content, draft: each.draft, version: each.version, settle: true };
  if (JSON.stringify(body).length < 60_000) net.call("save/", { body, keepalive: true }).catch(() => {});
}

if (dock?.dataset.url) start();
