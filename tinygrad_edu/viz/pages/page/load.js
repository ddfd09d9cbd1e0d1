// The page is kept small: its scripts and its data are unpacked here. The policy allows these scripts and no others.
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("packed").textContent), (c) => c.charCodeAt(0));
  const text = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  const end = text.indexOf("\u0000"), script = document.createElement("script");
  document.getElementById("packed").remove();
  globalThis.packed = text.slice(end + 1);
  script.textContent = text.slice(0, end);
  document.body.append(script);
})();
