// What is done to conversations: verbs, undo, clicks in rows. What a person does shows at once; the server is told after,
// and if it refuses, the rows come back with its reason. What is needed now and then (menus that choose, dragging, the
// menu of a row, what is done to everything at once) is in modules of their own that come when they are first used.

import { fingers, openMenuAt } from "./components.js";
import { commands, forgetAhead, go, later, main, post, up, view, words } from "./client.js";
import { boxOf, checkedRows, cursorRow, isEverything, isList, missed, moveCursor, out, pending, rowOf, select, setCursor, setFact, setStar, setUnread, showSelection, takeOut, toggle } from "./list.js";
import { toast } from "./toast.js";

const chooser = () => import("./chooser.js");
let prepared = Promise.resolve();  // the menu that was opened last: a key waits until it says what there is to choose
const everywhere = later(() => import("./bulk.js"), "start");

/* --- verbs ------------------------------------------------------------------ */
let undoable = null;

const OUT_OF_INBOX = ["archive", "snooze", "mute"];
const SHOWN = { read: ["unread", false], unread: ["unread", true], star: ["starred", true], unstar: ["starred", false], important: ["important", true], unimportant: ["important", false], mute: ["muted", true], unmute: ["muted", false] };

function leaves(verb, fields) {
  const { box, boxId, view: kind } = view();
  if (kind === "search" && verb !== "delete" && verb !== "junk") return false;
  if (OUT_OF_INBOX.includes(verb)) return box === "inbox" || (verb === "archive" && box === "snoozed");
  switch (verb) {
    case "delete": return box !== "trash";
    case "junk": return box !== "spam" && box !== "sent";
    case "unjunk": return box === "spam";
    case "unsnooze": return box === "snoozed";
    case "delete-forever": return box === "trash" || box === "spam";
    case "move": return Number(boxId) > 0 && fields.target !== boxId && fields.target !== box;
    case "unlabel": return fields.target === boxId;
    case "labels": return (fields.remove ?? []).includes(boxId);
    case "unstar": return box === "starred";
    default: return false;
  }
}

const setShown = (row, fact, on) => ({ unread: setUnread, starred: setStar }[fact] ?? ((each, value) => setFact(each, fact, value)))(row, on);

/** The fields of a form, where one may have several values. */
export function bodyOf(fields) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) for (const each of [value].flat()) body.append(name, each);
  return body;
}

/** Does a verb to conversations, by id. Gives true when the server did it. */
export async function act(verb, ids, fields = {}) {
  if (!ids.length) return false;
  const inConversation = view().view === "conversation", going = leaves(verb, fields);
  const affected = ids.map(rowOf).filter(Boolean);
  let putBack = () => {};
  if (going) {
    putBack = takeOut(affected);
    ids.forEach((id) => out.set(id, view().box));
  } else {
    const [fact, on] = SHOWN[verb] ?? [];
    const was = affected.map((row) => [row.dataset.id, fact in row.dataset]);
    if (fact) for (const row of affected) setShown(row, fact, on);
    if (fact) putBack = () => was.forEach(([id, before]) => { const row = rowOf(id); if (row) setShown(row, fact, before); });
    if (["archive", "move", "label", "unlabel", "labels", "snooze", "mute"].includes(verb)) select("none");
    showSelection();
  }
  forgetAhead();
  for (const id of ids) pending.set(id, (pending.get(id) ?? 0) + 1);
  const messages = "messages" in view() ? { messages: 1 } : {};
  try {
    const said = await post(`/mail/actions/${verb}/`, bodyOf({ box: view().box ?? "all", ...messages, ...fields, ids }));
    forgetAhead();  // also what was asked for meanwhile: its neighbours may be what just left
    tell(said, verb);
    if (inConversation) {
      showFact(verb);
      afterInConversation(verb, going);
    }
    if (!inConversation && going) document.dispatchEvent(new CustomEvent("mail:stale"));  // what is new, and what moves up
    return true;
  } catch (problem) {
    ids.forEach((id) => out.delete(id));
    putBack();
    toast(problem, { actions: [{ text: words.retry, run: () => act(verb, ids, fields) }] });
    return false;
  } finally {
    for (const id of ids) if (pending.get(id) > 1) pending.set(id, pending.get(id) - 1); else pending.delete(id);
    if (ids.filter((id) => !pending.has(id) && missed.delete(id)).length) document.dispatchEvent(new CustomEvent("mail:stale"));
  }
}

