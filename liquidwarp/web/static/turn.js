// A person under the mouse: reads a GLB that liquidwarp wrote (one skinned mesh, one motion), and turns it.
// `element`, `props`, `watch` are given by the page.
const canvas = element.querySelector("canvas");
const said = element.querySelector(".said");
const coverButton = element.querySelector(".cover");
const playButton = element.querySelector(".play");
const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
const view = { yaw: 0, pitch: 0, zoom: 1, cover: false, play: false, time: 0, scene: null, last: 0 };

const VERTEX = `attribute vec3 place; attribute vec2 uv; attribute float kind; uniform mat4 camera;
varying vec2 at; varying float what;
void main() { at = uv; what = kind; gl_Position = camera * vec4(place, 1.0); }`;
const FRAGMENT = `precision mediump float; uniform sampler2D photo; uniform float cover;
varying vec2 at; varying float what;
void main() {
  vec3 color = texture2D(photo, at).rgb;
  vec3 said = what < 1.5 ? vec3(0.0, 0.62, 0.45) : what < 2.5 ? vec3(0.34, 0.71, 0.91) : vec3(0.90, 0.47, 0.0);
  float light = dot(color, vec3(0.3, 0.6, 0.1));
  gl_FragColor = vec4(mix(color, said * (0.45 + 0.75 * light), cover), 1.0);
}`;

function program() {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return made;
}

function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++)
      for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}

function placed(t, q) {
  const [x, y, z, w] = q;
  return new Float32Array([
    1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y), 0,
    2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x), 0,
    2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y), 0,
    t[0], t[1], t[2], 1,
  ]);
}

async function read(address) {
  const data = await (await fetch(address)).arrayBuffer();
  const table = new DataView(data);
  const size = table.getUint32(12, true);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 20, size)));
  const start = 20 + size + 8;
  const widths = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };
  const kinds = { 5126: Float32Array, 5123: Uint16Array, 5125: Uint32Array };
  const array = (number) => {
    const { bufferView, componentType, count, type } = document.accessors[number];
    return new kinds[componentType](data, start + document.bufferViews[bufferView].byteOffset, count * widths[type]);
  };
  const primitive = document.meshes[0].primitives[0];
  const scene = { document, indices: array(primitive.indices), skin: document.skins[0] };
  for (const [name, number] of Object.entries(primitive.attributes)) scene[name] = array(number);
  scene.inverse = array(scene.skin.inverseBindMatrices);
  const motion = document.animations[0];
  scene.channels = motion.channels.map(({ sampler, target }) => ({
    ...target, times: array(motion.samplers[sampler].input), values: array(motion.samplers[sampler].output),
  }));
  scene.duration = scene.channels[0].times.at(-1);
  const picture = document.bufferViews[document.images[0].bufferView];
  const bytes = new Uint8Array(data, start + picture.byteOffset, picture.byteLength);
  scene.picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  return scene;
}

function pose(scene, time) {
  const { nodes } = scene.document;
  const turns = nodes.map((node) => node.rotation ?? [0, 0, 0, 1]);
  const places = nodes.map((node) => node.translation ?? [0, 0, 0]);
  for (const { node, path, times, values } of scene.channels) {
    let frame = 0;
    while (frame + 1 < times.length && times[frame + 1] <= time) frame++;
    const width = path === "rotation" ? 4 : 3;
    (path === "rotation" ? turns : places)[node] = Array.from(values.subarray(width * frame, width * (frame + 1)));
  }
  const worlds = [];
  const walk = (node, above) => {
    const own = placed(places[node], turns[node]);
    worlds[node] = above ? multiply(above, own) : own;
    for (const child of nodes[node].children ?? []) walk(child, worlds[node]);
  };
  walk(scene.document.scenes[0].nodes[0], null);
  const bones = scene.skin.joints.map((node, j) => multiply(worlds[node], scene.inverse.subarray(16 * j, 16 * j + 16)));
  const { POSITION: rest, JOINTS_0: joints, WEIGHTS_0: weights, indices } = scene;
  const moved = new Float32Array(rest.length);
  for (let v = 0; v < rest.length / 3; v++) {
    const x = rest[3 * v], y = rest[3 * v + 1], z = rest[3 * v + 2];
    for (let k = 0; k < 4; k++) {
      const weight = weights[4 * v + k];
      if (!weight) continue;
      const m = bones[joints[4 * v + k]];
      for (let r = 0; r < 3; r++) moved[3 * v + r] += weight * (m[r] * x + m[4 + r] * y + m[8 + r] * z + m[12 + r]);
    }
  }
  const corners = new Float32Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++)
    for (let r = 0; r < 3; r++) corners[3 * i + r] = moved[3 * indices[i] + r];
  return corners;
}

function fill(name, values, width) {
  const at = gl.getAttribLocation(view.program, name);
  view.buffers[name] ??= gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, view.buffers[name]);
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, width, gl.FLOAT, false, 0, 0);
}

