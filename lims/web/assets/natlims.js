// Everything works without this file. It only saves keystrokes and reloads:
//   /           goes to the search field          Ctrl+Enter  presses the page's main button
//   c7          (typed outside of fields) picks well C7 on a plate
//   a tone      after a scan or a refusal: one high note is well, two low notes are not
//   data-refresh="10"  fetches the page again every ten seconds while nobody types in it
"use strict";
(() => {
  const typing = (e) => e.target.closest("input, select, textarea, [contenteditable]");
  let well = "", last = 0;

  document.addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && e.key === "Enter") {
      const main = document.querySelector("button[data-main]:not([disabled])");
      if (main) { e.preventDefault(); main.form.requestSubmit(main); }
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
    if (e.key === "/") {
      const find = document.querySelector(".find");
      if (find) { e.preventDefault(); find.focus(); find.select(); }
      return;
    }
    if (!document.querySelector(".plate")) return;
    if (e.timeStamp - last > 1500) well = "";
    last = e.timeStamp;
    if (/^[a-p]$/i.test(e.key)) well = e.key.toUpperCase();
    else if (/^[0-9]$/.test(e.key) && well) well += e.key;
    else { well = ""; return; }
    const at = well.length > 1 && document.getElementById("well-" + well);
    if (at) at.focus();
  });

  // What stands in a scan field is overwritten by the next scan.
  const scan = document.querySelector(".scan[autofocus]");
  if (scan) scan.select();

  // Who scans looks at tubes, not at the screen. A browser that does not allow sound stays silent.
  const tone = (notes) => {
    const audio = new AudioContext();
    notes.forEach((hertz, i) => {
      const note = audio.createOscillator(), level = audio.createGain();
      note.frequency.value = hertz;
      level.gain.value = 0.2;
      note.connect(level).connect(audio.destination);
      note.start(audio.currentTime + i * 0.25);
      note.stop(audio.currentTime + i * 0.25 + 0.18);
    });
    document.documentElement.dataset.tone = notes.join(" ");
  };
  const wrong = document.querySelector(".say.bad, .shout.bad, .shout.warn, .shout.odd");
  if (window.AudioContext && (wrong || document.querySelector(".shout.ok"))) tone(wrong ? [220, 180] : [880]);

  // A form that was sent is not sent again by a second press.
  document.addEventListener("submit", (e) => {
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    if (e.target.method === "post") e.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((f) => delete f.dataset.sent));

  document.querySelectorAll("[data-all]").forEach((box) => box.addEventListener("change", () => {
    box.closest("form").querySelectorAll("input[name=" + box.dataset.all + "]").forEach((b) => { b.checked = box.checked; });
  }));
  document.querySelectorAll("select[data-send]").forEach((s) => s.addEventListener("change", () => s.form.requestSubmit()));
  document.querySelectorAll("[data-print]").forEach((b) => { b.hidden = false; b.addEventListener("click", () => window.print()); });

  const main = document.querySelector("main[data-refresh]");
  if (main) setInterval(async () => {
    if (document.hidden || main.contains(document.activeElement)) return;
    try {
      const r = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!r.ok || r.redirected) return;
      const fresh = new DOMParser().parseFromString(await r.text(), "text/html").querySelector("main");
      if (fresh) main.replaceChildren(...fresh.childNodes);
    } catch { /* the next round tries again */ }
  }, 1000 * Number(main.dataset.refresh));
})();
