// The view as vectors: lines as paths, and what stands on the picture, drawn by the same code, as shapes and text.

import { hue } from "./colours.js";
import { strokeLevel } from "./contents.js";

const SPACE = "http://www.w3.org/2000/svg";
const SHADES = 20;
const [THINNEST_PX, WIDEST_PX] = [0.5, 2.6];
const f = (value) => +value.toFixed(2);
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export function svgOf({ plane, painter, overlay, layers, colours, tilesOf }, width, height) {
  const context = new SvgContext();
  const at = (share) => `rgb(${colours.slice(4 * Math.round(255 * share), 4 * Math.round(255 * share) + 3).join()})`;
  plane.panes.forEach((pane) => {
    context.save();
    context.beginPath();
    context.rect(plane.margin.left + pane.x, plane.margin.top + pane.y, pane.width, pane.height);
    context.fillStyle = at(0);
    context.fill();
    context.clip();
    for (const [step, voice, lines] of linesOf(tilesOf(pane.sheet), plane, pane, painter)) {
      context.beginPath();
      for (const line of lines) line.forEach(([x, y], n) => context[n ? "lineTo" : "moveTo"](x, y));
      context.strokeStyle = painter.byVoice && voice ? hue(voice - 1) : at(step / SHADES);
      context.globalAlpha = painter.byVoice && voice ? step / SHADES : 1;
      context.lineWidth = THINNEST_PX + (WIDEST_PX - THINNEST_PX) * Math.sqrt(step / SHADES);
      context.stroke();
    }
    context.restore();
  });
  overlay.paint(context, plane, layers);
  const ground = `<rect width="${width}" height="${height}" fill="${overlay.ink.ground}"/>`;
  return `<svg xmlns="${SPACE}" viewBox="0 0 ${width} ${height}" stroke-linecap="round" stroke-linejoin="round">\n${[ground, ...context.parts].join("\n")}\n</svg>`;
}

// Strokes of a pane that are as loud and of the same voice, joined where one begins at another's end: [step, voice, lines], from faint to loud.
function linesOf(tiles, plane, pane, { topDb, floorDb }) {
  const { faded_db: fadedDb, stroke_levels: levels } = tiles.format;
  const level = strokeLevel(plane.spanS / pane.width, tiles) ?? levels - 1;
  const groups = new Map();
  const strokes = [...tiles.strokes(plane.startS, plane.startS + plane.spanS, level)].sort((a, b) => a.t[0] - b.t[0]);
  for (const { t, row, db, weight, voice } of strokes) {
    const share = ((db[0] + db[1]) / 2 - fadedDb * (1 - weight) - floorDb) / (topDb - floorDb);
    if (share <= 0) continue;
    const step = Math.min(SHADES, Math.ceil(share * SHADES));
    const key = step * 16 + voice;
    if (!groups.has(key)) groups.set(key, { lines: [], ending: new Map() });
    const { lines, ending } = groups.get(key);
    const begin = `${t[0]} ${row[0]}`;
    const point = (end) => [plane.x(t[end], pane), plane.y(tiles.hertz(row[end]), pane)];
    const line = ending.get(begin) ?? [point(0)];
    if (!ending.delete(begin)) lines.push(line);
    line.push(point(1));
    ending.set(`${t[1]} ${row[1]}`, line);
  }
  return [...groups].sort((a, b) => a[0] - b[0]).map(([key, { lines }]) => [key >> 4, key & 15, lines]);
}

// As much of a canvas's context as the overlay draws with.
class SvgContext {
  constructor() {
    Object.assign(this, { parts: [], path: [], kept: [], clips: 0, clipped: 0 });
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "", textAlign: "left" });
  }

  save() {
    this.kept.push(this.clipped);
  }

  restore() {
    const before = this.kept.pop();
    if (before !== this.clipped) this.parts.push("</g>");
    this.clipped = before;
  }

  clip() {
    this.clipped = ++this.clips;
    this.parts.push(`<clipPath id="clip${this.clips}"><path d="${this.path.join("")}"/></clipPath><g clip-path="url(#clip${this.clips})">`);
  }

  beginPath() {
    this.path = [];
  }

  moveTo(x, y) {
    this.path.push(`M${f(x)} ${f(y)}`);
  }

  lineTo(x, y) {
    this.path.push(`L${f(x)} ${f(y)}`);
  }

  rect(x, y, width, height) {
    this.path.push(`M${f(x)} ${f(y)}h${f(width)}v${f(height)}h${f(-width)}z`);
  }

  roundRect(x, y, width, height) {
    this.rect(x, y, width, height);
  }

  fill() {
    this.parts.push(`<path d="${this.path.join("")}" fill="${this.fillStyle}" opacity="${f(this.globalAlpha)}"/>`);
  }

  stroke() {
    if (this.path.length) this.parts.push(`<path d="${this.path.join("")}" fill="none" stroke="${this.strokeStyle}" stroke-width="${f(this.lineWidth)}" opacity="${f(this.globalAlpha)}"/>`);
  }

  fillRect(x, y, width, height) {
    this.parts.push(`<rect x="${f(x)}" y="${f(y)}" width="${f(width)}" height="${f(height)}" fill="${this.fillStyle}" opacity="${f(this.globalAlpha)}"/>`);
  }

  fillText(text, x, y) {
    this.text(text, x, y, `fill="${this.fillStyle}"`);
  }

  strokeText(text, x, y) {
    this.text(text, x, y, `fill="none" stroke="${this.strokeStyle}" stroke-width="${f(this.lineWidth)}"`);
  }

  text(text, x, y, look) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    this.parts.push(`<text x="${f(x)}" y="${f(y)}" ${look} text-anchor="${anchor}" dominant-baseline="middle" font-family="system-ui, sans-serif" font-size="${parseFloat(this.font)}">${escaped(text)}</text>`);
  }
}
