// Notes, curves and names, as they stand on the picture. on: what can be seen there, { ground, ink, voices }.

import { name, nearest } from "./music.js";

const NAME_PX = 22; // a note's name, about
const NAME_HIGH_PX = 10;
export const VOICES = ["#7dd3fc", "#86efac", "#fcd34d", "#f9a8d4", "#c4b5fd", "#fdba74", "#5eead4", "#fca5a5"];

// Notes as outlines at their pitch, the curve of each voice, and above both the names, where none covers another.
export function drawNotes(context, plane, pane, { notes, f0, start_s: startS, step_s: stepS }, on) {
  const untilS = plane.startS + plane.spanS;
  const tall = Math.max(6, (pane.height / plane.octaves / 12) * 0.9);
  const [left, right] = [plane.margin.left + pane.x, plane.margin.left + pane.x + pane.width];
  const names = [];
  context.lineWidth = 1.5;
  for (const note of notes) {
    if (note.offset_s < plane.startS || note.onset_s > untilS) continue;
    const [x0, x1, y] = [plane.x(note.onset_s, pane), plane.x(note.offset_s, pane), plane.y(note.hz, pane)];
    context.strokeStyle = context.fillStyle = on.voices[note.voice % VOICES.length];
    context.globalAlpha = 0.9;
    context.beginPath();
    context.roundRect(x0, y - tall / 2, Math.max(2, x1 - x0), tall, Math.min(4, tall / 2));
    context.stroke();
    context.globalAlpha = 0.14;
    context.fill();
    context.globalAlpha = 1;
    const [from, until] = [Math.max(x0, left), Math.min(x1, right)]; // a name that begins before the view is read all the same
    if (until - from > NAME_PX) names.push({ text: name(nearest(note.hz).key), x: from + 3, y: y - tall / 2 - 7 });
  }
  drawCurves(context, plane, pane, f0, startS, stepS, on);
  const free = ({ x, y }, n) => names.slice(0, n).every((other) => Math.abs(other.x - x) >= NAME_PX || Math.abs(other.y - y) >= NAME_HIGH_PX);
  for (const { text, x, y } of names.filter(free)) drawName(context, text, x, y, on);
}

function drawCurves(context, plane, pane, f0, startS, stepS, on) {
  context.lineWidth = 1;
  f0.forEach((curve, voice) => {
    context.strokeStyle = on.voices[voice % VOICES.length];
    context.beginPath();
    let down = false;
    const first = Math.max(0, Math.floor((plane.startS - startS) / stepS));
    for (let n = first; n < Math.min(curve.length, first + plane.spanS / stepS + 2); n++) {
      if (curve[n] > 0) context[down ? "lineTo" : "moveTo"](plane.x(startS + n * stepS, pane), plane.y(curve[n], pane));
      down = curve[n] > 0;
    }
    context.stroke();
  });
}

// A name that can be read whatever is below it.
export function drawName(context, text, x, y, on) {
  context.textAlign = "left";
  context.lineJoin = "round";
  context.strokeStyle = on.ground;
  context.lineWidth = 3;
  context.strokeText(text, x, y);
  context.lineWidth = 1.5;
  context.fillStyle = on.ink;
  context.fillText(text, x, y);
}
