// Markers, and what is saved: pictures, the selection's sound, tables.

import { cents, clockTime, name, nearest, tuning } from "./music.js";
import { svgOf } from "./svg.js";

const $ = (id) => document.getElementById(id);
const OFFLINE = "sharpear has ended, or is being started again";
const ECHO_S = 30;

export class Keeper {
  constructor(page) {
    this.page = page;
  }

  mark(timeS) {
    const marker = { timeS, label: `${this.page.markers.length + 1}` };
    this.page.markers.push(marker);
    this.page.markers.sort((a, b) => a.timeS - b.timeS);
    this.list();
    return marker;
  }

  // What is typed next is the marker's name.
  name(marker) {
    $("marks").querySelectorAll("input")[this.page.markers.indexOf(marker)].select();
  }

  // The markers as fields: their names can be changed, each can be gone to and taken away.
  list() {
    const { page } = this;
    $("marked").hidden = !page.markers.length;
    $("marks").replaceChildren(...page.markers.map((marker, number) => {
      const field = Object.assign(document.createElement("input"), { type: "text", value: marker.label });
      field.title = `Name of marker ${number + 1}`;
      field.setAttribute("aria-label", field.title);
      field.addEventListener("input", () => { marker.label = field.value; page.changed(); });
      const button = (text, label, act) => {
        const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: `${label} marker ${number + 1}` });
        made.setAttribute("aria-label", `${text} ${made.title}`); // what is seen is in the name, for those who speak it
        made.addEventListener("click", act);
        return made;
      };
      const item = document.createElement("li");
      item.append(button(clockTime(marker.timeS), "Go to", () => { page.seek(marker.timeS); page.plane.follow(marker.timeS); page.changed(); }), field, button("×", "Remove", () => {
        page.markers.splice(page.markers.indexOf(marker), 1);
        this.list();
        ($("marks").querySelectorAll("li > :last-child")[number] ?? $("mark")).focus(); // what had the focus is gone
      }));
      return item;
    }));
    page.changed();
  }

  async save(what) {
    const { sheets, heardFolder } = this.page; // sound and notes are those of the file that is heard
    const stem = (sheets.find(({ folder }) => folder === heardFolder) ?? sheets[0]).name.replace(/\.[^.]*$/, "");
    const [content, kind, ending] = await (this[what]?.() ?? this.noteFile(what));
    if (!content) {
      $("message").textContent = kind;
      return;
    }
    const url = URL.createObjectURL(new Blob([content], { type: kind }));
    const link = Object.assign(document.createElement("a"), { href: url, download: `${stem}.${ending}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), ECHO_S * 1000);
    $("message").textContent = `saved ${stem}.${ending}`;
  }

  // The view as it is seen: picture, rulers, notes and markers.
  async png() {
    const { painter, plane, tilesOf } = this.page;
    painter.draw(plane, tilesOf, devicePixelRatio, Infinity);
    const stage = $("axes");
    const canvas = Object.assign(document.createElement("canvas"), { width: stage.width, height: stage.height });
    const context = canvas.getContext("2d");
    context.fillStyle = this.page.overlay.ink.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage($("picture"), plane.margin.left * devicePixelRatio, plane.margin.top * devicePixelRatio);
    context.drawImage(stage, 0, 0);
    context.drawImage($("times"), 0, stage.height - $("times").height);
    return [await new Promise((done) => canvas.toBlob(done, "image/png")), "image/png", "png"];
  }

  // The same as vectors.
  async svg() {
    const { width, height } = $("stage").getBoundingClientRect();
    return [svgOf(this.page, width, height), "image/svg+xml", "svg"];
  }

  // The same on a page as large as the view, which the browser prints into a PDF.
  async pdf() {
    const { width, height } = $("stage").getBoundingClientRect();
    const [svg] = await this.svg();
    const size = new CSSStyleSheet();
    size.replaceSync(`@page { size: ${width}px ${height}px; margin: 0; }`);
    document.adoptedStyleSheets = [size];
    $("paper").replaceChildren(document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true));
    document.body.classList.add("printing");
    addEventListener("afterprint", () => {
      document.body.classList.remove("printing");
      document.adoptedStyleSheets = [];
      $("paper").replaceChildren();
    }, { once: true });
    print();
    return [null, "choose “Save as PDF” where the browser asks for a printer"];
  }

  // The stretch that is selected, bit for bit as it is played, cut out of the WAV file by its header.
  async wav() {
    const { selection, heardFolder } = this.page;
    if (!selection) return [null, "nothing is selected: drag over the picture, or press I and O"];
    if (!heardFolder) return [null, "there is no sound to save"];
    const url = `data/${heardFolder}/sound.wav`;
    const head = new DataView(await bytes(url, 0, 43));
    const [align, rate] = [head.getUint16(32, true), head.getUint32(24, true)];
    const [from, until] = [selection.fromS, selection.untilS].map((timeS) => 44 + Math.round(timeS * rate) * align);
    const pieces = [];
    for (let at = from; at < until; ) {
      const piece = await bytes(url, at, until - 1);
      if (!piece.byteLength) break;
      pieces.push(piece);
      at += piece.byteLength;
    }
    const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    head.setUint32(4, 36 + size, true);
    head.setUint32(40, size, true);
    return [new Blob([head.buffer, ...pieces]), "audio/wav", "selection.wav"];
  }

  async markers() {
    const rows = this.page.markers.map(({ timeS, label }) => `${timeS.toFixed(4)},${quoted(label)}`);
    return rows.length ? [["time_s,label", ...rows, ""].join("\n"), "text/csv", "markers.csv"] : [null, "there are no markers: M sets one"];
  }

  get notes() {
    return this.page.notesOf.get(this.page.heardFolder ?? this.page.sheets[0].folder)?.notes ?? [];
  }

  async labels() {
    const marks = this.page.markers.map(({ timeS, label }) => [timeS, timeS, label]);
    const notes = this.notes.map((note) => [note.onset_s, note.offset_s, `${name(nearest(note.hz).key)} ${cents(note.hz)}`]);
    const rows = [...marks, ...notes].sort((a, b) => a[0] - b[0]).map(([from, until, label]) => `${from.toFixed(6)}\t${until.toFixed(6)}\t${label.replace(/[\t\r\n]/g, " ")}`);
    return rows.length ? [[...rows, ""].join("\n"), "text/plain", "labels.txt"] : [null, "there are neither markers nor notes yet"];
  }

  async notescsv() {
    const rows = this.notes.map((note) => {
      const { key, off } = nearest(note.hz);
      return [note.onset_s.toFixed(4), note.offset_s.toFixed(4), key, off.toFixed(1), note.level_db.toFixed(1), note.voice].join(",");
    });
    return rows.length ? [["onset_s,offset_s,midi,cents,level_db,voice", ...rows, ""].join("\n"), "text/csv", "notes.csv"] : [null, "there are no notes yet"];
  }

  // Notes as another tool's file: sharpear writes it, named as they are named here.
  async noteFile(kind) {
    const folder = this.page.heardFolder ?? this.page.sheets[0].folder;
    $("message").textContent = `writing ${kind}`;
    const asked = this.page.connection.send({ notes: folder, kind, a4: tuning.a4, temperament: tuning.temperament });
    const fault = asked ? await new Promise((told) => (this.waiting = { folder, kind, told })) : OFFLINE;
    if (fault) return [null, fault];
    return [await (await fetch(`data/${folder}/${kind.replaceAll(".", "_")}`)).arrayBuffer(), "application/octet-stream", kind];
  }

  // What sharpear says of a file that was asked for.
  written({ folder, kind, fault }) {
    if (this.waiting?.folder === folder && this.waiting.kind === kind) this.waiting.told(fault);
  }

  // Nobody answers what was asked for.
  lost() {
    this.waiting?.told(OFFLINE);
  }
}

const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function bytes(url, first, last) {
  const answer = await fetch(url, { headers: { Range: `bytes=${first}-${last}` } });
  return answer.ok ? answer.arrayBuffer() : new ArrayBuffer(0);
}
