// The strip below: the whole recording in a row, and what is shown of it; drag or arrow keys move that.


export class Overview {
  constructor(canvas, page) {
    Object.assign(this, { canvas, page, stale: true });
    this.context = canvas.getContext("2d");
    this.point();
    canvas.addEventListener("keydown", (event) => {
      const { plane } = page;
      const moves = { ArrowLeft: -0.1, ArrowRight: 0.1, Home: -Infinity, End: Infinity };
      if (!(event.key in moves)) return;
      event.preventDefault();
      event.stopPropagation();
      const to = Math.min(plane.toS, Math.max(plane.fromS, plane.startS + moves[event.key] * plane.spanS));
      plane.show(to, plane.spanS);
      page.changed();
    });
  }

  point() {
    const move = (event) => {
      const { plane } = this.page;
      const box = this.canvas.getBoundingClientRect();
      const timeS = plane.fromS + ((event.clientX - box.left) / box.width) * (plane.toS - plane.fromS);
      plane.show(timeS - plane.spanS / 2, plane.spanS);
      this.page.changed();
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && move(event));
  }

  changed() {
    this.stale = true;
  }

  draw() {
    const { page, canvas, context } = this;
    const { plane } = page;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * devicePixelRatio)));
    const x = (timeS) => Math.round(((timeS - plane.fromS) / (plane.toS - plane.fromS)) * width);
    const { selection } = page;
    const [from, until, at] = [plane.startS, plane.startS + plane.spanS, page.positionS].map(x);
    const chosen = selection && [x(selection.fromS), x(selection.untilS)];
    const marked = [plane.toS, from, until, at, chosen].join();
    if (!this.stale && canvas.width === width && marked === this.marked) return;
    this.marked = marked;
    const hiddenS = plane.toS - plane.fromS - plane.spanS;
    canvas.ariaValueNow = Math.round(hiddenS > 0 ? (100 * (plane.startS - plane.fromS)) / hiddenS : 0);
    if (this.stale || canvas.width !== width) {
      this.stale = false;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      this.image = this.drawn(width, height);
    }
    if (!this.image) return;
    context.putImageData(this.image, 0, 0);
    context.fillStyle = page.overlay.ink.ground;
    context.globalAlpha = 0.6;
    context.fillRect(0, 0, from, height);
    context.fillRect(until, 0, width, height);
    context.globalAlpha = 1;
    context.fillStyle = page.overlay.ink.accent;
    if (chosen) context.fillRect(chosen[0], height - 4, Math.max(2, chosen[1] - chosen[0]), 4);
    context.fillRect(at - 1, 0, 2, height);
  }

  drawn(width, height) {
    const { page } = this;
    const tiles = page.heardTiles;
    const image = this.context.createImageData(width, height);
    if (!tiles || !page.colours) return image;
    const pixels = new Uint32Array(image.data.buffer);
    const colours = new Uint32Array(page.colours.buffer);
    const { format, sheet } = tiles;
    const columns = (page.plane.toS - page.plane.fromS) / tiles.columnS;
    const level = Math.min(format.column_levels - 1, Math.max(0, Math.ceil(Math.log2(columns / width))));
    const columnS = tiles.columnS * 2 ** level;
    const { floorDb, topDb } = page.painter;
    const floor = 1 + (floorDb - format.lowest_db) * format.steps_per_db;
    const scale = 255 / ((topDb - floorDb) * format.steps_per_db);
    const held = new Map([...tiles.numbers(level, 0, Infinity)].map((number) => [number, tiles.get("r", level, number)]));
    const { preview } = tiles;
    for (let x = 0; x < width; x++) {
      const timeS = page.plane.fromS + (x / width) * (page.plane.toS - page.plane.fromS);
      const column = Math.floor(timeS / columnS);
      let tile = held.get(Math.floor(column / format.tile_columns));
      let at = (column % format.tile_columns) * sheet.rows * 2;
      if (preview && timeS >= sheet.done_s) [tile, at] = [preview, Math.floor((timeS / sheet.duration_s) * preview.columns) * sheet.rows * 2];
      for (let y = 0; y < height; y++) {
        const last = Math.floor(((height - y) / height) * sheet.rows);
        let top = 0;
        if (tile && at < tile.bytes.length) for (let row = Math.floor(((height - y - 1) / height) * sheet.rows); row < last; row++) top = Math.max(top, tile.bytes[at + 2 * row]);
        pixels[y * width + x] = colours[Math.round(Math.min(255, Math.max(0, (top - floor) * scale)))];
      }
    }
    return image;
  }
}
