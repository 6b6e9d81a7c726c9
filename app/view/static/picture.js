// The spectrogram: columns go to the graphics card once, are coloured once, and then only scroll.

import { compile, UNIFORMS } from "./shader.js";

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false });
    if (!gl) throw new Error("this browser draws no WebGL 2");
    this.gl = gl;
    this.height = Math.min(8192, gl.getParameter(gl.MAX_TEXTURE_SIZE));
    const program = compile(gl);
    gl.useProgram(program);
    this.places = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.uniform1i(this.places.levels, 0);
    gl.uniform1i(this.places.colours, 1);
    texture(gl, gl.TEXTURE0, gl.LINEAR, gl.REPEAT);
    texture(gl, gl.TEXTURE1, gl.LINEAR, gl.CLAMP_TO_EDGE);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.strips = [new Strip(gl), new Strip(gl)];
    this.nothing = [0, 0, 0];
  }

  setColours(rgba) {
    const gl = this.gl;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    this.nothing = [rgba[0] / 255, rgba[1] / 255, rgba[2] / 255];
    this.restart();
  }

  // Begin anew with the axes of this history.
  setHistory(history) {
    const gl = this.gl;
    this.history = history;
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, history.rows, history.height, 0, gl.RG, gl.UNSIGNED_BYTE, null);
    this.restart();
  }

  upload(slot, columns) {
    const { gl, history } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, slot, history.rows, columns, gl.RG, gl.UNSIGNED_BYTE, history.bytes, slot * history.rows * 2);
  }

  // Colour everything again: ranges, colours or layout are others.
  restart() {
    for (const strip of this.strips) strip.valid = false;
  }

  // Draw every pane of `view` (see view.js), each with its own share of sharp.
  draw(view, pixelRatio) {
    const { gl, places, history } = this;
    const { axes } = history;
    const height = this.canvas.height;
    gl.uniform4f(places.ring, history.slot(history.newest), history.count, history.height, history.rows);
    gl.uniform4f(places.nothing, this.nothing[0], this.nothing[1], this.nothing[2], 1);
    const rowsPerPixel = (history.row(view.highHz) - history.row(view.lowHz)) / height;
    gl.uniform2f(places.row, history.row(view.lowHz), rowsPerPixel);
    const floor = 1 + (view.floorDb - axes.lowest_db) * axes.steps_per_db;
    const perByte = 1 / Math.max(1, (view.topDb - view.floorDb) * axes.steps_per_db);
    view.panes.forEach((pane, number) => {
      const x = Math.round(pane.x * pixelRatio);
      const width = Math.round((pane.x + pane.width) * pixelRatio) - x;
      gl.uniform3f(places.look, floor, perByte, pane.sharp);
      const strip = this.strips[number];
      strip.resize(width, height);
      strip.draw(view.spanS / width, view.edgeS, history.newestS, this.colour);
      strip.show(x);
    });
  }

  // Colour `count` pixel columns from number `first` on into the strip that is bound.
  colour = (first, slot, count, pixelS) => {
    const { gl, places, history } = this;
    const columnS = history.axes.column_s;
    gl.viewport(slot, 0, count, this.canvas.height);
    gl.uniform1f(places.origin, slot);
    gl.uniform2f(places.column, (first * pixelS) / columnS - history.newest, pixelS / columnS);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  };
}

// A pane's pixels, a ring of pixel columns: each stands for the same stretch of time for as long as it is shown, so
// that it is coloured once and does not shimmer as it moves.
class Strip {
  constructor(gl) {
    this.gl = gl;
    this.buffer = gl.createFramebuffer();
    this.width = this.height = 0;
    this.valid = false;
  }

  resize(width, height) {
    if (width === this.width && height === this.height) return;
    const gl = this.gl;
    Object.assign(this, { width, height, valid: false });
    gl.activeTexture(gl.TEXTURE2);
    gl.deleteTexture(this.texture ?? null);
    this.texture = texture(gl, gl.TEXTURE2, gl.NEAREST, gl.CLAMP_TO_EDGE);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.texture, 0);
  }

  // Bring the columns up to `edgeS` by calling colour(first, slot, count, pixelS) for what is not there yet: the newest pixel
  // may still be filled, and is coloured again.
  draw(pixelS, edgeS, newestS, colour) {
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, this.buffer);
    const last = Math.floor(edgeS / pixelS);
    const first = last - this.width + 1;
    const overlaps = this.valid && this.done > first && this.first <= last;
    if (overlaps && first < this.first) this.stretch(first, this.first - 1, pixelS, colour);
    this.stretch(overlaps ? this.done : first, last, pixelS, colour);
    this.first = first;
    this.done = Math.min(last + 1, Math.floor(newestS / pixelS));
    this.valid = true;
  }

  stretch(first, last, pixelS, colour) {
    for (let at = first; at <= last; ) {
      const slot = ((at % this.width) + this.width) % this.width;
      const count = Math.min(last - at + 1, this.width - slot);
      colour(at, slot, count, pixelS);
      at += count;
    }
  }

  // Copy to the canvas at x: the oldest columns, and after the ring's seam the newest.
  show(x) {
    const { gl, width, height } = this;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.buffer);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    const seam = ((this.first % width) + width) % width;
    gl.blitFramebuffer(seam, 0, width, height, x, 0, x + width - seam, height, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    if (seam) gl.blitFramebuffer(0, 0, seam, height, x + width - seam, 0, x + width, height, gl.COLOR_BUFFER_BIT, gl.NEAREST);
  }
}

function texture(gl, unit, filter, wrap) {
  const made = gl.createTexture();
  gl.activeTexture(unit);
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, wrap);
  return made;
}
