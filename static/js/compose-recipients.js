// A field of recipients: people as chips, a box to type in, and a list of whom the writer may mean.
// Commits on Enter, Tab, comma, semicolon, leaving the field, and on pasting a list. What is no address stays, in red.

import { cards, hideCard } from "./compose-card.js";
import { call, part, say } from "./compose-net.js";

const ADDRESS = /^[^\s@<>,;:"()[\]\\]+(?:\.[^\s@<>,;:"()[\]\\]+)*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*$|^"[^"]+"@\S+$|^[^\s@]+@\[[0-9a-fA-F:.IPv]+\]$/u;
const known = new Map();  // what the server said about a prefix, for as long as the page lives
/** After a message was sent, others may come first. */
export const forgetPeople = () => known.clear();
let fields = 0;
let dragged = null;

/** `"A, B" <a@x>, b@y; c@z` becomes [["A, B", "a@x"], ["", "b@y"], ["", "c@z"]]. */
export function parsePeople(text) {
  const pieces = [];
  let piece = "", quoted = false, angle = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (!quoted && char === "<") angle = true;
    if (!quoted && char === ">") angle = false;
    if (!quoted && !angle && /[,;\n\r\t]/.test(char)) { pieces.push(piece); piece = ""; } else piece += char;
  }
  pieces.push(piece);
  return pieces.flatMap((each) => split(each.trim()));
}

function split(text) {
  if (!text) return [];
  const angle = text.match(/^(.*?)<\s*([^<>]*?)\s*>\s*$/s);
  if (angle) return [[angle[1].trim().replace(/^"(.*)"$/s, "$1").replaceAll('\\"', '"').trim(), angle[2]]];
  const many = text.split(/\s+/);
  if (many.length > 1 && many.every((each) => ADDRESS.test(each))) return many.map((each) => ["", each]);
  return [["", text.replace(/^mailto:/i, "")]];
}

export const isAddress = (email) => email.length <= 320 && ADDRESS.test(email);

/* The same hue and letters as webmail/templatetags/look.py draws. */
const table = Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n >>> 0; });
function hueOf(text) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text.trim().toLowerCase())) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ((crc ^ 0xffffffff) >>> 0) % 12;
}
function initials(name, email) {
  const parts = (name || email.split("@")[0]).split(/[\s,._\-+@]+/).filter((each) => /^[\p{L}\p{N}]/u.test(each)).map((each) => [...each][0]);
  if (!parts.length) return "?";
  return parts[0] >= "\u2e80" ? parts[0] : (parts[0] + (parts.length > 1 ? parts.at(-1) : "")).toUpperCase();
}

const faces = new Map();  // address → where the picture of a contact lies here, as far as the server told

export function avatar(element, name, email, size = 24) {
  element.className = `avatar size-${size} hue-${hueOf(email || name || "?")}`;
  const picture = faces.get((email || "").toLowerCase());
  if (picture) element.replaceChildren(Object.assign(document.createElement("img"), { src: picture, alt: "" }));
  else element.textContent = initials(name, email);
}

export class Recipients {
  /** `line` is the .compose-line; `changed` is called when people were added or removed; `others` gives all taken addresses. */
  constructor(line, { changed, others, told = () => {} }) {
    Object.assign(this, { line, changed, others, told });
    this.box = line.querySelector(".recipients");
    this.input = line.querySelector("input");
    this.list = document.createElement("ul");
    this.list.className = "compose-people";
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", say("people"));
    this.list.id = `compose-people-${++fields}`;
    this.list.hidden = true;
    this.input.setAttribute("aria-controls", this.list.id);
    this.input.id = `compose-field-${fields}`;
    line.querySelector("label").htmlFor = this.input.id;
    line.append(this.list);
    this.more = document.createElement("span");
    this.more.className = "compose-more muted";
    this.more.hidden = true;
    this.box.append(this.more);
    this.listen();
  }

  get people() { return [...this.box.querySelectorAll(".person")].map((chip) => [chip.dataset.name, chip.dataset.address]); }
  get wrong() { return [...this.box.querySelectorAll('.person[aria-invalid="true"]')].map((chip) => chip.dataset.address); }

  set(people) {
    for (const chip of this.box.querySelectorAll(".person")) chip.remove();
    for (const [name, email] of people) this.add(name, email, { quietly: true });
    this.fold();
  }

