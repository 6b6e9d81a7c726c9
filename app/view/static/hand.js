// Pointer and fingers on the picture: click to go there, drag to select, wheel and pinch to zoom, long press to select.

const CLICK_PX = 4;
const LONG_MS = 450;
const SELECT_OCTAVES = 0.02;

export class Hand {
  constructor(page, pilot) {
    Object.assign(this, { page, pilot, fingers: new Map(), held: false, act: null });
    this.stage = document.getElementById("stage");
    const on = (name, act, options) => this.stage.addEventListener(name, act, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.up(event, true));
    on("pointerleave", () => { if (!this.held) page.cursor = null; });
    on("dblclick", () => page.hearAlone());
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("contextmenu", (event) => { if (this.act?.kind === "select") event.preventDefault(); });
  }

  place(event) {
    const box = this.stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  point({ x, y }) {
    const { plane } = this.page;
    const pane = plane.paneAt(x, y);
    const timeS = Math.min(plane.startS + plane.spanS, Math.max(plane.startS, plane.time(x, pane)));
    return { pane, timeS, hz: Math.min(plane.highHz, Math.max(plane.lowHz, plane.hz(y, pane))), folder: pane.sheet.folder };
  }

  toCursor(place) {
    const { timeS, hz, folder } = this.point(place);
    this.page.cursor = { timeS, hz, folder };
  }

  down(event) {
    if (!this.page.plane.panes.length) return;
    this.stage.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.fingers.set(event.pointerId, place);
    this.held = true;
    const touch = event.pointerType === "touch";
    if (this.fingers.size === 2) {
      clearTimeout(this.pressing);
      this.act = { kind: "pinch" };
      return;
    }
    this.act = { kind: touch || event.button === 1 || event.shiftKey ? "move" : "select", from: place, begun: false, pane: this.point(place).pane };
    if (touch) this.pressing = setTimeout(() => { if (this.act && !this.act.begun) this.act.kind = "select"; }, LONG_MS);
    this.toCursor(place);
  }

  move(event) {
    if (!this.page.plane.panes.length) return;
    const now = this.place(event);
    const before = this.fingers.get(event.pointerId);
    if (before) {
      if (this.act?.kind === "pinch" && this.fingers.size === 2) this.pinch(event.pointerId, now);
      else if (this.act) this.drag(before, now);
      this.fingers.set(event.pointerId, now);
    }
    this.toCursor(now);
  }

  drag(before, now) {
    const { act, page } = this;
    act.begun ||= Math.hypot(now.x - act.from.x, now.y - act.from.y) > CLICK_PX;
    if (!act.begun) return;
    const { plane } = page;
    if (act.kind === "move") {
      plane.move(((before.x - now.x) / act.pane.width) * plane.spanS, ((now.y - before.y) / act.pane.height) * plane.octaves);
      page.changed();
      return;
    }
    const [a, b] = [act.from, now].map((place) => this.point(place));
    const octaves = Math.abs(Math.log2(b.hz / a.hz));
    const tall = Math.abs(now.y - act.from.y) > 3 * CLICK_PX && octaves > SELECT_OCTAVES;
    const hz = tall ? { lowHz: Math.min(a.hz, b.hz), highHz: Math.max(a.hz, b.hz) } : {};
    page.select({ fromS: Math.min(a.timeS, b.timeS), untilS: Math.max(a.timeS, b.timeS), ...hz });
  }

  // Two fingers: what is between them stays between them, in both axes.
  pinch(id, now) {
    const { page: { plane } } = this;
    const [other] = [...this.fingers].filter(([each]) => each !== id).map(([, place]) => place);
    const before = this.fingers.get(id);
    const pane = plane.paneAt(now.x, now.y);
    const middle = this.point({ x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    const ratio = (a, b) => Math.min(1.5, Math.max(0.66, Math.max(24, Math.abs(a)) / Math.max(24, Math.abs(b))));
    plane.zoomTime(ratio(before.x - other.x, now.x - other.x), middle.timeS);
    plane.zoomFrequency(ratio(before.y - other.y, now.y - other.y), middle.hz);
    plane.move(((before.x - now.x) / 2 / pane.width) * plane.spanS, ((now.y - before.y) / 2 / pane.height) * plane.octaves);
    this.page.changed();
  }

  up(event, cancelled = false) {
    clearTimeout(this.pressing);
    const place = this.fingers.get(event.pointerId);
    this.fingers.delete(event.pointerId);
    this.held = this.fingers.size > 0;
    if (place && this.act && this.act.kind !== "pinch" && !this.act.begun && !cancelled) this.click(place);
    if (!this.held) this.act = null;
    this.pilot.show();
  }

  click(place) {
    const { timeS, hz, folder } = this.point(place);
    this.page.clicked = { timeS, hz, folder };
    this.page.seek(timeS);
  }

  wheel(event) {
    event.preventDefault();
    const { plane } = this.page;
    if (!plane.panes.length) return;
    const { timeS, hz } = this.point(this.place(event));
    const factor = 1.0015 ** event.deltaY;
    if (event.ctrlKey) plane.zoomFrequency(factor, hz);
    else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) plane.move(((event.deltaX || event.deltaY) / 800) * plane.spanS, 0);
    else plane.zoomTime(factor, timeS);
    this.page.changed();
  }
}
