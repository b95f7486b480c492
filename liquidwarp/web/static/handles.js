// Joints as handles on a photo: drag one, or choose it with Tab and move it with the arrow keys.
const stage = element.querySelector(".stage");
const NEAR = 1, FAR = 10;

function move(handle, x, y) {
  const [height, width] = props.value.size;
  x = Math.max(0, Math.min(width, x));
  y = Math.max(0, Math.min(height, y));
  handle.dataset.x = x;
  handle.dataset.y = y;
  handle.style.left = `${(100 * x) / width}%`;
  handle.style.top = `${(100 * y) / height}%`;
  handle.setAttribute("aria-valuetext", `${Math.round(x)}, ${Math.round(y)}`);
}

function drop(handle) {
  const moved = { ...(props.value.moved ?? {}), [handle.dataset.name]: [Number(handle.dataset.x), Number(handle.dataset.y)] };
  handle.classList.add("moved");
  trigger("change", { moved });
  props.value.moved = moved;
}

function load() {
  stage.replaceChildren();
  const value = props.value;
  if (!value || !value.picture) return;
  const [height, width] = value.size;
  const picture = document.createElement("img");
  picture.src = value.picture;
  picture.alt = "the photo, with a handle on each joint";
  picture.draggable = false;
  stage.append(picture);
  const person = value.people[value.person ?? 0];
  for (const joint of person?.joints ?? []) {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = joint.sure < 0.5 ? "handle unsure" : "handle";
    handle.dataset.name = joint.name;
    handle.title = joint.said;
    handle.setAttribute("aria-label", `${joint.said}: arrow keys move it`);
    const put = value.moved?.[joint.name];
    if (put) handle.classList.add("moved");
    move(handle, ...(put ?? [joint.x, joint.y]));
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.dataset.held = "1";
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.dataset.held) return;
      const box = picture.getBoundingClientRect();
      move(handle, ((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height);
      handle.dataset.dirty = "1";
    });
    handle.addEventListener("pointerup", () => {
      delete handle.dataset.held;
      if (handle.dataset.dirty) drop(handle);
      delete handle.dataset.dirty;
    });
    handle.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!by) return;
      event.preventDefault();
      const step = (Math.max(width, height) / 1000) * (event.shiftKey ? FAR : NEAR) * 2;
      move(handle, Number(handle.dataset.x) + step * by[0], Number(handle.dataset.y) + step * by[1]);
      drop(handle);
    });
    stage.append(handle);
  }
}

watch("value", load);
load();
