// One window that writes a message. It saves itself every 2 s while there is something new, keeps a copy in this
// browser until the server has it, and sends. Opening one writes nothing; the first change makes the draft.
// The dock (compose.js) decides where windows stand and what happens after sending.

import { alwaysFull, changeType, editQuote, isAnswer, popOut, print, showQuote, showSignature, showType, signatureFor, togglePlain, toggleQuote, unquote } from "./compose-answer.js";
import { Body } from "./compose-editor.js";
import { Files, sizeText } from "./compose-files.js";
import { fromMask } from "./compose-mask.js";
import { Menus } from "./compose-menus.js";
import { account, call, desk, Offline, part, Refused, say, senders, SignedOut } from "./compose-net.js";
import { Recipients } from "./compose-recipients.js";
import { send } from "./compose-send.js";

const SAVE_AFTER = 2_000, SETTLE_AFTER = 30_000, RETRY_AFTER = 5_000;
const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const FORMATTING = "mailstead-formatting";

export { forgetPeople } from "./compose-recipients.js";
export const storeKey = (key) => `mailstead-compose:${account}:${key}`;

export class ComposeWindow {
  constructor(data, { dock, key, opener = null, dirty = false }) {
    Object.assign(this, { dock, key, opener, dirty, edits: 0, unsettled: false, timers: {}, closed: false });
    this.draft = data.draft ?? null;
    this.version = data.version ?? 0;
    this.mode = data.mode ?? "new";
    this.message = data.message ?? null;
    this.quoteUrl = data.quote ?? "";
    this.quoteKept = data.quoteKept ?? true;
    this.receipt = data.receipt ?? false;
    this.labels = [...(data.labels ?? [])];
    Object.assign(this, { signatures: data.signatures ?? desk.signatures, looks: data.looks ?? desk.looks, above: data.signature_above ?? desk.above });
    this.element = part("window");
    this.find = (selector) => this.element.querySelector(selector);
    const title = this.find(".compose-title");
    title.id = `compose-title-${key}`;
    this.element.setAttribute("aria-labelledby", title.id);
    dock.append(this.element);
    this.fill(data);
    this.menus = new Menus(this);
    this.listen();
    this.holdLock();
  }

  fill(data) {
    const told = this.find('[data-part="said"]');
    const shared = { changed: () => this.touched(), told: (text) => { told.textContent = text; }, others: () => new Set(this.everyone.map(([, email]) => email.toLowerCase())) };
    this.fields = {};
    for (const name of ["to", "cc", "bcc"]) {
      this.fields[name] = new Recipients(this.find(`[data-field="${name}"]`), shared);
      this.fields[name].set(data[name] ?? []);
      if (name !== "to" && data[name]?.length) this.showField(name, { focus: false });
    }
    this.subject = this.find(".compose-subject");
    this.subject.value = data.subject ?? "";
    this.from = this.find('[name="from"]');
    for (const { address, name } of data.senders ?? []) if (![...this.from.options].some((each) => each.value === address)) this.from.add(new Option(name ? `${name} <${address}>` : address, address));
    this.find(".compose-sender").hidden = this.from.options.length < 2;
    if (data.from) this.from.value = data.from;
    if (!this.from.value) this.from.selectedIndex = 0;
    this.address = data.from ?? senders[0]?.[0] ?? "";
    this.files = new Files(this.element, { draft: () => this.needDraft(), changed: (version = 0) => { this.version = Math.max(this.version, version); this.touched({ settled: true }); } });
    this.files.set(data.files ?? []);
    this.body = new Body(this.element, { html: data.html, text: data.text, plain: data.plain ?? desk.plain, changed: () => this.touched(), files: (list, inText) => this.addFiles(list, { inText }) });
    showQuote(this);
    showType(this);
    this.sign("signature" in data ? data.signature : signatureFor(this), { byHand: false });
    this.showTitle();
    this.formatting(localStorage.getItem(FORMATTING) === "on");
    this.find('[data-do="send-archive"]').hidden = !isAnswer(this);
  }

  get everyone() { return Object.values(this.fields).flatMap((field) => field.people); }

  get content() {
    return {
      mode: this.mode, message: this.message, keep: this.draft && !this.retyped ? null : this.files.keep, from: this.from.value || this.address,
      to: this.fields.to.people, cc: this.fields.cc.people, bcc: this.fields.bcc.people,
      subject: this.subject.value, html: this.body.html, quote: this.quoteKept, plain: this.body.isPlain, text: this.body.isPlain ? this.body.text : "",
      receipt: this.receipt, labels: this.labels, signature: this.signature, attach: this.draft ? [] : this.files.attach,
    };
  }

  get blank() {
    return !this.everyone.length && !this.subject.value.trim() && !this.body.text.trim() && !this.body.html.includes("<img") && !this.files.any && !this.quoteUrl;
  }

