// Whatever is typed into an article's form is kept on the server for the one who typed it, and offered back after a crash,
// a refused save or a log-out. Nothing is kept in the browser: a laptop may be taken away.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const told = document.querySelector("[data-keep]");
  const form = told?.closest("form");
  if (!form) return;

  const NAMES = ["headline", "standfirst", "body", "credit_line"];
  const PAUSE = 1500;
  const AT_LEAST_EVERY = 10000;
  const AGAIN = 15000;
  // Browsers send no more than this with a page that is being closed.
  const PARTING = 60000;
  const token = form.querySelector("[name=csrfmiddlewaretoken]");
  const words = () => JSON.stringify(NAMES.map((name) => form.elements[name]?.value ?? ""));
  let kept = words();
  let timer = null;
  let waitingSince = null;
  let sending = null;
  let isLeaving = false;
  let isRefused = false;

  function say(name, at = "") {
    const text = told.dataset[name].replace("%s", at);
    told.classList.toggle("is-alarming", name !== "kept");
    if (told.textContent !== text) told.textContent = text;
  }

  function fields() {
    const body = new FormData();
    for (const name of [...NAMES, "based_on"]) body.append(name, form.elements[name]?.value ?? "");
    body.append("csrfmiddlewaretoken", token.value);
    return body;
  }

  // Who is logged in gets a new token, because logging in again in another tab makes the form's own one void.
  async function isStillHere() {
    const response = await fetch(told.dataset.here, { redirect: "manual", signal: AbortSignal.timeout(8000) });
    if (!response.ok) return false;
    token.value = (await response.json()).token;
    return true;
  }

  async function keep({ isSecondTry = false } = {}) {
    clearTimeout(timer);
    timer = waitingSince = null;
    const now = words();
    if (now === kept || isLeaving || isRefused) return;
    sending?.abort();
    sending = new AbortController();
    const { signal } = sending;
    try {
      const response = await fetch(told.dataset.keep, { method: "POST", body: fields(), redirect: "manual", signal });
      const answer = response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : {};
      if (response.ok) {
        kept = now;
        say("kept", answer.at);
        return;
      }
      if (answer.refused) {
        isRefused = true;
        say("refused");
        return;
      }
      if (!isSecondTry && await isStillHere()) return keep({ isSecondTry: true });
      say("loggedOut");
    } catch (error) {
      if (signal.aborted) return;
      say("offline");
    }
    timer = setTimeout(keep, AGAIN);
  }

  form.addEventListener("input", () => {
    if (isLeaving) return;
    waitingSince ??= Date.now();
    clearTimeout(timer);
    timer = setTimeout(keep, Math.max(0, Math.min(PAUSE, waitingSince + AT_LEAST_EVERY - Date.now())));
  });

  document.addEventListener("visibilitychange", () => { if (document.hidden) keep(); });

  window.addEventListener("pagehide", () => {
    if (isLeaving || isRefused || words() === kept || words().length > PARTING) return;
    fetch(told.dataset.keep, { method: "POST", body: fields(), keepalive: true }).catch(() => {});
  });

  // Coming back to the page by the browser's own button.
  window.addEventListener("pageshow", (event) => { if (event.persisted) isLeaving = false; });

  // A save that would be lost is not sent: the page keeps the words until somebody is logged in again.
  form.addEventListener("submit", async (event) => {
    if (isLeaving) return;
    event.preventDefault();
    const { submitter } = event;
    try {
      if (await isStillHere()) {
        isLeaving = true;
        clearTimeout(timer);
        sending?.abort();
        form.requestSubmit(submitter);
        // A field that the browser itself finds wrong keeps the page here.
        if (!form.checkValidity()) isLeaving = false;
        return;
      }
      say("loggedOut");
    } catch {
      say("offline");
    }
    told.scrollIntoView({ block: "center" });
  });
});
