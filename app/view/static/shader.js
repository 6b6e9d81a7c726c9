// Colours a stretch of the spectrogram, on the graphics card.

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

// Where a pixel covers several columns or rows it shows the strongest, so that thin lines stay when zoomed out.
const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D levels;
uniform sampler2D colours;
uniform float origin;   // where the drawn stretch begins, pixels
uniform vec2 column;    // at the stretch's left, from the newest; per pixel
uniform vec2 row;       // at the bottom; per pixel
uniform vec4 ring;      // slot of the newest, columns held, height, rows
uniform vec3 look;      // byte at the floor, 1 / bytes of range, share of sharp
uniform vec4 nothing;   // colour of what was not heard
out vec4 colour;
void main() {
  vec2 pixel = gl_FragCoord.xy - vec2(origin, 0.0);
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

export const UNIFORMS = ["levels", "colours", "origin", "column", "row", "ring", "look", "nothing"];

export const compile = (gl) => link(gl, VERTEX, FRAGMENT);

export function link(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
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
