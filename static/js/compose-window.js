// One window that writes a message. It saves itself every 2 s while there is something new, keeps a copy in this
// browser until the server has it, and sends. Opening one writes nothing; the first change makes the draft.
// The dock (compose.js) decides where windows stand and what happens after sending.

import { account, call, Offline, Refused, say, senders, SignedOut, words } from "./compose-net.js";
import { Body } from "./compose-editor.js";
import { Files } from "./compose-files.js";
import { Recipients } from "./compose-recipients.js";

const SAVE_AFTER = 2_000, SETTLE_AFTER = 30_000, RETRY_AFTER = 5_000;
const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const FORMATTING = "mailstead-formatting";

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
    this.element = document.getElementById("compose-window").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    const title = this.find(".compose-title");
    title.id = `compose-title-${key}`;
    this.element.setAttribute("aria-labelledby", title.id);
    dock.append(this.element);
    this.fill(data);
    this.listen();
    this.holdLock();
  }

  fill(data) {
    const shared = { changed: () => this.touched(), others: () => new Set(this.everyone.map(([, email]) => email.toLowerCase())) };
    this.fields = {};
    for (const name of ["to", "cc", "bcc"]) {
      this.fields[name] = new Recipients(this.find(`[data-field="${name}"]`), shared);
      this.fields[name].set(data[name] ?? []);
      if (name !== "to" && data[name]?.length) this.showField(name, { focus: false });
    }
    this.subject = this.find(".compose-subject");
    this.subject.value = data.subject ?? "";
    this.from = this.find('[name="from"]');
    if (this.from && data.from) this.from.value = data.from;
    if (this.from && !this.from.value) this.from.selectedIndex = 0;
    this.address = data.from ?? senders[0]?.[0] ?? "";
    this.files = new Files(this.element, { draft: () => this.needDraft(), changed: (version = 0) => { this.version = Math.max(this.version, version); this.touched({ settled: true }); } });
    this.files.set(data.files ?? []);
    this.body = new Body(this.element, { html: data.html, changed: () => this.touched(), files: (list, inText) => this.addFiles(list, { inText }) });
    this.showQuote();
    this.showTitle();
    this.formatting(localStorage.getItem(FORMATTING) === "on");
  }

  get everyone() { return Object.values(this.fields).flatMap((field) => field.people); }

  get content() {
    return {
      mode: this.mode, message: this.message, keep: this.draft ? null : this.files.keep, from: this.from?.value ?? this.address,
      to: this.fields.to.people, cc: this.fields.cc.people, bcc: this.fields.bcc.people,
      subject: this.subject.value, html: this.body.html, quote: this.quoteKept,
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
    const first = !this.draft, edits = this.edits;
    this.state(say("saving"));
    const answer = await call("save/", { body: { ...this.content, draft: this.draft, version: this.version, settle } });
    Object.assign(this, { draft: answer.draft, version: answer.version });
    this.files.room = answer.room;
    if (first) this.adopt(answer);
    this.unsettled = !settle && !first;
    if (this.edits === edits) { this.dirty = false; this.forgetCopy(); }
    this.state(answer.elsewhere ? say("elsewhere") : say("saved"));
    this.notice(null, "trouble");
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
    this.find(".compose-format").hidden = !on;
    this.find('[data-do="format"]').setAttribute("aria-pressed", on);
  }

  showQuote() { this.find(".compose-quote").hidden = !this.quoteUrl || !this.quoteKept; }

  /** The original, in a frame that can run nothing; it is measured from here. */
  toggleQuote() {
    const place = this.find(".compose-quote"), button = this.find('[data-do="quote"]');
    const shown = place.querySelector("iframe");
    button.setAttribute("aria-expanded", !shown);
    this.find('[data-do="unquote"]').hidden = Boolean(shown);
    if (shown) return shown.remove();
    const frame = document.createElement("iframe");
    frame.className = "message-frame";
    frame.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
    frame.title = button.getAttribute("aria-label");
    frame.addEventListener("load", () => { frame.style.blockSize = `${Math.min(4000, frame.contentDocument?.documentElement.scrollHeight ?? 300)}px`; });
    frame.src = this.quoteUrl;
    place.append(frame);
  }

  unquote() {
    this.quoteKept = false;
    this.showQuote();
    this.body.focus("end");
    this.touched();
  }

  focusStart() {
    if (this.mode === "new" || this.mode === "forward") this.fields.to.people.length ? this.subject.value ? this.body.focus("start") : this.subject.focus() : this.fields.to.input.focus();
    else this.body.focus("start");
    if (!this.body.editor) this.body.ready.then(() => { if (this.element.contains(document.activeElement) && document.activeElement.matches("textarea")) this.body.focus("start"); });
  }

  get folded() { return this.element.classList.contains("folded"); }
  get full() { return this.element.classList.contains("full"); }

  fold(on = !this.folded) {
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

  /* --- what is done --- */
  listen() {
    const clicks = {
      fold: () => this.fold(), full: () => this.toggleFull(), close: () => this.close(), send: () => this.send(), discard: () => this.discard(),
      cc: () => this.showField("cc"), bcc: () => this.showField("bcc"), quote: () => this.toggleQuote(), unquote: () => this.unquote(),
      attach: () => this.find('[name="files"]').click(), picture: () => this.find('[name="pictures"]').click(),
      link: () => this.body.askForLink(), unlink: () => this.body.unlink(),
      format: () => { const on = this.find(".compose-format").hidden; this.formatting(on); localStorage.setItem(FORMATTING, on ? "on" : "off"); },
    };
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) clicks[button.dataset.do]?.();
      else if (event.target.matches('.compose-body, [data-part="editor"]')) this.body.focus("end");
    });
    this.element.addEventListener("keydown", (event) => this.shortcut(event), true);
    this.element.addEventListener("keydown", (event) => { if (event.key === "Escape" && (!event.defaultPrevented || event.target.closest(".ProseMirror"))) { event.stopPropagation(); this.close(); } });
    this.subject.addEventListener("input", () => this.touched());
    this.from?.addEventListener("change", () => this.touched());
    this.find('[name="files"]').addEventListener("change", (event) => { this.addFiles(event.target.files); event.target.value = ""; });
    this.find('[name="pictures"]').addEventListener("change", (event) => { this.addFiles(event.target.files, { inText: true }); event.target.value = ""; });
    this.element.addEventListener("focusout", (event) => { if (this.dirty && !this.element.contains(event.relatedTarget)) this.saveQuietly(); });
    this.drops();
  }

  shortcut(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.isComposing) return;
    const wish = event.shiftKey
      ? { c: () => this.showField("cc"), b: () => this.showField("bcc"), d: () => this.discard() }[event.key.toLowerCase()]
      : { Enter: () => this.send(), k: () => this.body.askForLink() }[event.key];
    if (!wish) return;
    event.preventDefault();
    event.stopPropagation();
    wish();
  }

  drops() {
    let depth = 0;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const show = (on) => this.element.classList.toggle("dropping", on);
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

  /** Says what is in the way of sending; true if nothing is. */
  mayGo() {
    for (const field of Object.values(this.fields)) field.commit();
    const wrong = Object.values(this.fields).flatMap((field) => field.wrong);
    if (!this.everyone.length) { this.notice("danger", "send", say("nobody")); this.fields.to.input.focus(); return false; }
    if (wrong.length) { this.notice("danger", "send", say("wrong", wrong.join(", "))); return false; }
    if (this.files.failed) { this.notice("danger", "send", say("uploadFailed")); return false; }
    if (this.anyway) return true;
    const anyway = { text: say("sendAnyway"), run: () => { this.anyway = true; this.send(); }, test: "send-anyway" };
    const text = `${this.subject.value}\n${this.body.text}`;
    if (!this.subject.value.trim() && !this.body.text.trim()) { this.notice("warn", "send", say("blank"), [anyway]); return false; }
    const speaksOfFiles = new RegExp(`(^|[^\\p{L}])(${words.attachmentWords.join("|")})([^\\p{L}]|$)`, "iu").test(text);
    if (speaksOfFiles && !this.files.any) {
      this.notice("warn", "send", say("forgotten"), [{ text: say("add"), run: () => this.find('[name="files"]').click() }, anyway]);
      return false;
    }
    return true;
  }

  async send() {
    if (this.sending || !this.mayGo()) return;
    this.sending = true;
    this.notice(null, "send");
    if (this.files.running.size) { this.state(say("waiting")); await this.files.settled(); if (!this.mayGo()) { this.sending = false; return; } }
    this.hide();
    const progress = this.dock.sendingStarts();
    try {
      await this.save();
      this.asked = true;
      const sent = await call(`${this.draft}/send/`, { body: {} });
      this.forgetCopy();
      this.dirty = this.unsettled = false;
      this.dock.sent(this, sent);
    } catch (error) {
      progress.close();
      // The answer of the last attempt was lost, but not the request: the draft is a sent message now.
      if (this.uncertain && error.status === 410) return this.dock.wasSent(this);
      this.uncertain = this.asked && error instanceof Offline;
      this.show();
      if (error instanceof Refused) {
        this.state("");
        this.notice("danger", "send", error.message);
        for (const field of Object.values(this.fields)) field.refuse(error.address);
      } else this.trouble(error, () => this.send());
    } finally { this.sending = false; }
  }

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
