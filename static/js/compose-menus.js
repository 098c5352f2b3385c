// The menus of a window that writes: colours and sizes open and close by themselves; signatures, labels, templates, times
// and emoji are filled when they are first opened.

import { call, desk, say } from "./compose-net.js";

const textItem = (text, { note = "", role = "menuitem", checked, run }) => {
  const item = document.createElement("button"), words = document.createElement("span");
  Object.assign(item, { type: "button", className: "menu-item", role });
  if (checked !== undefined) item.setAttribute("aria-checked", checked);
  words.className = "truncate";
  words.textContent = text;
  item.append(words);
  if (note) item.append(Object.assign(document.createElement("span"), { className: "menu-note", textContent: note }));
  item.addEventListener("click", () => { item.closest("[popover]")?.hidePopover(); run(); });
  return item;
};

const nothing = (text) => Object.assign(document.createElement("p"), { className: "menu-title", textContent: text });

export class Menus {
  constructor(window_) {
    this.window = window_;
    const { element, key } = window_;
    for (const opener of element.querySelectorAll("[popovertarget]")) opener.setAttribute("popovertarget", `${opener.getAttribute("popovertarget")}-${key}`);
    for (const menu of element.querySelectorAll(".menu[popover]")) menu.id = `${menu.id}-${key}`;
    element.addEventListener("toggle", (event) => { if (event.newState === "open") this.opened(event.target); }, true);
    element.addEventListener("click", (event) => { const choice = event.target.closest("[data-type]"); if (choice) window_.changeType(choice.dataset.type); });
    element.addEventListener("keydown", (event) => this.sideways(event));
    this.menu("times").querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); this.pickTime(event.target); });
    this.menu("templates").querySelector("form").addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); this.saveTemplate(event.target); });
  }

  menu(name) { return this.window.element.querySelector(`#compose-${name}-${CSS.escape(this.window.key)}`); }

  open(name, from) {
    const source = this.window.element.querySelector(`[popovertarget="compose-${from}-${CSS.escape(this.window.key)}"]`);
    this.menu(name).showPopover({ source: source?.offsetParent ? source : this.window.element.querySelector(`[popovertarget="compose-more-${CSS.escape(this.window.key)}"]`) });
  }

  opened(menu) {
    const name = menu.id.split("-")[1];
    this[{ times: "fillTimes", emoji: "fillEmoji", signatures: "fillSignatures", labels: "fillLabels", templates: "fillTemplates", more: "showStates", types: "showType" }[name]]?.(menu);
  }

  /** ← and → in a row of colours. */
  sideways(event) {
    const row = event.target.closest?.(".compose-palette"), step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!row || !step) return;
    event.preventDefault();
    event.stopPropagation();
    const items = [...row.children], rtl = getComputedStyle(row).direction === "rtl" ? -1 : 1;
    items[(items.indexOf(event.target) + step * rtl + items.length) % items.length]?.focus();
  }

  showStates(menu) {
    const { window: own } = this;
    const on = { "always-full": desk.full, plain: own.body.isPlain, receipt: own.receipt };
    menu.querySelector('[data-part="labelled"]').textContent = desk.labels.filter(({ id }) => own.labels.includes(id)).map(({ name }) => name.split("/").at(-1)).join(", ");
    for (const [name, state] of Object.entries(on)) menu.querySelector(`[data-do="${name}"]`).setAttribute("aria-checked", Boolean(state));
  }

  fillLabels(menu) {
    const own = this.window;
    const items = desk.labels.map(({ id, name }) => {
      const item = textItem(name, { role: "menuitemcheckbox", checked: own.labels.includes(id), run: () => {} });
      item.addEventListener("click", () => own.label(id));
      return item;
    });
    menu.querySelector('[data-part="labels"]').replaceChildren(...(items.length ? items : [nothing(say("noLabels"))]));
    items[0]?.focus({ focusVisible: false });
  }

  showType(menu) {
    for (const choice of menu.querySelectorAll("[data-type]")) choice.toggleAttribute("data-on", choice.dataset.type === this.window.mode);
  }

  fillSignatures(menu) {
    const own = this.window, items = desk.signatures.map(({ id, name }) => textItem(name, { role: "menuitemradio", checked: own.signature === id, run: () => own.sign(id) }));
    if (items.length) items.unshift(textItem(say("none"), { role: "menuitemradio", checked: !own.signature, run: () => own.sign(null) }));
    menu.querySelector('[data-part="signatures"]').replaceChildren(...(items.length ? items : [nothing(say("noSignatures"))]));
    items[0]?.focus({ focusVisible: false });
  }

  fillTemplates(menu) {
    const own = this.window, list = menu.querySelector('[data-part="templates"]');
    list.replaceChildren(...(desk.templates.length ? desk.templates.map(({ id, name }) => textItem(name, { run: () => own.attempt(() => this.useTemplate(id)) })) : [nothing(say("noTemplates"))]));
    (list.querySelector("button") ?? menu.querySelector("input")).focus({ focusVisible: false });
  }

  async useTemplate(id) {
    const own = this.window, [name = "", email = ""] = own.fields.to.people[0] ?? [];
    const made = await call(`template/${id}/?${new URLSearchParams({ to: email, name })}`);
    if (made.subject && !own.subject.value.trim()) { own.subject.value = made.subject; own.showTitle(); }
    own.body.insertHtml(made.html);
    own.touched();
  }

  saveTemplate(form) {
    const own = this.window, field = form.elements.namedItem("name"), name = field.value.trim();
    if (!name) return field.focus();
    form.closest("[popover]").hidePopover();
    field.value = "";
    own.attempt(async () => {
      if (own.dirty) await own.saveQuietly();  // or its "Draft saved" would take the place of what is said here
      const { id } = await call("templates/", { body: { name, subject: own.subject.value, html: own.body.html } });
      desk.templates = [...desk.templates.filter((each) => each.id !== id), { id, name }].sort((a, b) => a.name.localeCompare(b.name));
      own.state(say("templateSaved"));
    });
  }

  async fillTimes(menu) {
    const own = this.window, list = menu.querySelector('[data-part="times"]'), field = menu.querySelector("input");
    const now = new Date(Date.now() + 60_000);
    field.min = new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    try {
      const { times } = await call("times/");
      list.replaceChildren(...times.map(({ label, at, when }) => textItem(label, { note: when, run: () => own.send({ at }) })));
      list.querySelector("button")?.focus({ focusVisible: false });
    } catch { field.focus(); }
  }

  pickTime(form) {
    const field = form.elements.namedItem("local");
    if (!field.value) { field.setCustomValidity(say("pickTime")); field.reportValidity(); field.setCustomValidity(""); return; }
    form.closest("[popover]").hidePopover();
    this.window.send({ local: field.value });
  }

  async fillEmoji(menu) {
    const { fill } = await import("./compose-emoji.js");
    fill(menu, say("pieces").split("|"), say("lately"), (sign) => { menu.hidePopover(); this.window.body.insertText(sign); });
  }
}
