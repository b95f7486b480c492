// The result over the reference: a wiper moves the border between them, and both play together.
const [over, under] = element.querySelectorAll("video");
const slider = element.querySelector("input");
const stage = element.querySelector(".stage");
const preview = element.querySelector("img");

function wipe() {
  stage.style.setProperty("--at", `${slider.value}%`);
}

function load() {
  const { result, reference, picture } = props.value ?? {};
  stage.dataset.state = result ? "result" : picture ? "preview" : "empty";
  stage.classList.toggle("alone", !reference);
  slider.parentElement.hidden = !(result && reference);
  if (picture) preview.src = picture;
  for (const [video, source] of [[over, result], [under, reference]]) {
    if (source && video.getAttribute("src") !== source) video.src = source;
    if (!source) video.removeAttribute("src");
  }
  wipe();
}

slider.addEventListener("input", wipe);
over.addEventListener("play", () => under.src && under.play());
over.addEventListener("pause", () => under.pause());
for (const name of ["seeked", "timeupdate"])
  over.addEventListener(name, () => {
    if (under.src && Math.abs(under.currentTime - over.currentTime) > 0.12) under.currentTime = over.currentTime;
  });
watch("value", load);
load();
