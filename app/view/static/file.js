// sharpear's page of files: tiles come as they are sharpened, and are drawn, heard, measured and kept.

import { BY_VOICE, table } from "./colours.js";
import { Connection } from "./connection.js";
import { Keeper } from "./keep.js";
import { linesAt, lineAt, traced } from "./lines.js";
import { tune } from "./music.js";
import { Overlay } from "./overlay.js";
import { Overview } from "./overview.js";
import { Painter } from "./painter.js";
import { Pilot } from "./pilot.js";
import { Plane } from "./plane.js";
import { Player, sung } from "./player.js";
import { showClock, showFileReading, showProgress } from "./reading.js";
import { Tiles } from "./tiles.js";

const $ = (id) => document.getElementById(id);
const REACH_PX = 10;
const TRACE_RATE_HZ = 44100;
const RETRY_MS = 1000;
const dark = matchMedia("(prefers-color-scheme: dark)");

// A page is drawn when something of it changes, and rests meanwhile: a browser that is asked for sixty pictures a second works for each.
class Page {
  constructor() {
    this.moves = {}; // what follows the pointer, or is told while it is heard
    Object.assign(this, { sheets: [], tiles: new Map(), notesOf: new Map(), markers: [], hidden: new Set() });
    Object.assign(this, { cursor: null, clicked: null, selection: null, moving: [], loops: false, rangeDb: null, showsNotes: false, showsSlice: false, trace: null });
    Object.assign(this, { stale: true, dirty: true });
    this.plane = new Plane();
    this.player = new Player();
    this.painter = new Painter($("picture"));
    this.overlay = new Overlay($("axes"), $("times"), $("cursor"), $("stage"));
    this.overview = new Overview($("overview"), this);
    this.keeper = new Keeper(this);
    this.pilot = new Pilot(this);
    this.connection = new Connection({
      state: (name) => {
        this.offline = name === "offline";
        if (this.offline) this.keeper.lost();
        showProgress(this);
      },
      sheets: (message) => this.heard(message),
      written: (message) => this.keeper.written(message),
    });
    new ResizeObserver(() => {
      this.overlay.restyle();
      this.changed();
    }).observe($("stage"));
    dark.addEventListener("change", () => this.restyle());
    for (const event of ["play", "pause", "seeked", "ended"]) this.player.element.addEventListener(event, () => this.wake());
    this.restyle();
  }

  // Draw soon.
  wake() {
    if (this.awake) return;
    this.awake = true;
    requestAnimationFrame(() => this.frame());
  }

  // What the server says there is.
  heard({ sheets, range_db: rangeDb, tuning, ...format }) {
    const first = !this.sheets.length;
    this.sheets = sheets;
    for (const sheet of sheets) {
      if (!this.tiles.has(sheet.folder)) this.tiles.set(sheet.folder, new Tiles(this.painter.gl, format, sheets.length, () => this.arrived()));
      this.tiles.get(sheet.folder).sheet = sheet;
      if (sheet.notes && !this.notesOf.has(sheet.folder)) this.fetchNotes(sheet.folder);
    }
    const highest = Math.max(...sheets.map(({ low_hz: hz, rows }) => hz * 2 ** ((rows - 1) / format.rows_per_octave)));
    this.plane.bound(0, Math.max(...sheets.map((sheet) => sheet.start_s + sheet.duration_s)), Math.min(...sheets.map((sheet) => sheet.low_hz)), highest);
    if (first) {
      this.rangeDb = rangeDb;
      tune(tuning);
      this.plane.whole();
    }
    this.pilot.files();
    this.overview.changed();
    this.hear(this.heardFolder ?? sheets.find((sheet) => sheet.sound)?.folder);
    showProgress(this);
    this.changed();
  }

  async fetchNotes(folder) {
    this.notesOf.set(folder, null);
    try {
      this.notesOf.set(folder, await (await fetch(`data/${folder}/notes`)).json());
      $("notes").disabled = false;
      this.changed();
    } catch {
      setTimeout(() => this.fetchNotes(folder), RETRY_MS); // the server is being started again
    }
  }

  hear(folder) {
    const sheet = this.sheets.find((each) => each.folder === folder);
    if (!sheet?.sound) return;
    this.heardFolder = folder;
    this.overview.changed();
    this.player.choose(`data/${folder}/sound.wav`);
    this.pilot.show();
  }

  get shown() {
    return this.sheets.filter((sheet) => !this.hidden.has(sheet.folder));
  }

  get heardTiles() {
    return this.tiles.get(this.heardFolder ?? this.shown[0]?.folder);
  }

  arrived() {
    this.dirty = true;
    this.overview.changed();
    this.wake();
  }

  tilesOf = (sheet) => this.tiles.get(sheet.folder);

  changed() {
    this.stale = this.dirty = true;
    this.wake();
  }

  restyle() {
    $("colours").value = dark.matches ? "magma" : "ink";
    this.overlay.restyle();
    this.recolour();
  }

  recolour() {
    this.colours = table($("colours").value);
    this.overlay.standOn(this.colours);
    this.painter.setColours(this.colours, $("colours").value === BY_VOICE, this.overlay.ink.ground);
    this.overview.changed();
    this.changed();
  }

  seek(timeS) {
    this.still = Math.min(this.plane.toS, Math.max(this.plane.fromS, timeS));
    this.player.seek(this.still);
    this.wake();
  }