/** What the tools of an open conversation offer next: important or not, muted or not. */
function showFact(verb) {
  const [some, other] = { important: ["important", "plain"], muted: ["muted", "heard"] }[SHOWN[verb]?.[0]] ?? [];
  const bar = main.querySelector("[data-toolbar]");
  if (!some || !bar) return;
  bar.toggleAttribute(`data-some-${some}`, SHOWN[verb][1]);
  bar.toggleAttribute(`data-some-${other}`, !SHOWN[verb][1]);
}

/** Does a verb to what is meant: everything in the place when all of it is selected, else the rows or the conversation. */
export function run(verb, fields = {}, ids = meant()) {
  const all = isEverything() && ids.every((id) => rowOf(id)?.classList.contains("checked"));
  return all ? everywhere(verb, fields) : act(verb, ids, fields);
}
const actMeant = (verb, fields) => run(verb, fields);

export function tell(said, name) {
  remember(said.action);
  toast(said.text, { name, actions: [...(said.action ? [{ text: words.undo, run: () => undo(said.action) }] : []), ...(said.more ? [said.more] : [])] });
}

/** Notes what "z" would take back; `large`: in the background, as it was done. */
export const remember = (action, { large = false } = {}) => { undoable = action ?? null; isLarge = large; };
let isLarge = false;

/** Takes back what was done last, or an action that a toast tells of. */
export async function undo(action = undoable, { large = isLarge && action === undoable } = {}) {
  if (!action) { toast(words.nothing_to_undo); return; }
  if (action === undoable) undoable = null;
  out.clear();
  try {
    const said = await post(`/mail/actions/${large ? "undo-all" : "undo"}/`, { action, box: view().box ?? "all" });
    if (said.job) (await import("./bulk.js")).follow(said);
    else toast(said.text, { name: "undone" });
    document.dispatchEvent(new CustomEvent("mail:stale"));
  } catch (problem) {
    toast(problem);
  }
}

function afterInConversation(verb, going) {
  if (verb === "unread") { up(); return; }
  if (!going && !["archive", "junk", "delete", "move", "snooze", "mute"].includes(verb)) { nextWay = null; document.dispatchEvent(new CustomEvent("mail:stale")); return; }
  const { older, newer } = view(), after = nextWay ?? document.body.dataset.after;
  nextWay = null;
  const target = { older, newer }[after];
  if (target) go(target, { replace: true });
  else up();
}
let nextWay = null;

/** What the keys and buttons mean now: what a menu was opened for, else the selection, the cursor, or what is open. */
export function meant() {
  if (aim) return aim;
  if (view().view === "conversation") return [view().only ?? view().thread];
  const chosen = checkedRows();
  const row = cursorRow();
  return (chosen.length ? chosen : row ? [row] : []).map((each) => each.dataset.id);
}
let aim = null;  // the conversations that an open menu is for, when it is not the selection

export const factsOf = (ids) => ids.map(rowOf).filter(Boolean).map((row) => row.dataset);

function toggleStar() {
  if (view().view === "conversation") { main.querySelector('[data-toolbar] [value$="star"]')?.click(); return; }
  const found = factsOf(meant());
  if (found.length) run(found.every((row) => "starred" in row) ? "unstar" : "star");
}

export async function confirmed(text, button, { danger = true } = {}) {
  const dialog = document.getElementById("confirm"), yes = dialog.querySelector("[data-confirm-yes]");
  dialog.querySelector("[data-confirm-words]").textContent = text;
  yes.textContent = button;
  yes.className = `button ${danger ? "danger" : "primary"}`;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const agree = () => dialog.close("yes");
    yes.addEventListener("click", agree);
    dialog.addEventListener("close", () => { yes.removeEventListener("click", agree); resolve(dialog.returnValue === "yes"); }, { once: true });
  });
}

