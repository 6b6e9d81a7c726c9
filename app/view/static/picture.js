// The spectrogram: a ring of columns in a texture, scrolled and coloured by the graphics card.

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

// Where a pixel covers several columns or rows it shows the strongest, so that thin lines stay when zoomed out.
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D levels;
uniform sampler2D colours;
uniform vec2 origin;    // of the pane, pixels
uniform vec2 column;    // at the pane's left, from the newest; per pixel
uniform vec2 row;       // at the pane's bottom; per pixel
uniform vec4 ring;      // slot of the newest, columns held, height, rows
uniform vec3 look;      // byte at the floor, 1 / bytes of range, share of sharp
uniform vec4 nothing;   // colour of what was not heard
out vec4 colour;
void main() {
  vec2 pixel = gl_FragCoord.xy - origin;
  float c = column.x + pixel.x * column.y;
  float r = row.x + pixel.y * row.y;
  float nearest = floor(c + 0.5);
  float heard = texelFetch(levels, ivec2(clamp(r, 0.0, ring.w - 1.0), mod(ring.x + nearest, ring.z)), 0).r;
  if (nearest > 0.0 || nearest <= -ring.y || r < -0.5 || r > ring.w - 0.5 || heard == 0.0) {
    float hatch = step(0.72, fract((gl_FragCoord.x + gl_FragCoord.y) / 9.0));
    bool missing = heard == 0.0 && nearest <= 0.0 && nearest > -ring.y;
    colour = missing ? mix(nothing, vec4(0.55, 0.5, 0.6, 1.0), 0.5 * hatch) : nothing;
    return;
  }
  int across = int(clamp(ceil(column.y), 1.0, 8.0));
  int up = int(clamp(ceil(row.y), 1.0, 8.0));
  vec2 top = vec2(0.0);
  if (across * up == 1) {
    top = texture(levels, vec2((r + 0.5) / ring.w, (ring.x + min(c, 0.0) + 0.5) / ring.z)).rg;
  }
  else for (int i = 0; i < across; i++) {
    float ci = floor(c + ((float(i) + 0.5) / float(across) - 0.5) * column.y + 0.5);
    int slot = int(mod(ring.x + min(ci, 0.0), ring.z));
    for (int j = 0; j < up; j++) {
      float rj = floor(r + ((float(j) + 0.5) / float(up) - 0.5) * row.y + 0.5);
      top = max(top, texelFetch(levels, ivec2(clamp(rj, 0.0, ring.w - 1.0), slot), 0).rg);
    }
  }
  vec2 shown = clamp((top * 255.0 - look.x) * look.y, 0.0, 1.0);
  colour = texture(colours, vec2(mix(shown.g, shown.r, look.z) * (255.0 / 256.0) + 0.5 / 256.0, 0.5));
}`;

export class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true });
    if (!gl) throw new Error("this browser draws no WebGL 2");
    this.gl = gl;
    this.height = Math.min(8192, gl.getParameter(gl.MAX_TEXTURE_SIZE));
    this.program = compile(gl);
    gl.useProgram(this.program);
    this.places = Object.fromEntries(
      ["levels", "colours", "origin", "column", "row", "ring", "look", "nothing"].map((name) => [name, gl.getUniformLocation(this.program, name)]),
    );
    gl.uniform1i(this.places.levels, 0);
    gl.uniform1i(this.places.colours, 1);
    this.levels = texture(gl, gl.TEXTURE0, gl.LINEAR, gl.REPEAT);
    texture(gl, gl.TEXTURE1, gl.LINEAR, gl.CLAMP_TO_EDGE);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.enable(gl.SCISSOR_TEST);
    this.nothing = [0, 0, 0];
  }

  setColours(rgba) {
    const gl = this.gl;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    this.nothing = [rgba[0] / 255, rgba[1] / 255, rgba[2] / 255];
  }

  // Begin anew with the axes of this history.
  setHistory(history) {
    const gl = this.gl;
    this.history = history;
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, history.rows, history.height, 0, gl.RG, gl.UNSIGNED_BYTE, null);
  }

  upload(slot, columns) {
    const { gl, history } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, slot, history.rows, columns, gl.RG, gl.UNSIGNED_BYTE, history.bytes, slot * history.rows * 2);
  }

  // Draw every pane of `view` (see view.js), each with its own share of sharp.
  draw(view, pixelRatio) {
    const { gl, places, history, canvas } = this;
    const { axes } = history;
    gl.scissor(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(places.ring, history.slot(history.newest), history.count, history.height, history.rows);
    gl.uniform4f(places.nothing, ...this.nothing, 1);
    const floor = 1 + (view.floorDb - axes.lowest_db) * axes.steps_per_db;
    const perByte = 1 / Math.max(1, (view.topDb - view.floorDb) * axes.steps_per_db);
    for (const pane of view.panes) {
      const x = Math.round(pane.x * pixelRatio);
      const width = Math.round((pane.x + pane.width) * pixelRatio) - x;
      const columnsPerPixel = view.spanS / axes.column_s / width;
      const rowsPerPixel = (history.row(view.highHz) - history.row(view.lowHz)) / canvas.height;
      gl.viewport(x, 0, width, canvas.height);
      gl.scissor(x, 0, width, canvas.height);
      gl.uniform2f(places.origin, x, 0);
      gl.uniform2f(places.column, (view.edgeS - view.spanS) / axes.column_s - history.newest, columnsPerPixel);
      gl.uniform2f(places.row, history.row(view.lowHz), rowsPerPixel);
      gl.uniform3f(places.look, floor, perByte, pane.sharp);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
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

function compile(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