  /* --- saving --- */
  touched({ settled = false } = {}) {
    if (this.closed) return;
    this.edits += 1;
    this.dirty = true;
    this.anyway = false;
    this.showTitle();
    if (!settled) this.state("");
    clearTimeout(this.timers.copy);
    this.timers.copy = setTimeout(() => this.keepCopy(), 250);
    if (!this.timers.save) this.timers.save = setTimeout(() => this.saveQuietly(), SAVE_AFTER);
    clearTimeout(this.timers.settle);
    this.timers.settle = setTimeout(() => this.saveQuietly({ settle: true }), SETTLE_AFTER);
  }

  /** One save after the other; each says what the window holds when its turn comes. */
  save(wish = {}) {
    this.last = (this.last ?? Promise.resolve()).catch(() => {}).then(() => this.saveNow(wish));
    return this.last;
  }

  async saveNow({ settle = false } = {}) {
    clearTimeout(this.timers.save);
    this.timers.save = 0;
    if (this.draft && !this.dirty && !(settle && this.unsettled)) return;
    const first = !this.draft || this.retyped, edits = this.edits;
    this.state(say("saving"));
    let answer;
    try {
      answer = await call("save/", { body: { ...this.content, window: this.key, draft: this.draft, version: this.version, settle } });
    } catch (error) {
      if (!(error instanceof Refused && error.status === 410 && this.draft && !this.asked)) throw error;
      this.draft = null;  // sent or thrown away in another place: what stands here becomes a draft of its own
      this.files.set([]);
      answer = await call("save/", { body: { ...this.content, draft: null, version: 0, settle: true } });
    }
    Object.assign(this, { draft: answer.draft, version: answer.version });
    this.files.room = answer.room;
    if (first) { this.retyped = false; this.adopt(answer); }
    this.unsettled = !settle && !first;
    if (this.edits === edits) { this.dirty = false; this.forgetCopy(); }
    this.state(this.dirty ? "" : say("saved"));  // what was typed meanwhile is not saved yet
    this.notice(null, "trouble");
    if (answer.elsewhere) this.notice("info", "elsewhere", say("changedElsewhere"));
    this.dock.remember();
  }

  adopt(answer) {
    if (this.quoteUrl && this.quoteKept) this.quoteUrl = answer.quote;
    this.files.set(answer.files);
  }

  /** Saves, and says in the window what went wrong; never throws. Returns whether it is saved. */
  async saveQuietly(wish = {}) {
    try {
      await this.save(wish);
      return true;
    } catch (error) {
      this.trouble(error, () => this.saveQuietly(wish));
      return false;
    }
  }

  async needDraft() {
    if (!this.draft) await this.save();
    return this.draft;
  }

  /** What went wrong is said here; what can be tried again is, every few seconds and when the window is looked at. */
  trouble(error, again) {
    this.state(say("unsaved"));
    this.keepCopy();
    if (error instanceof SignedOut) {
      document.dispatchEvent(new CustomEvent("mail:signed-out"));
      const link = { text: say("signIn"), url: `/?next=${encodeURIComponent(location.pathname)}` };
      this.notice("warn", "trouble", error.message, [link]);
    } else if (error instanceof Offline) this.notice("warn", "trouble", error.message);
    else return this.notice("danger", "trouble", error.message);
    clearTimeout(this.timers.retry);
    const retry = () => { clearTimeout(this.timers.retry); removeEventListener("focus", retry); if (!this.closed) again(); };
    this.timers.retry = setTimeout(retry, RETRY_AFTER);
    addEventListener("focus", retry, { once: true });
  }

  /* --- a copy in this browser, until the server has it --- */
  keepCopy() {
    if (this.closed || this.discarding || !this.dirty) return;
    try { localStorage.setItem(storeKey(this.key), JSON.stringify({ at: Date.now(), draft: this.draft, version: this.version, content: this.content })); } catch { /* full or forbidden */ }
    this.dock.remember();
  }

  forgetCopy() {
    clearTimeout(this.timers.copy);
    localStorage.removeItem(storeKey(this.key));
  }

  /** While this page lives it holds a lock, so that another one knows a copy without a lock as left behind by a crash. */
  holdLock() {
    navigator.locks?.request(storeKey(this.key), () => new Promise((release) => { this.releaseLock = release; }));
  }

  /* --- what is seen --- */
  state(text) { this.find(".compose-state").textContent = text; }

  showTitle() { this.find(".compose-title").textContent = this.subject.value.trim() || say("new"); }