/* Every tool is a button of the form #acting: a plain form without scripts, one verb with them. */
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (!["acting", "acting-pane"].includes(form.id) || !button) return;
  event.preventDefault();
  const chosen = [...new FormData(form).getAll("ids")], ids = aim ?? (chosen.length ? chosen : meant());
  const named = button.getAttribute("formaction")?.match(/\/actions\/([\w-]+)\//)?.[1];
  let verb = named ?? button.value;
  const fields = named ? { [button.name]: button.value } : {};
  if (button.dataset.with) fields[button.dataset.with] = form.elements[button.dataset.with].value;
  button.closest(".menu")?.hidePopover();
  if (verb === "label" && button.getAttribute("aria-checked") === "true") verb = "unlabel";
  if (verb === "empty") { (await import("./bulk.js")).empty(button.dataset); return; }
  if (button.dataset.confirmText && !isEverything() && !(await confirmed(button.dataset.confirmText, button.dataset.confirmButton))) return;
  const done = await run(verb, fields, ids);
  if (done && button.matches(".star[aria-pressed]")) {
    const on = verb === "star";
    button.setAttribute("aria-pressed", on);
    button.value = on ? "unstar" : "star";
  }
});

/* --- clicks in rows --------------------------------------------------------- */
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-rows] > .row");
  if (event.target.closest?.("[data-select]:not(.row-avatar)")) { select(event.target.closest("[data-select]").dataset.select); return; }
  if (event.target.matches?.("[data-check-all]")) { select(event.target.checked ? "all" : "none"); return; }
  const all = event.target.closest?.("[data-all-do]");
  if (all) { everywhere(all.dataset.allDo, {}, { quietly: true }); return; }
  const opens = event.target.closest?.("[data-opens-menu]");
  if (opens) { openMenu(opens.dataset.opensMenu); return; }
  if (!row) return;
  const button = event.target.closest("[data-action]"), id = row.dataset.id;
  if (event.target.closest(".row-check") || event.target.closest(".row-avatar")) {
    const box = boxOf(row);
    if (event.target === box) box.checked = row.classList.contains("checked");
    toggle(row, { range: event.shiftKey });
    if (event.target === box) queueMicrotask(() => { box.checked = row.classList.contains("checked"); });
    else event.preventDefault();
  } else if (button) {
    event.preventDefault();
    const verb = button.dataset.action === "star" ? ("starred" in row.dataset ? "unstar" : "star") : button.dataset.action;
    if (verb === "snooze") openMenu("snooze", { ids: [id], opener: button });
    else if (verb === "delete" && ["trash", "spam"].includes(view().box)) deleteForever([id]);
    else act(verb, [id]);
  } else {
    setCursor(row, { focus: false });
  }
});

async function deleteForever(ids) {
  const { confirmText, confirmButton } = main.querySelector('[data-toolbar] [value="delete-forever"]').dataset;
  if (await confirmed(confirmText, confirmButton)) act("delete-forever", ids);
}

document.addEventListener("change", (event) => {
  const row = event.target.matches?.(".row-check input") && event.target.closest(".row");
  if (row) { row.classList.toggle("checked", event.target.checked); row.setAttribute("aria-selected", event.target.checked); showSelection(); }
});

/* --- menus that choose: move, label, snooze -------------------------------------- */
/** Opens a menu of the toolbar, at its button or at the row it is for. `ids` are the conversations it is for, if not what is meant. */
export function openMenu(kind, { ids = null, opener = null } = {}) {
  const menu = document.getElementById(`${kind}-menu`);
  if (!menu || !(ids ?? meant()).length || menu.matches(":popover-open")) return;
  aim = ids;
  const button = ids ? null : [...main.querySelectorAll(`[popovertarget="${kind}-menu"]`)].find((each) => each.offsetParent);
  if (button) button.click();
  else {
    const at = (opener ?? (ids ? rowOf(ids[0]) : cursorRow()) ?? main).getBoundingClientRect();
    openMenuAt(menu, opener ? at.left : at.left + 48, at.bottom);
  }
  if (!fingers.matches) menu.querySelector("[data-filter]")?.focus();  // at once: the next key belongs to it
}

export const openChooser = (kind) => openMenu(kind);

document.addEventListener("toggle", (event) => {
  if (event.newState === "closed" && /^(move|label|snooze)-menu$/.test(event.target.id)) aim = null;
}, true);