  get positionS() {
    return this.player.ready ? this.player.positionS : (this.still ?? 0);
  }

  select(selection) {
    this.selection = selection && selection.untilS > selection.fromS ? selection : null;
    this.player.loop = this.loops && this.selection ? [this.selection.fromS, this.selection.untilS] : null;
    this.pilot.show();
  }

  // The line that the cursor stands on, or a place that was clicked.
  found(reachPx = REACH_PX, cursor = this.cursor) {
    const { plane } = this;
    if (!cursor) return null;
    const pane = plane.panes.find(({ sheet }) => sheet.folder === cursor.folder) ?? plane.panes[0];
    if (!pane) return null;
    const tiles = this.tilesOf(pane.sheet);
    const rowsPerPixel = (tiles.row(plane.highHz) - tiles.row(plane.lowHz)) / pane.height;
    const line = lineAt(tiles, cursor.timeS, tiles.row(cursor.hz), Math.max(2, reachPx * rowsPerPixel));
    return line && { ...line, folder: pane.sheet.folder };
  }

  get lines() {
    return linesAt(this.tiles.get(this.cursor?.folder) ?? this.heardTiles, this.cursor?.timeS ?? this.positionS);
  }

  hearAlone() {
    const found = this.found(30, this.cursor ?? this.clicked);
    const points = found ? traced(this.tiles.get(found.folder), found) : [];
    if (points.length < 2) {
      $("message").textContent = "no line there: click one in the picture, or choose one with the arrow keys up and down";
      return;
    }
    $("message").textContent = "";
    this.trace = points;
    this.player.alone(sung(points, TRACE_RATE_HZ), TRACE_RATE_HZ, () => (this.trace = null));
  }

  layOut(pixelRatio) {
    const { clientWidth, clientHeight } = $("stage");
    const { plane } = this;
    plane.layOut(clientWidth, clientHeight, this.shown);
    for (const [canvas, width, height] of [
      [$("picture"), plane.width, plane.height], [$("axes"), clientWidth, clientHeight], [$("times"), clientWidth, plane.margin.bottom], [$("cursor"), clientWidth, clientHeight],
    ]) {
      const [across, down] = [Math.round(width * pixelRatio), Math.round(height * pixelRatio)];
      if (canvas.width !== across) canvas.width = across;
      if (canvas.height !== down) canvas.height = down;
    }
    $("times").style.height = `${plane.margin.bottom}px`;
    Object.assign($("picture").style, { left: `${plane.margin.left}px`, top: `${plane.margin.top}px`, width: `${plane.width}px`, height: `${plane.height}px` });
  }

  get layers() {
    return { notes: this.showsNotes ? new Map([...this.notesOf].filter(([, notes]) => notes)) : null, markers: this.markers, byVoice: this.painter.byVoice };
  }

  frame() {
    this.awake = false;
    if (!this.sheets.length) return;
    this.player.tick();
    if (this.player.playing && !this.pilot.held && this.plane.follow(this.positionS)) this.changed();
    if (this.stale) {
      this.layOut(devicePixelRatio);
      this.overlay.draw(this.plane, this.layers, devicePixelRatio);
    }
    const drawn = this.dirty || this.stale;
    if (drawn) {
      this.stale = this.dirty = false;
      for (const tiles of this.tiles.values()) tiles.tick();
      if (this.painter.listen(this.plane, this.tilesOf, this.rangeDb)) this.overview.changed();
      this.dirty = !this.painter.draw(this.plane, this.tilesOf, devicePixelRatio);
      this.pilot.showRange();
    }
    this.overview.draw();
    this.overlay.stand(this.plane, this.positionS);
    this.animate(drawn);
    showClock(this.positionS, this.player.playing);
    if (this.player.playing || this.dirty || this.stale) this.wake();
  }

  // What moves with the pointer: drawn when it has moved, or what is below it has changed.
  animate(drawn) {
    const { selection, cursor, trace, painter } = this;
    const sliceS = this.showsSlice ? (cursor?.timeS ?? this.positionS) : null;
    const moving = [selection, cursor, cursor?.hz, trace, sliceS];
    if (!drawn && moving.every((value, n) => value === this.moving[n])) return;
    this.moving = moving;
    const found = this.found();
    const slice = sliceS === null ? null : (pane) => ({ lines: linesAt(this.tilesOf(pane.sheet), sliceS), floorDb: painter.floorDb, topDb: painter.topDb });
    this.overlay.animate(this.plane, { selection, cursor, found, slice, alone: trace }, devicePixelRatio);
    showFileReading(this, found);
  }
}

for (const name of ["cursor", "selection", "trace"]) {
  Object.defineProperty(Page.prototype, name, {
    get() { return this.moves[name]; },
    set(value) {
      this.moves[name] = value;
      this.wake();
    },
  });
}

function curtain(text) {
  $("curtain").hidden = false;
  $("curtain").textContent = text;
}

addEventListener("unhandledrejection", ({ reason }) => ($("message").textContent = `something failed: ${reason?.message ?? reason}`));
$("picture").addEventListener("webglcontextlost", () => curtain("The graphics card has let go of the picture: load the page again"));
try {
  window.page = new Page();
} catch (error) {
  curtain(`The picture cannot be drawn: ${error.message}`);
}