  /** One message above the fields; `what` names its reason, so that only that reason takes it away. */
  notice(kind, what, text = "", actions = []) {
    const place = this.find(".compose-notice");
    if (!kind) { if (place.dataset.what === what) { place.hidden = true; place.replaceChildren(); } return; }
    const banner = document.createElement("div"), words_ = document.createElement("p"), buttons = document.createElement("div");
    banner.className = `banner ${kind}`;
    banner.setAttribute("role", kind === "danger" ? "alert" : "status");
    words_.className = "banner-text";
    words_.textContent = text;
    buttons.className = "banner-actions";
    for (const action of actions) {
      const button = document.createElement(action.url ? "a" : "button");
      button.textContent = action.text;
      if (action.url) Object.assign(button, { href: action.url, target: "_blank", rel: "noopener" });
      else { button.type = "button"; button.addEventListener("click", () => { this.notice(null, what); action.run(); }); }
      if (action.test) button.dataset.test = action.test;
      buttons.append(button);
    }
    banner.append(words_, buttons);
    place.replaceChildren(banner);
    place.dataset.what = what;
    place.hidden = false;
  }

  showField(name, { focus = true } = {}) {
    this.find(`[data-field="${name}"]`).hidden = false;
    this.find(`[data-do="${name}"]`).hidden = true;
    if (focus) this.fields[name].input.focus();
  }

  formatting(on) {
    this.find(".compose-format").hidden = !on || this.body.isPlain;
    this.find('[data-do="format"]').setAttribute("aria-pressed", on);
  }

  showBar() { this.find(".compose-format").hidden = this.body.isPlain || localStorage.getItem(FORMATTING) !== "on"; }

  sign(id, { byHand = true } = {}) {
    this.signature = id;
    this.signedByHand ||= byHand;
    showSignature(this);
    if (byHand) { this.touched(); this.body.focus(); }
  }

  /** Puts a label on what will be sent, or takes it off. */
  label(id) {
    this.labels = this.labels.includes(id) ? this.labels.filter((each) => each !== id) : [...this.labels, id];
    this.touched();
    this.body.focus();
  }

  focusStart() {
    if (this.mode === "new" || this.mode === "forward") this.fields.to.people.length ? this.subject.value ? this.body.focus("start") : this.subject.focus() : this.fields.to.input.focus();
    else this.body.focus("start");
    if (!this.body.editor) this.body.ready.then(() => { if (this.element.contains(document.activeElement) && document.activeElement.matches("textarea")) this.body.focus("start"); });
  }

  get folded() { return this.element.classList.contains("folded"); }
  get full() { return this.element.classList.contains("full"); }

  fold(on = !this.folded) {
    if (on && this.dock.page) return;  // nothing else is there
    if (on) this.element.classList.remove("full");
    this.element.classList.toggle("folded", on);
    this.find('button[data-do="fold"]').setAttribute("aria-expanded", !on);
    this.dock.arrange(on ? null : this);
  }

  toggleFull(on = !this.full) {
    this.element.classList.remove("folded");
    this.element.classList.toggle("full", on);
    this.find('[data-do="full"]').setAttribute("aria-pressed", on);
    this.dock.arrange(this);
  }

  changeType(mode) { return this.attempt(() => changeType(this, mode)); }

  /** Does something that asks the server; what went wrong is said in the window. */
  async attempt(work) {
    try { await work(); } catch (error) { this.trouble(error, () => {}); }
  }