document.addEventListener("beforetoggle", (event) => {
  const menu = event.target;
  if (event.newState !== "open" || !menu.matches?.("[data-chooser], #snooze-menu")) return;
  const field = menu.querySelector("[data-filter]");
  if (field) field.value = "";
  const ids = meant();
  prepared = chooser().then((module) => module.prepare(menu, ids)).catch(() => {});
}, true);

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("[data-filter]");
  if (!field || !["Enter", "ArrowDown", "ArrowUp"].includes(event.key) || event.isComposing) return;
  event.preventDefault();
  event.stopPropagation();
  prepared.then(chooser).then((module) => module.key(field, event.key));
}, true);

/* --- what comes when it is first used ------------------------------------------- */
document.addEventListener("contextmenu", (event) => {
  const row = event.target.closest?.("[data-rows] > .row");
  if (!row || event.shiftKey || !document.getElementById("row-menu")) return;
  event.preventDefault();
  const released = event.buttons ? new Promise((resolve) => addEventListener("pointerup", () => setTimeout(resolve), { once: true })) : null;
  rowMenu(row, { x: event.clientX, y: event.clientY, released });  // letting go would close it again
});
const rowMenu = later(() => import("./rowmenu.js"), "open");

for (const name of ["pointerover", "touchstart"]) document.addEventListener(name, () => import("./drag.js"), { once: true, passive: true });
if (localStorage.getItem(`mailstead-job:${document.body.dataset.mailspace}`)) (window.requestIdleCallback ?? setTimeout)(() => import("./bulk.js").then((bulk) => bulk.resume()));

/* --- commands -------------------------------------------------------- */
const nextWayTo = (way) => {
  if (view().view === "conversation") { nextWay = way; actMeant("archive"); return; }
  const row = cursorRow(), next = way === "newer" && row && isList() ? row.previousElementSibling : null;
  actMeant("archive");
  if (next?.isConnected && next.matches(".row")) setCursor(next);
};

/** What takes a conversation out of the place that is shown. */
function outOfView() {
  const { box, boxId, view: kind } = view();
  if (kind === "search" || ["all", "sent", "drafts", "scheduled", "archive"].includes(box)) return;
  if (box?.startsWith("label/")) run("unlabel", { target: boxId });
  else run({ inbox: "archive", starred: "unstar", spam: "unjunk", snoozed: "unsnooze" }[box] ?? "move", box === "trash" ? { target: "inbox" } : {});
}

for (const [name, command] of Object.entries({
  older: () => (isList() ? moveCursor(1) : view().older && go(view().older, { replace: true })),
  newer: () => (isList() ? moveCursor(-1) : view().newer && go(view().newer, { replace: true })),
  open: () => cursorRow()?.querySelector(".row-link").click(),
  star: toggleStar,
  archive: () => actMeant("archive"),
  delete: () => {
    if (["trash", "spam"].includes(view().box)) main.querySelector('[data-toolbar] [value="delete-forever"]')?.click();
    else actMeant("delete");
  },
  junk: () => actMeant(view().box === "spam" ? "unjunk" : "junk"),
  read: () => actMeant("read"),
  unread: () => actMeant("unread"),
  important: () => actMeant("important"),
  unimportant: () => actMeant("unimportant"),
  mute: () => actMeant(factsOf(meant()).length && factsOf(meant()).every((row) => "muted" in row) ? "unmute" : "mute"),
  move: () => openMenu("move"),
  label: () => openMenu("label"),
  snooze: () => openMenu("snooze"),
  "go-to-label": () => {
    const menu = document.getElementById("goto-menu"), at = main.getBoundingClientRect();
    openMenuAt(menu, at.left + 48, at.top + 48);
    menu.querySelector("[data-filter]").focus();
  },
  more: () => {
    if (view().view === "conversation" || checkedRows().length) main.querySelector('[popovertarget="more-menu"]')?.click();
    else if (cursorRow()) rowMenu(cursorRow());
    else main.querySelector('[popovertarget="all-menu"]')?.click();
  },
  "out-of-view": outOfView,
  undo: () => undo(),
  "archive-older": () => nextWayTo("older"),
  "archive-newer": () => nextWayTo("newer"),
})) commands.set(name, command);
