/* Notices when the pass was added or removed meanwhile, and shows the page as it stands then.
   Everything works without it. */

"use strict";

const { state } = document.body.dataset;
const { page } = document.querySelector("main").dataset;
const SOON = 3000;
const LATER = 5000;
const SELDOM = 15000;
const MINUTE = 60 * 1000;
const PATIENCE = 60 * MINUTE;
const opened = Date.now();

let timer = 0;

function lookIn(wait) {
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

async function look() {
  const age = Date.now() - opened;
  let wait = age < MINUTE ? SOON : age < 3 * MINUTE ? LATER : SELDOM;
  if (!document.hidden) {
    try {
      const answer = await fetch(page, { method: "HEAD", cache: "no-store", credentials: "omit" });
      const now = answer.headers.get("Pass-State");
      if (now && now !== state) {
        location.replace(page + location.search);
        return;
      }
      if (answer.status === 429) {
        wait = 1000 * Number(answer.headers.get("Retry-After") || 60);
      }
    } catch {
      wait = SELDOM;
    }
  }
  // An old page looks no more of its own accord, only when somebody comes back to it.
  if (age < PATIENCE) lookIn(wait);
}

// Back from the wallet, or out of the browser's memory of the page: look at once.
addEventListener("pageshow", (event) => { if (event.persisted) lookIn(0); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookIn(0); });
lookIn(SOON);
