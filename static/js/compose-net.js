// What compose says to the server, and how that can go wrong: signed out, offline, or refused with a reason.
// Every request names the account that opened the page, so that nobody's text lands in somebody else's mailbox.

export const dock = document.getElementById("compose-dock");
export const words = {};
export const senders = [];  // [address, name] of whom this person may write as
export const desk = {};  // what they chose, and their signatures and templates
export const account = dock?.dataset.account ?? "";

let parts = null;

/** Fetches what windows are made of, once: templates, words, choices (webmail/views/compose_window.py). */
export function prepare() {
  parts ??= fetchParts().catch((error) => { parts = null; throw error; });
  return parts;
}

async function fetchParts() {
  let answer;
  try { answer = await fetch(at("window/"), { headers: headers(), redirect: "error" }); } catch { throw new Offline(document.getElementById("words") ? JSON.parse(document.getElementById("words").textContent).offline : ""); }
  if (answer.status === 401) document.dispatchEvent(new CustomEvent("mail:signed-out"));
  if (!answer.ok) read(answer.status, await answer.text());
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  const told = (id) => JSON.parse(holder.content.getElementById(id).textContent);
  Object.assign(words, told("compose-words"));
  Object.assign(desk, told("compose-desk"));
  senders.push(...told("compose-senders"));
  document.body.append(...holder.content.querySelectorAll("template"));
}

/** A copy of a part: template("window") is the <template id="compose-window">'s element. */
export const part = (name) => document.getElementById(`compose-${name}`).content.firstElementChild.cloneNode(true);

export const say = (name, value = "") => (words[name] ?? "").replace("{}", value);
export const at = (path) => dock.dataset.url + path;

/** The session is over (or belongs to somebody else): what was to be done waits until who wrote this is back. */
export class SignedOut extends Error {}
/** No connection, or no answer. */
export class Offline extends Error {}
/** The server said no; `message` is its sentence, `address` the recipient it is about. */
export class Refused extends Error {
  constructor(text, status, address = "") { super(text); this.status = status; this.address = address; }
}

const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";

export function headers() {
  return { "X-Mailstead": "compose", "X-Mailstead-Account": account, "X-CSRFToken": cookie("mailstead_csrf") };
}

export async function call(path, { body, signal, keepalive = false } = {}) {
  let answer;
  try {
    answer = await fetch(at(path), {
      method: body === undefined ? "GET" : "POST",
      headers: { ...headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: "error", signal, keepalive,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Offline(say("offline"));
  }
  return read(answer.status, await answer.text());
}

/** The JSON of an answer, or what is wrong with it. A 403 of the CSRF check means that the sign-in changed meanwhile. */
export function read(status, text) {
  let data = {};
  try { data = JSON.parse(text); } catch { /* a page of an error: said in our own words below */ }
  if (status >= 200 && status < 300) return data;
  if (status === 401 || (status === 403 && !data.error)) throw new SignedOut(say("signedOut"));
  if (data.reason === "account") throw new SignedOut(data.error);
  if (status >= 500 && !data.error) throw new Offline(say("failed"));
  throw new Refused(data.error ?? say("failed"), status, data.address);
}

/** Sends one file, telling how far it is; returns {done, cancel}. */
export function upload(path, file, { inline = false, progress = () => {} } = {}) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", at(path));
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) progress(100 * event.loaded / event.total); });
    request.addEventListener("load", () => { try { resolve(read(request.status, request.responseText)); } catch (error) { reject(error); } });
    request.addEventListener("error", () => reject(new Offline(say("offline"))));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    const form = new FormData();
    form.append("file", file, file.name || "picture.png");
    if (inline) form.append("inline", "1");
    request.send(form);
  });
  return { done, cancel: () => request.abort() };
}