  add(name, email, { quietly = false, before = null } = {}) {
    if (!email || this.people.some(([, each]) => each.toLowerCase() === email.toLowerCase())) return;
    const chip = part("person");
    Object.assign(chip.dataset, { name, address: email });
    chip.setAttribute("aria-label", name ? `${name} <${email}>` : email);
    chip.setAttribute("role", "group");  // with a button in it: it cannot be one itself
    chip.querySelector('[data-part="name"]').textContent = name || email;
    chip.querySelector("button").setAttribute("aria-label", say("remove", name || email));
    avatar(chip.querySelector(".avatar"), name, email);
    if (!isAddress(email)) chip.setAttribute("aria-invalid", "true");
    this.box.insertBefore(chip, before ?? this.input);
    if (quietly) return;
    this.told(say("added", name || email));
    this.changed();
  }

  /** Takes what stands in the box as people. */
  commit(typed = this.input.value) {
    this.input.value = "";
    this.hide();
    for (const [name, email] of parsePeople(typed)) this.add(name, email);
  }

  /** Marks an address that the server refused. */
  refuse(address) {
    if (!address) return;
    this.unfold();
    for (const chip of this.box.querySelectorAll(".person")) {
      if (chip.dataset.address.toLowerCase() === address.toLowerCase()) chip.setAttribute("aria-invalid", "true");
    }
  }

