// What is read at the cursor, and measured in the selection.

import { traced, vibrato } from "./lines.js";
import { cents, clockTime, interval, name, nearest, pitchClass } from "./music.js";
import { tell } from "./tell.js";

const $ = (id) => document.getElementById(id);
const HINT = matchMedia("(pointer: coarse)").matches
  ? "tap: go there, and read the line's note and vibrato · drag: move · pinch: zoom · press long, then drag a box: measure time and cents, loop it, zoom into it"
  : "point at a line: its note and vibrato · click: go there · drag a box: measure time and cents, loop it, zoom into it · double click: hear that partial · wheel: zoom";
const figure = (value, digits = 1) => value.toFixed(digits).replace("-", "−");

export function showProgress({ sheets, offline }) {
  $("title").textContent = sheets.map((sheet) => sheet.name).join(" · ");
  $("compare").hidden = sheets.length !== 1;
  $("compare").lastChild.textContent = `sharpear view ${sheets[0]?.name} OTHER`;
  document.title = sheets.length ? `${sheets[0].name}: sharpear` : "sharpear";
  const done = sheets.reduce((sum, sheet) => sum + sheet.done_s, 0);
  const all = sheets.reduce((sum, sheet) => sum + sheet.duration_s, 0);
  const fault = sheets.find((sheet) => sheet.fault)?.fault;
  const sharpened = sheets.every((sheet) => sheet.complete || sheet.fault);
  const waiting = sharpened ? (sheets.some((sheet) => sheet.hears && !sheet.fault) ? "hearing notes" : "") : `sharpening: ${Math.floor((100 * done) / all)} %`;
  $("progress").textContent = offline ? "disconnected: sharpear has ended, or is being started again" : waiting;
  if (fault) $("message").textContent = fault;
}

export function showClock(positionS, playing) {
  tell("clock", clockTime(positionS));
  tell("play", playing ? "Pause" : "Play");
  $("play").ariaPressed = playing;
}

export function showFileReading(page, found) {
  const { cursor } = page;
  const hz = found?.hz ?? cursor?.hz;
  $("reading").classList.toggle("hint", !cursor);
  tell("read-note", cursor ? name(nearest(hz).key) : "");
  tell("read-cents", cursor ? cents(hz) : "");
  tell("read-hz", cursor ? `${figure(hz, hz < 1000 ? 2 : 1)} Hz` : page.selection ? "" : HINT);
  tell("read-level", cursor ? (found ? `${figure(found.db)} dB${found.voice ? `, of a voice on ${pitchClass(found.voice)}` : ""}` : "no line") : "");
  tell("read-time", cursor ? clockTime(cursor.timeS, 0.001) : "");
  tell("read-measure", measured(page, found));
}

// Δt, Δcents and interval of the selection; the mean level and the vibrato of the line at the cursor in it.
let last = { key: "", text: "" };
function measured(page, found) {
  const { selection } = page;
  const key = JSON.stringify([selection, found?.row, found?.folder, found?.t]);
  if (key === last.key) return last.text;
  last = { key, text: words(page, selection, found) };
  return last.text;
}

function words(page, selection, found) {
  const told = [];
  if (selection) {
    told.push(`Δt ${figure(1000 * (selection.untilS - selection.fromS), 0)} ms`);
    if (selection.lowHz) {
      const apart = 1200 * Math.log2(selection.highHz / selection.lowHz);
      told.push(`Δ ${figure(apart, 0)} ct, ${interval(apart)}`);
    }
  }
  if (found) {
    const [fromS, untilS] = selection ? [selection.fromS, selection.untilS] : [found.t - 0.6, found.t + 0.6];
    const points = traced(page.tiles.get(found.folder), found, fromS, untilS);
    if (selection && points.length) {
      const power = points.reduce((sum, { amplitude }) => sum + amplitude ** 2, 0) / points.length;
      told.push(`level ${figure(10 * Math.log10(power))} dB`);
    }
    const trembling = vibrato(points);
    if (trembling) told.push(`vibrato ${figure(trembling.rateHz)} Hz ± ${figure(trembling.depth, 0)} ct`);
  }
  return told.join(" · ");
}
