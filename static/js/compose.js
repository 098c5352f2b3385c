// The dock: opens windows that write, from any link to /mail/compose/, any [data-compose], or the event
// `compose:open` ({detail: {mode, message, draft, mailto}}) on the document. Places them, brings them back after a
// reload or a crash, and says what became of a message: "Sending in 5 s. Undo", then "Sent. View",
// and when it soon turns out not to be delivered, that too.
// Small on purpose: the window, its editor and its styles are loaded when somebody is about to write.

import { later } from "./client.js";
import { toast } from "./toast.js";

const dock = document.getElementById("compose-dock");
const page = document.querySelector("[data-compose-page]");
const windows = [];
const phone = matchMedia("(width <= 768px)");
let parts = null, net = null;

const account = dock?.dataset.account ?? "";
const LATE = 12_000;  // ms after the page began
const KEPT_FOR = 60_000;  // ms that a window of a scheduled message can come back as it was
const WIDE = 526, NARROW = 176, EDGE = 24;  // px that a window takes, open and folded, and what stays free
const alone = page && new URLSearchParams(location.search).has("alone");  // a browser window of its own

const OPEN = `mailstead-compose-open:${account}`, ON_ITS_WAY = `mailstead-compose-sending:${account}`;

function load() {
  parts ??= Promise.all([import("./compose-window.js"), import("./compose-net.js"), import("./compose-editor.js"), styles(), import("./compose-net.js").then((calls) => calls.prepare())])
    .then(([made, calls, editor]) => { net = calls; return { ComposeWindow: made.ComposeWindow, storeKey: made.storeKey, forgetPeople: made.forgetPeople, loadEditor: editor.loadEditor }; })
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
  const plain = mode === "new" && !wish.mailto && !wish.draft && !wish.template;
  const coming = plain ? Promise.resolve({}) : import("./compose-net.js").then(({ call }) => call(`opening/?${query({ ...wish, mode: wish.draft ? "draft" : mode })}`));
  coming.catch(() => {});  // looked at below
  const { ComposeWindow } = await load();
  let data = {};
  try {
    data = await coming;
  } catch (error) {
    if (!copy) { if (!key) toast(error); return null; }  // what was open before a reload may have been sent since
  }
  if (copy) data = { ...data, ...copy.content, quote: data.quote ?? "", quoteKept: copy.content.quote, files: data.files, draft: copy.draft ?? data.draft, version: copy.version ?? data.version };
  const made = new ComposeWindow(data, { dock: self, key: key ?? crypto.randomUUID?.() ?? String(Math.random()).slice(2), opener, dirty: Boolean(copy) });
  made.wish = wish;
  windows.push(made);
  if (full || (net.desk.full && !key && !phone.matches)) made.toggleFull(true);
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
  page: Boolean(page),
  append: (element) => dock.append(element),

  /** Folds the oldest windows when there is no room; `first` stays open. What is folded takes little room itself. */
  arrange(first = null) {
    const shown = windows.filter((each) => !each.element.hidden);
    const open = shown.filter((each) => !each.folded && each !== first);
    const width = () => { const wide = shown.filter((each) => !each.folded).length; return wide * WIDE + (shown.length - wide) * NARROW; };
    while (open.length && (phone.matches ? open.length + (first ? 1 : 0) > 1 : width() > innerWidth - 2 * EDGE)) {
      if (!first && open.length === 1) break;
      open.shift().element.classList.add("folded");
    }
    if (first?.full) for (const each of open) each.element.classList.remove("full");
    dock.classList.toggle("covered", shown.some((each) => each.full && !each.folded));
    document.documentElement.classList.toggle("composing", phone.matches && shown.some((each) => !each.folded));
    self.remember();
  },

  /** The window beside one, by Ctrl+. and Ctrl+, */
  next(from, step) {
    const shown = windows.filter((each) => !each.element.hidden);
    self.face(shown[(shown.indexOf(from) + step + shown.length) % shown.length]);
  },

  face(window_) {
    if (!window_) return;
    if (window_.folded) window_.fold(false);
    window_.body.focus();
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
    if (!page || windows.some((each) => !each.closed)) return;
    if (alone) close();
    if (!alone || !window.closed) location.assign(dock.dataset.home);
  },

  /** close() gives whether `z` was pressed meanwhile: then it is taken back as soon as that can be done. */
  sendingStarts() {
    const shown = toast(net.say("sending"), { stay: 0, name: "sending" });
    let wanted = false;
    const deaf = hearUndo(() => shown.stands() && (wanted = true));
    return { close: () => { deaf(); shown.close(); return wanted; } };
  },

  sent(window_, sent, { undone = false } = {}) {
    if (sent.scheduled) return scheduled(sent, window_, { undone });
    const until = Date.now() + sent.seconds * 1000;
    sessionStorage.setItem(ON_ITS_WAY, JSON.stringify({ ...sent, until }));
    self.remember();
    parts.then((loaded) => loaded.forgetPeople());
    if (alone && window.opener && !window.opener.closed) {  // said where the writer goes on
      sessionStorage.removeItem(ON_ITS_WAY);
      window.opener.document.dispatchEvent(new window.opener.CustomEvent("compose:away", { detail: { ...sent, until } }));
    }
    if (page) return window_.leave();
    onItsWay({ ...sent, until }, window_, { undone });
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
/** Hears `z` outside of fields before the list does; `mine` does it, if it is meant. Gives what ends the hearing. */
function hearUndo(mine) {
  const onKey = (event) => {
    if (event.key !== "z" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable=true]") || !mine()) return;
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);
}

function scheduled(sent, window_, { undone }) {
  const takeBack = async () => {
    try {
      const data = await net.call(`undo/${sent.outgoing}/`, { body: { archived: sent.archived ?? "" } });
      if (page) open({ mode: "draft", draft: data.draft }); else window_.takenBack(data);
    } catch (error) { toast(error); window_.leave(); }
  };
  if (page) return window_.leave();
  document.dispatchEvent(new CustomEvent("compose:sent", { detail: sent }));
  toast(net.say("scheduled", sent.when), { actions: [{ text: net.say("undo"), run: takeBack }, ...(sent.url ? [{ text: net.say("view"), url: sent.url }] : [])], name: "scheduled" });
  if (undone) takeBack();
  setTimeout(() => { if (window_.element.hidden) window_.leave(); }, KEPT_FOR);
}

function onItsWay(sent, window_ = null, { undone = false } = {}) {
  let timer = 0, said = null;
  const done = () => {
    clearInterval(timer);
    sessionStorage.removeItem(ON_ITS_WAY);
    window_?.leave();
    said = toast(net.say("sent"), { actions: sent.url ? [{ text: net.say("view"), url: sent.url }] : [], name: "sent" });
    document.dispatchEvent(new CustomEvent("compose:sent", { detail: sent }));
    follow(sent, said).catch(() => {});
  };
  const left = () => Math.max(0, Math.ceil((sent.until - Date.now()) / 1000));
  if (!left()) return done();
  const takeBack = async () => {
    clearInterval(timer);
    shown.close();
    deaf();
    try {
      const data = await net.call(`undo/${sent.outgoing}/`, { body: { archived: sent.archived ?? "" } });
      sessionStorage.removeItem(ON_ITS_WAY);
      if (window_) window_.takenBack(data);
      else open({ mode: "draft", draft: data.draft });
      toast(net.say("takenBack"), { name: "taken-back" });
    } catch (error) {
      window_?.leave();
      toast(error);
    }
  };
  const shown = toast(net.say("sendingIn", left()), { actions: [{ text: net.say("undo"), run: takeBack }], stay: 0, name: "sending" });
  /* `z` takes back what was done last, and as long as this toast stands that is the sending. A moment later it comes too
     late, and that is said: something older must not be taken back in its place. */
  const deaf = hearUndo(() => {
    if (shown.isNewest()) { takeBack(); return true; }
    if (!said) return false;
    if (!said.stands()) { deaf(); return false; }
    if (document.querySelector("#toasts .toast[data-held]")) return false;  // another one is still on its way
    toast(net.say("tooLate"), { name: "too-late" });
    return true;
  });
  if (undone) return takeBack();
  timer = setInterval(() => {
    if (left()) return shown.say(net.say("sendingIn", left()));
    shown.close();
    done();
  }, 250);
}

/* How it goes on is said where it was sent from: a wrong address is known within seconds. */
const follow = later(() => import("./sending.js"), "follow");

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
  document.addEventListener("compose:away", (event) => load().then(() => onItsWay(event.detail)));
  document.addEventListener("compose:focus", () => self.face(windows.findLast((each) => !each.element.hidden)));
  for (const shown of ["mail:view", "mail:reading"]) document.addEventListener(shown, () => self.remember());  // another address, the same windows
  phone.addEventListener("change", () => self.arrange());
  addEventListener("resize", () => self.arrange(windows.find((each) => each.element.contains(document.activeElement))));
  addEventListener("pagehide", () => { for (const each of windows) { each.keepCopy(); if (each.draft && !each.discarding && (each.dirty || each.unsettled)) leaving(each); } });
  addEventListener("beforeunload", (event) => { if (windows.some((each) => each.files.running.size)) event.preventDefault(); });
  if (page) {
    page.hidden = true;
    document.documentElement.classList.toggle("alone", alone);
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
  const body = { ...each.content, window: each.key, draft: each.draft, version: each.version, settle: true };
  if (JSON.stringify(body).length < 60_000) net.call("save/", { body, keepalive: true }).catch(() => {});
}

if (dock?.dataset.url) start();