  listen() {
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("paste", (event) => this.paste(event));
    this.input.addEventListener("focus", () => this.unfold());
    this.line.addEventListener("focusout", (event) => {
      if (this.line.contains(event.relatedTarget)) return;
      this.commit();
      this.fold();
    });
    this.line.addEventListener("click", (event) => {
      const chip = event.target.closest(".person");
      if (event.target.closest(".chip-remove")) { this.remove(chip); this.input.focus(); }
      else if (chip) chip.focus();
      else if (!event.target.closest("button, .compose-people")) this.input.focus();
    });
    this.box.addEventListener("dblclick", (event) => { const chip = event.target.closest(".person"); if (chip) this.edit(chip); });
    this.box.addEventListener("keydown", (event) => { if (event.target.matches(".person")) this.chipKey(event, event.target); });
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option);
    });
    this.drags();
    cards(this.box, { avatar });
  }

  drags() {
    this.box.addEventListener("dragstart", (event) => {
      const chip = event.target.closest?.(".person");
      if (!chip) return;
      dragged = { chip, field: this };
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", chip.getAttribute("aria-label"));
      this.line.closest(".compose").classList.add("moving-people");
    });
    this.line.addEventListener("dragover", (event) => { if (dragged) event.preventDefault(); });
    this.line.addEventListener("drop", (event) => {
      if (!dragged) return;
      event.preventDefault();
      event.stopPropagation();
      const { chip, field } = dragged;
      dragged = null;
      if (field === this) return;
      field.remove(chip);
      this.add(chip.dataset.name, chip.dataset.address);
    });
    document.addEventListener("dragend", () => { dragged = null; this.line.closest(".compose")?.classList.remove("moving-people"); });
    this.line.addEventListener("dragenter", (event) => { if (dragged && event.target.closest?.('[data-do="cc"], [data-do="bcc"]')) event.target.closest("button").click(); });
  }

  remove(chip) {
    hideCard();
    chip.remove();
    this.told(say("removed", chip.dataset.name || chip.dataset.address));
    this.changed();
  }

  edit(chip) {
    this.commit();
    const { name, address } = chip.dataset;
    this.input.value = name ? `"${name}" <${address}>` : address;
    this.input.focus();  // before the chip goes: a field that lost the focus would commit
    this.input.select();
    this.remove(chip);
  }

  chipKey(event, chip) {
    const chips = [...this.box.querySelectorAll(".person")], place = chips.indexOf(chip);
    const rtl = getComputedStyle(this.box).direction === "rtl";
    const step = { ArrowLeft: rtl ? 1 : -1, ArrowRight: rtl ? -1 : 1 }[event.key];
    if (step) (chips[place + step] ?? (step > 0 ? this.input : chip)).focus();
    else if (event.key === "Backspace" || event.key === "Delete") { this.remove(chip); (chips[place + (event.key === "Delete" ? 1 : -1)] ?? this.input).focus(); }
    else if (event.key === "Enter") this.edit(chip);
    else return;
    event.preventDefault();
  }

  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const open = !this.list.hidden, chosen = this.list.querySelector('[aria-selected="true"]');
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) this.step(event.key === "ArrowDown" ? 1 : -1);
    else if (open && event.key === "Escape") { this.hide(); event.stopPropagation(); }
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && open && chosen) this.choose(chosen);
    else if (event.key === "Enter" || ((event.key === "," || event.key === ";") && !this.input.value.includes('"'))) this.commit();
    else if (event.key === "Tab") { if (this.input.value.trim()) this.commit(); return; }
    else if (event.key === "Backspace" && !this.input.value) {
      const last = [...this.box.querySelectorAll(".person")].at(-1);
      if (!last) return;
      last.focus();
    } else if (event.key === "ArrowLeft" && this.input.selectionEnd === 0) {
      const last = [...this.box.querySelectorAll(".person")].at(-1);
      if (!last) return;
      last.focus();
    } else return;
    event.preventDefault();
  }

  paste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!/[,;\n@]/.test(text)) return;
    event.preventDefault();
    this.commit(`${this.input.value}${text}`);
  }

  /* --- whom the writer may mean --- */
  typed() {
    clearTimeout(this.timer);
    const prefix = this.input.value.trim();
    if (!prefix || /[<>"]/.test(prefix)) return this.hide();
    this.timer = setTimeout(() => this.suggest(prefix), 40);
  }

  async suggest(prefix) {
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const key = prefix.toLowerCase();
      if (!known.has(key)) {
        const said = await call(`people/?q=${encodeURIComponent(prefix)}`, { signal: this.asked.signal });
        known.set(key, said.people);
        for (const [address, picture] of Object.entries(said.faces ?? {})) faces.set(address, picture);
      }
      if (this.input.value.trim() !== prefix || document.activeElement !== this.input) return;
      const taken = this.others();
      this.show(known.get(key).filter(([, email]) => Array.isArray(email) || !taken.has(email.toLowerCase())).slice(0, 6));
    } catch { this.hide(); }
  }

  show(people) {
    if (!people.length) return this.hide();
    this.list.replaceChildren(...people.map(([name, email], place) => {
      const option = document.createElement("li"), face = document.createElement("span"), text = document.createElement("span"), note = document.createElement("span");
      option.id = `${this.list.id}-${place}`;
      option.setAttribute("role", "option");
      const group = Array.isArray(email);  // [name, [[name, email], …]]: its members come instead of it
      Object.assign(option.dataset, { name, address: group ? "" : email });
      if (group) option.members = email;
      avatar(face, name, group ? "" : email);
      face.setAttribute("aria-hidden", "true");
      text.className = "truncate";
      text.textContent = name || email;
      note.className = "faint truncate";
      note.textContent = group ? email.map(([each, address]) => each || address).join(", ") : name ? email : "";
      option.append(face, text, note);
      return option;
    }));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(this.list.firstElementChild);
  }

  step(by) {
    const options = [...this.list.children], now = options.findIndex((each) => each.ariaSelected === "true");
    this.mark(options[(now + by + options.length) % options.length]);
  }

  mark(option) {
    for (const each of this.list.children) each.setAttribute("aria-selected", each === option);
    this.input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  choose(option) {
    this.input.value = "";
    this.hide();
    const taken = this.others();
    for (const [name, email] of option.members ?? [[option.dataset.name, option.dataset.address]]) if (!taken.has(email.toLowerCase())) this.add(name, email);
    this.input.focus();
  }

  hide() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  /* --- one line while the writer is elsewhere --- */
  fold() {
    this.unfold();
    this.box.classList.add("idle");
    const chips = [...this.box.querySelectorAll(".person")];
    if (chips.length < 2 || !this.box.offsetHeight || this.wrong.length) return;
    const first = chips[0].offsetTop + chips[0].offsetHeight;
    if (chips.at(-1).offsetTop < first) return;
    this.more.hidden = false;
    let out = 0;
    while (out < chips.length - 1 && (out === 0 || this.more.offsetTop >= first)) {
      out += 1;
      chips.at(-out).hidden = true;
      this.more.textContent = say("more", out);
    }
    this.box.classList.add("folded");
  }

  unfold() {
    this.box.classList.remove("folded", "idle");
    this.more.hidden = true;
    for (const chip of this.box.querySelectorAll(".person[hidden]")) chip.hidden = false;
  }
}
