// The result over the reference: a wiper moves the border between them, and both play together.
const [over, under] = element.querySelectorAll("video");
const slider = element.querySelector("input");
const stage = element.querySelector(".stage");
const preview = element.querySelector("img");
const playButton = element.querySelector(".play");
const soundButton = element.querySelector(".sound");
const APART = 0.12; // seconds that the two may be apart

function wipe() {
  stage.style.setProperty("--at", `${slider.value}%`);
}

function load() {
  const { result, reference, picture } = props.value ?? {};
  stage.dataset.state = result ? "result" : picture ? "preview" : "empty";
  stage.classList.toggle("alone", !reference);
  slider.parentElement.hidden = !(result && reference);
  playButton.hidden = soundButton.hidden = !result;
  if (picture) preview.src = picture;
  for (const [video, source] of [[over, result], [under, reference]]) {
    if (source && video.getAttribute("src") !== source) video.src = source;
    if (!source) video.removeAttribute("src");
  }
  wipe();
}

function told() {
  playButton.setAttribute("aria-pressed", !over.paused);
  soundButton.setAttribute("aria-pressed", !over.muted);
}

slider.addEventListener("input", wipe);
over.addEventListener("play", () => under.src && under.play().catch(() => {}));
over.addEventListener("pause", () => under.pause());
for (const name of ["seeked", "timeupdate"])
  over.addEventListener(name, () => {
    if (under.src && Math.abs(under.currentTime - over.currentTime) > APART) under.currentTime = over.currentTime;
  });
for (const name of ["play", "pause", "volumechange"]) over.addEventListener(name, told);
playButton.addEventListener("click", () => (over.paused ? over.play().catch(() => {}) : over.pause()));
soundButton.addEventListener("click", () => (over.muted = !over.muted));
if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) over.autoplay = false;
watch("value", load);
load();
