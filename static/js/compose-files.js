// The files of a message being written: chosen, dropped or pasted, each with its own progress, cancelled or removed.
// A forwarded message's files are only numbers of parts until the draft is first saved.

import { call, dock, Offline, part, say, SignedOut, upload } from "./compose-net.js";

const UNITS = ["B", "kB", "MB", "GB"];
export function sizeText(bytes) {
  let size = bytes, unit = 0;
  while (size >= 1023.5 && unit < 3) { size /= 1024; unit += 1; }
  const digits = unit > 1 && size < 10 && size.toFixed(1) !== `${Math.round(size)}.0` ? 1 : 0;
  return `${size.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits })}\u00a0${UNITS[unit]}`;
}

export class Files {
  /** `draft()` gives the id of a saved draft; `changed(version)` after a file came or went, with the draft's version. */
  constructor(root, { draft, changed }) {
    Object.assign(this, { draft, changed, running: new Set(), room: Number(dock.dataset.room) });
    this.box = root.querySelector(".compose-files");
  }

  get cards() { return [...this.box.children]; }
  get keep() { return this.cards.map((card) => card.dataset.part).filter(Boolean); }
  get attach() { return this.cards.map((card) => Number(card.dataset.message)).filter(Boolean); }
  get any() { return this.cards.some((card) => !card.classList.contains("failed")); }
  get failed() { return this.cards.some((card) => card.classList.contains("failed")); }

  /** What the server says the draft holds; running uploads stay. */
  set(files) {
    for (const card of this.cards) if (!card.classList.contains("running") && !card.classList.contains("failed")) card.remove();
    this.box.prepend(...files.map((file) => this.card(file)));
    this.show();
  }

  /** The files of the original, when the kind of answer changes; those that were added stay. */
  forwarded(files) {
    for (const card of this.cards) if (card.dataset.part) card.remove();
    this.box.prepend(...files.map((file) => this.card(file)));
    this.show();
  }

  card(file) {
    const card = part("file");
    const name = card.querySelector(".file-name");
    name.textContent = name.title = file.name;
    if (file.url) { name.href = file.url; name.target = "_blank"; name.rel = "noopener"; }
    card.querySelector(".file-note").textContent = sizeText(file.size);
    if (file.id) card.dataset.file = file.id;
    if (file.part) card.dataset.part = file.part;
    if (file.message) card.dataset.message = file.message;  // a whole message that goes along
    if (file.icon) { card.querySelector(".file-icon").innerHTML = file.icon; card.querySelector(".file-icon").classList.add(file.hue || "plain"); }
    if (file.picture && file.size < 4_194_304) {
      const picture = new Image();
      picture.alt = "";
      picture.src = file.url;
      card.querySelector(".file-icon").replaceChildren(picture);
    }
    const button = card.querySelector("button");
    button.setAttribute("aria-label", say("remove", file.name));
    button.addEventListener("click", () => this.remove(card));
    return card;
  }

  async remove(card) {
    const next = card.nextElementSibling ?? card.previousElementSibling;
    card.cancel?.();
    card.remove();
    next?.querySelector("button")?.focus();
    this.show();
    let version = 0;
    if (card.dataset.file) {
      try { ({ room: this.room, version } = await call(`${await this.draft()}/files/${card.dataset.file}/remove/`, { body: {} })); }
      catch { this.box.append(card); this.show(); }
    }
    this.changed(version);
  }

  /** Uploads files; returns when all of them are there or have failed. `place(made)` puts a picture into the text. */
  async add(list, { place = null } = {}) {
    await Promise.all([...list].map((file) => this.one(file, place)));
  }

  async one(file, place) {
    const card = this.card({ name: file.name || "picture.png", size: file.size });
    const bar = card.querySelector("progress");
    this.box.append(card);
    this.show();
    if (file.size > this.room) return this.fail(card, say("tooBig", sizeText(this.room)));
    card.classList.add("running");
    bar.hidden = false;
    let going = null, cancelled = false;
    card.cancel = () => { cancelled = true; going?.cancel(); };
    const work = this.send(file, place, card, (transfer) => { going = transfer; if (cancelled) transfer.cancel(); });
    this.running.add(work);
    try { await work; } finally { this.running.delete(work); card.cancel = null; }
  }

  async send(file, place, card, started) {
    const bar = card.querySelector("progress");
    try {
      const draft = await this.draft();
      const transfer = upload(`${draft}/files/`, file, { inline: Boolean(place), progress: (percent) => { bar.value = percent; } });
      started(transfer);
      const made = await transfer.done;
      this.room = made.room;
      if (place) { card.remove(); place(made); } else card.replaceWith(this.card(made));
      this.show();
      this.changed(made.version);
    } catch (error) {
      if (error.name === "AbortError") { card.remove(); this.show(); }
      else this.fail(card, error instanceof Offline || error instanceof SignedOut ? say("uploadFailed") : error.message);
    }
  }

  fail(card, text) {
    card.classList.remove("running");
    card.classList.add("failed");
    card.querySelector("progress").hidden = true;
    card.querySelector(".file-note").textContent = text;
    card.querySelector(".file-note").setAttribute("role", "alert");
  }

  async settled() { while (this.running.size) await Promise.allSettled([...this.running]); }
  show() { this.box.hidden = !this.box.children.length; }
}
