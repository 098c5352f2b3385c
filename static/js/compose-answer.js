// What stands below the writer's own text in a window: the signature, the original that is answered, and what kind of
// answer it is.

import { at, call, desk, say } from "./compose-net.js";
import { asText, withoutStyles } from "./compose-formats.js";

const ANSWERS = ["reply", "reply_all", "forward"];
export const isAnswer = (window_) => ANSWERS.includes(window_.mode) && Boolean(window_.message);

/* --- signature: shown, not edited; the server puts it under the text when the message is made --------------- */
export function showSignature(window_) {
  const place = window_.find(".compose-signature"), own = window_.signatures.find((each) => each.id === window_.signature);
  place.hidden = !own;
  place.replaceChildren();
  if (!own) return;
  const page = new DOMParser().parseFromString(withoutStyles(own.html), "text/html");
  for (const element of page.querySelectorAll("script, style, link, meta, iframe")) element.remove();
  place.append(...page.body.childNodes);
  for (const element of place.querySelectorAll("[data-style]")) { element.style.cssText = element.dataset.style; element.removeAttribute("data-style"); }
  const quote = window_.find(".compose-quote");
  if (window_.above) quote.before(place); else quote.after(place);
}

/** The signature of the address that writes, unless another one was chosen by hand. */
export function signatureFor(window_) {
  const look = window_.looks[window_.from?.value || window_.address];
  return look?.[isAnswer(window_) ? "answer" : "new"] ?? null;
}

/* --- the original ---------------------------------------------------------------------------------------------- */
export function showQuote(window_) { window_.find(".compose-quote").hidden = !window_.quoteUrl || !window_.quoteKept; }

/** In a frame that can run nothing; it is measured from here. */
export function toggleQuote(window_) {
  const place = window_.find(".compose-quote"), button = window_.find('[data-do="quote"]'), shown = place.querySelector("iframe");
  button.setAttribute("aria-expanded", !shown);
  window_.find(".compose-quote-tools").hidden = Boolean(shown);
  if (shown) return shown.remove();
  const frame = document.createElement("iframe");
  frame.className = "message-frame";
  frame.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
  frame.title = button.getAttribute("aria-label");
  frame.addEventListener("load", () => { frame.style.blockSize = `${Math.min(4000, frame.contentDocument?.documentElement.scrollHeight ?? 300)}px`; });
  frame.src = window_.quoteUrl;
  place.append(frame);
}

export function unquote(window_) {
  window_.quoteKept = false;
  showQuote(window_);
  window_.body.focus("end");
  window_.touched();
}

/** The original becomes text to write in; what the editor does not know of it is lost. */
export async function editQuote(window_) {
  const draft = await window_.needDraft();
  const { html } = await call(`${draft}/quote/edit/`, { body: {} });
  window_.body.insertHtml(html, { atEnd: true });
  window_.find(".compose-quote iframe")?.remove();
  unquote(window_);
}

/* --- what kind of answer ----------------------------------------------------------------------------------------- */
export function showType(window_) {
  const button = window_.find(".compose-type"), shown = isAnswer(window_);
  button.hidden = !shown;
  window_.element.classList.toggle("answers", shown);
  if (!shown) return;
  const drawing = window_.find(`[data-type="${window_.mode}"] svg`).cloneNode(true);
  button.querySelector("svg").replaceWith(drawing);
}

const plainSubject = (text) => text.replace(/^((re|fwd?|aw|wg|tr|rv|sv|vs)\s*:\s*)+/i, "").trim();

/** Reply, Reply all, Forward: whom it goes to, its subject and what goes along change; text and files stay. */
export async function changeType(window_, mode) {
  if (mode === window_.mode || !window_.message) return;
  const opening = await call(`opening/?${new URLSearchParams({ mode, message: window_.message })}`);
  window_.mode = mode;
  window_.retyped = true;
  for (const name of ["to", "cc", "bcc"]) {
    window_.fields[name].set(opening[name] ?? []);
    if (name !== "to" && opening[name]?.length) window_.showField(name, { focus: false });
  }
  if (plainSubject(window_.subject.value) === plainSubject(opening.subject)) window_.subject.value = opening.subject;
  window_.files.forwarded(mode === "forward" ? opening.files : []);
  window_.quoteUrl = opening.quote;
  window_.quoteKept = true;
  window_.find(".compose-quote iframe")?.remove();
  window_.find('[data-do="quote"]').setAttribute("aria-expanded", false);
  window_.find(".compose-quote-tools").hidden = true;
  showQuote(window_);
  showType(window_);
  if (!window_.signedByHand) window_.sign(signatureFor(window_), { byHand: false });
  window_.touched();
  window_.focusStart();
}

/* --- plain text mode ------------------------------------------------------------------------------------------------ */
export async function togglePlain(window_) {
  const { body } = window_, on = !body.isPlain;
  const made = await call("convert/", { body: on ? { to: "plain", html: body.html } : { to: "rich", text: body.text } }).catch(() => ({}));
  await body.setPlain(on, on ? { text: made.text ?? asText(body.html) } : made);
  window_.showBar();
}

export async function alwaysFull(window_) {
  ({ full: desk.full } = await call("full/", { body: { on: !desk.full } }));
  if (desk.full !== window_.full) window_.toggleFull(desk.full);
}

/** The draft on a page for printing; opened before the save is done, or the browser would stop it. */
export async function print(window_) {
  const sheet = open("", "_blank");
  const draft = await window_.needDraft();
  await window_.save();
  if (sheet) sheet.location.replace(location.origin + at(`${draft}/print/`));
}

/** The window in a browser window of its own; here it goes. */
export async function popOut(window_) {
  const away = open("", "_blank", "popup,width=820,height=760");
  if (!away) return window_.notice("warn", "blocked", say("blocked"));
  let address = `${location.origin}${at("?alone=1")}`;
  try {
    for (const field of Object.values(window_.fields)) field.commit();
    if (window_.blank) address += `&mode=new`;
    else {
      await window_.files.settled();
      await window_.needDraft();
      await window_.save({ settle: true });
      address += `&mode=draft&draft=${window_.draft}`;
    }
  } catch (error) { away.close(); throw error; }
  away.location.replace(address);
  window_.leave();
}