function show(scene, coverage) {
  const { indices, TEXCOORD_0: uv } = scene;
  const places = new Float32Array(2 * indices.length);
  const kinds = new Float32Array(indices.length);
  indices.forEach((v, i) => {
    places[2 * i] = uv[2 * v];
    places[2 * i + 1] = uv[2 * v + 1];
    kinds[i] = coverage ? coverage[Math.floor(i / 3)] : 1;
  });
  const corners = pose(scene, 0);
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  corners.forEach((value, i) => {
    low[i % 3] = Math.min(low[i % 3], value);
    high[i % 3] = Math.max(high[i % 3], value);
  });
  Object.assign(scene, { middle: low.map((value, i) => (value + high[i]) / 2), tall: high[1] - low[1] });
  fill("place", corners, 3);
  fill("uv", places, 2);
  fill("kind", kinds, 1);
  gl.bindTexture(gl.TEXTURE_2D, (view.texture ??= gl.createTexture()));
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, scene.picture);
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
  view.scene = scene;
  playButton.hidden = !scene.duration;
}

function camera() {
  const { middle, tall } = view.scene;
  const far = (1.75 * tall) / view.zoom, near = 0.05, wide = canvas.width / canvas.height, f = 1 / Math.tan(0.35);
  const lens = new Float32Array([f / wide, 0, 0, 0, 0, f, 0, 0, 0, 0, -(50 + near) / (50 - near), -1, 0, 0, (-2 * 50 * near) / (50 - near), 0]);
  const half = (angle) => [Math.sin(angle / 2), Math.cos(angle / 2)];
  const [sy, cy] = half(view.yaw), [sp, cp] = half(view.pitch);
  const turned = multiply(placed([0, 0, -far], [sp, 0, 0, cp]), placed([0, 0, 0], [0, sy, 0, cy]));
  return multiply(lens, multiply(turned, placed(middle.map((value) => -value), [0, 0, 0, 1])));
}

function draw(now = 0) {
  if (!view.scene) return;
  if (view.play) {
    view.time = (view.time + Math.min(0.1, (now - view.last) / 1000)) % view.scene.duration;
    fill("place", pose(view.scene, view.time), 3);
  }
  view.last = now;
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.max(1, canvas.clientWidth * ratio);
  canvas.height = Math.max(1, canvas.clientHeight * ratio);
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0.92, 0.92, 0.93, 1);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST);
  gl.uniformMatrix4fv(gl.getUniformLocation(view.program, "camera"), false, camera());
  gl.uniform1f(gl.getUniformLocation(view.program, "cover"), view.cover ? 1 : 0);
  gl.drawArrays(gl.TRIANGLES, 0, view.scene.indices.length);
  canvas.dataset.yaw = Math.round((view.yaw * 180) / Math.PI);
  if (view.play) requestAnimationFrame(draw);
}

const redraw = () => requestAnimationFrame(draw);

function toggle(button, name) {
  view[name] = !view[name];
  button.setAttribute("aria-pressed", view[name]);
  view.last = performance.now();
  redraw();
}

function turn(yaw, pitch, zoom = 1) {
  view.yaw += yaw;
  view.pitch = Math.max(-1.4, Math.min(1.4, view.pitch + pitch));
  view.zoom = Math.max(0.5, Math.min(6, view.zoom * zoom));
  redraw();
}

async function load() {
  const value = props.value;
  if (!value || !value.glb || !gl) {
    said.textContent = gl ? "" : "This browser shows no WebGL; download the GLB instead.";
    return;
  }
  canvas.dataset.state = "loading";
  const [scene, coverage] = await Promise.all([
    read(value.glb),
    value.coverage ? fetch(value.coverage).then((got) => got.arrayBuffer()).then((got) => new Uint8Array(got)) : null,
  ]);
  Object.assign(view, { yaw: 0, pitch: 0, zoom: 1, time: 0 });
  show(scene, coverage);
  said.textContent = value.said ?? "";
  redraw();
  requestAnimationFrame(() => requestAnimationFrame(() => (canvas.dataset.state = "shown")));
}

if (gl) {
  view.program = program();
  view.buffers = {};
  gl.useProgram(view.program);
}
let held = null;
canvas.addEventListener("pointerdown", (event) => {
  held = [event.clientX, event.clientY];
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (!held) return;
  turn((event.clientX - held[0]) * 0.01, (event.clientY - held[1]) * 0.006);
  held = [event.clientX, event.clientY];
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = null));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  turn(0, 0, event.deltaY < 0 ? 1.1 : 1 / 1.1);
}, { passive: false });
const KEYS = {
  ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1],
  "+": [0, 0, 1.1], "=": [0, 0, 1.1], "-": [0, 0, 1 / 1.1],
};
canvas.addEventListener("keydown", (event) => {
  if (event.key === "c") toggle(coverButton, "cover");
  else if (event.key === " " && !playButton.hidden) toggle(playButton, "play");
  else if (KEYS[event.key]) turn(...KEYS[event.key]);
  else return;
  event.preventDefault();
});
coverButton.addEventListener("click", () => toggle(coverButton, "cover"));
playButton.addEventListener("click", () => toggle(playButton, "play"));
new ResizeObserver(redraw).observe(canvas);
watch("value", load);
load();
