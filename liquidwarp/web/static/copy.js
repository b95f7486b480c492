// A text to take away.
const text = element.querySelector("pre");
const button = element.querySelector("button");
const SHOWN = 1500; // milliseconds

function load() {
  text.textContent = props.value ?? "";
  button.disabled = !props.value;
}

button.addEventListener("click", async () => {
  await navigator.clipboard.writeText(text.textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), SHOWN);
});
watch("value", load);
load();