  /* --- what is done --- */
  listen() {
    const clicks = {
      fold: () => this.fold(), full: (event) => (event.shiftKey ? this.attempt(() => popOut(this)) : this.toggleFull()), close: () => this.close(), send: () => this.send(), discard: () => this.discard(),
      cc: () => this.showField("cc"), bcc: () => this.showField("bcc"), quote: () => toggleQuote(this), unquote: () => unquote(this), "edit-quote": () => this.attempt(() => editQuote(this)),
      attach: () => this.find('[name="files"]').click(), picture: () => this.find('[name="pictures"]').click(),
      link: () => this.body.askForLink(), unlink: () => this.body.unlink(), subject: () => { this.subject.focus(); this.subject.select(); },
      format: () => { const on = this.find(".compose-format").hidden; this.formatting(on); localStorage.setItem(FORMATTING, on ? "on" : "off"); },
      schedule: () => this.menus.open("times", "sending"), "send-archive": () => this.send({ archive: true }), templates: () => this.menus.open("templates", "more"), labels: () => this.menus.open("labels", "more"),
      plain: () => this.attempt(() => togglePlain(this)), receipt: () => { this.receipt = !this.receipt; this.touched(); },
      "always-full": () => this.attempt(() => alwaysFull(this)), "pop-out": () => this.attempt(() => popOut(this)), print: () => this.attempt(() => print(this)), mask: () => this.attempt(() => fromMask(this)),
    };
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button?.role === "menuitemcheckbox") button.closest("[popover]").hidePopover();
      if (button) clicks[button.dataset.do]?.(event);
      else if (event.target.matches('.compose-body, [data-part="editor"]')) this.body.focus("end");
    });
    this.element.addEventListener("keydown", (event) => this.shortcut(event), true);
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape" && event.shiftKey) { event.stopPropagation(); document.getElementById("main")?.focus(); } });
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.shiftKey && !this.find(":popover-open") && (!event.defaultPrevented || event.target.closest(".ProseMirror"))) { event.stopPropagation(); this.close(); } });
    this.subject.addEventListener("input", () => this.touched());
    this.from.addEventListener("change", () => { if (!this.signedByHand) this.sign(signatureFor(this), { byHand: false }); this.touched(); });
    this.find('[name="files"]').addEventListener("change", (event) => { this.addFiles(event.target.files); event.target.value = ""; });
    this.find('[name="pictures"]').addEventListener("change", (event) => { this.addFiles(event.target.files, { inText: true }); event.target.value = ""; });
    this.element.addEventListener("focusout", (event) => { if (this.dirty && !this.element.contains(event.relatedTarget)) this.saveQuietly(); });
    this.drops();
  }

  shortcut(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    const size = { "+": 1, "=": 1, "-": -1, _: -1 }[event.key];
    const wish = event.shiftKey
      ? {
        c: () => this.showField("cc"), b: () => this.showField("bcc"), d: () => this.discard(), f: () => !this.find(".compose-sender").hidden && this.from.focus(),
      }[event.key.toLowerCase()] ?? (size && (() => this.body.run("grow", size)))
      : { Enter: () => this.send(), k: () => this.body.askForLink(), ".": () => this.dock.next(this, 1), ",": () => this.dock.next(this, -1) }[event.key];
    if (!wish) return;
    event.preventDefault();
    event.stopPropagation();
    wish();
  }

  drops() {
    let depth = 0;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const show = (on) => { this.element.classList.toggle("dropping", on); if (on) this.find('[data-part="left"]').textContent = say("left", sizeText(this.files.room)); };
    this.element.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; show(true); } });
    this.element.addEventListener("dragleave", (event) => { if (carries(event) && --depth <= 0) { depth = 0; show(false); } });
    this.element.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    this.element.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      depth = 0;
      show(false);
      event.preventDefault();
      event.stopPropagation();
      this.addFiles(event.dataTransfer.files, { inText: Boolean(event.target.closest(".ProseMirror")) });
    }, true);
  }

  addFiles(list, { inText = false } = {}) {
    const all = [...list], pictures = inText && this.body.editor ? all.filter((file) => PICTURES.test(file.type)) : [];
    this.files.add(all.filter((file) => !pictures.includes(file)));
    this.files.add(pictures, { place: (made) => this.body.insertPicture(made.url) });
  }

  async close() {
    for (const field of Object.values(this.fields)) field.commit();
    if (this.blank) {
      if (this.draft) call(`${this.draft}/discard/`, { body: {} }).catch(() => {});
      return this.leave();
    }
    if (!this.dirty && !this.unsettled && !this.files.running.size) return this.leave();
    this.hide();
    await this.files.settled();
    if (await this.saveQuietly({ settle: true })) this.leave();
    else this.show();
  }

  async discard() {
    this.discarding = true;
    this.forgetCopy();  // at once: a page that is left before the server answers must not bring the window back
    this.hide();
    await this.files.settled();
    clearTimeout(this.timers.save);
    await (this.last ?? Promise.resolve()).catch(() => {});
    const snapshot = { ...this.content, quote: this.quoteUrl, quoteKept: this.quoteKept };
    try {
      const action = this.draft ? (await call(`${this.draft}/discard/`, { body: {}, keepalive: true })).action : "";
      const worth = !this.blank || this.draft;
      this.leave();
      if (worth) this.dock.discarded({ action, draft: this.draft, snapshot });
    } catch (error) {
      if (error instanceof Refused && error.status === 410) return this.leave();
      this.discarding = false;
      this.keepCopy();
      this.show();
      this.trouble(error, () => {});
    }
  }

  send(wish) { return send(this, wish); }

  /** Sent and taken back: the window is as it was. */
  takenBack(data) {
    Object.assign(this, { draft: data.draft, version: data.version, dirty: false, unsettled: false });
    this.files.set(data.files);
    this.show();
    this.state(say("saved"));
    this.body.focus();
  }

  hide() {
    this.hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.dock.arrange();
    if (this.hadFocus) (this.opener?.isConnected ? this.opener : document.getElementById("main"))?.focus({ preventScroll: true, focusVisible: false });
  }

  show() {
    this.element.hidden = false;
    this.element.classList.remove("folded");
    this.dock.arrange(this);
  }

  /** The window goes for good. */
  leave() {
    if (this.closed) return;
    if (!this.element.hidden) this.hide();
    this.closed = true;
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    this.forgetCopy();
    this.releaseLock?.();
    this.body.destroy();
    this.element.remove();
    this.dock.gone(this);
  }
}
