// sharpear's page: columns come in, a ring keeps them, the graphics card draws them sixty times a second.

import { Axes } from "./axes.js";
import { table } from "./colours.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { History, PLAIN } from "./history.js";
import { tune } from "./music.js";
import { Picture } from "./picture.js";
import { showAddress, showReading, showState, showStatus } from "./status.js";
import { MARGIN, View } from "./view.js";

const $ = (id) => document.getElementById(id);
const REACH_PX = 8; // the cursor takes the line that is this near
const GAPS_KEPT = 50;
const LISTEN_MS = 500;
const dark = matchMedia("(prefers-color-scheme: dark)");

const view = new View();
const axes = new Axes($("axes"), $("cursor"));
let picture = null;
let history = null;
let gaps = [];
let changed = true;
let drawnAt = performance.now();
let listenedAt = 0;

function curtain(text) {
  $("curtain").hidden = !text;
  $("curtain").textContent = text;
}

try {
  picture = new Picture($("picture"));
} catch (error) {
  curtain(`The picture cannot be drawn: ${error.message}`);
}

const connection = new Connection({
  state: (name) => {
    showState(name);
    if (name === "offline") curtain(history?.count ? "" : "Disconnected: the session has ended, or is being started again");
  },
  axes: (message) => {
    history = picture && new History(message, picture.height);
    picture?.setHistory(history);
    gaps = [];
    tune(message.tuning);
    view.reset(message);
    controls.presets(message.presets, message.preset);
    changed = true;
    if (picture) curtain("");
  },
  columns: (timeS, bytes, count) => history?.add(timeS, bytes, count, upload),
  gap: (message) => (gaps = [...gaps.slice(1 - GAPS_KEPT), message]),
  status: showStatus,
  refused: ({ message }) => ($("message").textContent = message),
  address: showAddress,
  end: () => showState("ended"),
});

const upload = (slot, columns) => picture.upload(slot, columns);

const controls = new Controls(
  view,
  { changed: () => (changed = true), colours: setColours, preset: (name) => connection.send({ preset: name }), keep: () => connection.send({ keep: true }) },
  () => history?.newestS ?? 0,
);

function setColours(map) {
  $("colours").value = map;
  picture?.setColours(table(map));
}

function restyle() {
  setColours(dark.matches ? "magma" : "ink");
  axes.restyle();
  changed = true;
}

function layOut(pixelRatio) {
  const { clientWidth, clientHeight } = $("stage");
  view.layOut(clientWidth, clientHeight);
  for (const [canvas, width, height] of [
    [$("picture"), view.width, view.height],
    [$("axes"), clientWidth, clientHeight],
    [$("cursor"), clientWidth, clientHeight],
  ]) {
    const [across, down] = [Math.round(width * pixelRatio), Math.round(height * pixelRatio)];
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== down) canvas.height = down;
  }
  Object.assign($("picture").style, {
    left: `${MARGIN.left}px`, top: `${MARGIN.top}px`, width: `${view.width}px`, height: `${view.height}px`,
  });
}

// What stands under the cursor: the nearest sharp line if there is one, else the place itself.
function read() {
  if (!view.cursor || !history?.count) return [null, null];
  const timeS = view.time(view.cursor.x);
  const column = Math.round(timeS / history.axes.column_s);
  const row = history.row(view.hz(view.cursor.y));
  const rowsPerPixel = (history.row(view.highHz) - history.row(view.lowHz)) / view.height;
  const found = history.line(column, row, Math.max(3, REACH_PX * rowsPerPixel));
  const hz = found?.hz ?? view.hz(view.cursor.y);
  const plain = history.at(column, Math.round(history.row(hz)), PLAIN);
  const reading = { hz, sharpDb: found?.db ?? null, plainDb: plain ? history.decibels(plain) : null, timeS, agoS: view.edgeS - timeS };
  return [reading, found];
}

function frame(now) {
  const pixelRatio = devicePixelRatio;
  if (changed) {
    layOut(pixelRatio);
    axes.draw(view, pixelRatio);
    picture?.restart();
    changed = false;
  }
  if (history?.count) {
    view.advance((now - drawnAt) / 1000, history.newestS);
    if (now - listenedAt > LISTEN_MS) {
      listenedAt = now;
      if (view.listen(history.loudestDb(view.spanS / history.axes.column_s))) controls.show();
    }
    picture.draw(view, pixelRatio);
  }
  drawnAt = now;
  const [reading, found] = read();
  showReading(reading);
  axes.animate(view, history, gaps, found, pixelRatio);
  requestAnimationFrame(frame);
}

dark.addEventListener("change", restyle);
new ResizeObserver(() => {
  axes.restyle();
  changed = true;
}).observe($("stage"));
restyle();
requestAnimationFrame(frame);
