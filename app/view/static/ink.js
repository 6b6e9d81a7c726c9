// The graphics card's programs of the page of files: columns, strokes, and their colours.

import { SATURATION } from "./colours.js";
import { link } from "./shader.js";
import { STROKES_ACROSS } from "./tiles.js";

const CORNERS = `vec2 corner() { return vec2(gl_VertexID & 1, gl_VertexID >> 1); }`;

// Columns as levels between 0 and 1, red sharpened and green plain: blue is for strokes, whose voice it says. A pixel that
// covers several columns shows the strongest.
const COLUMNS = [`#version 300 es
uniform vec4 place; // left, right of what is drawn, clip space; the columns there
uniform vec2 rows;  // at the bottom, at the top
out vec2 at;
${CORNERS}
void main() {
  vec2 c = corner();
  at = vec2(mix(place.z, place.w, c.x), mix(rows.x, rows.y, c.y));
  gl_Position = vec4(mix(place.x, place.y, c.x), c.y * 2.0 - 1.0, 0.0, 1.0);
}`, `#version 300 es
precision highp float;
uniform sampler2D levels;
uniform vec2 size;  // rows, columns of the tile
uniform vec2 step_; // columns, rows in a pixel
uniform vec2 look;  // byte at the floor, 1 / bytes of range
in vec2 at;
out vec4 level;
void main() {
  int across = int(clamp(ceil(step_.x), 1.0, 4.0));
  int up = int(clamp(ceil(step_.y), 1.0, 8.0));
  vec2 top = vec2(0.0);
  if (at.y < -0.5 || at.y > size.x - 0.5) { level = vec4(0.0); return; }
  if (across * up == 1) top = texture(levels, vec2((at.y + 0.5) / size.x, (at.x + 0.5) / size.y)).rg;
  else for (int i = 0; i < across; i++) for (int j = 0; j < up; j++) {
    vec2 spot = at + (vec2(float(i), float(j)) + 0.5) / vec2(float(across), float(up)) * step_ - 0.5 * step_;
    ivec2 texel = ivec2(clamp(floor(spot.y + 0.5), 0.0, size.x - 1.0), clamp(floor(spot.x + 0.5), 0.0, size.y - 1.0));
    top = max(top, texelFetch(levels, texel, 0).rg);
  }
  level = vec4(clamp((top * 255.0 - look.x) * look.y, 0.0, 1.0), 0.0, 1.0);
}`];

// Strokes: their level falls beside them as a Gaussian does, so that what is louder is wider. Of several the loudest is seen.
// Six corners each, of a record that is looked up: instances of four are drawn one by one where there is no graphics card.
const STROKES = [`#version 300 es
precision highp usampler2D;
uniform usampler2D strokes; // a record in a texel
uniform vec2 time;  // pixels of the tile's beginning, pixels a frame
uniform vec2 pitch; // pixels of row 0, pixels a step of a row
uniform vec2 pane;  // width, height, pixels
uniform vec2 look;
uniform float fade;  // bytes by which what is no sure line is fainter
uniform float flank; // by how much levels fall a pixel away
out vec2 at;
flat out vec4 ends;
flat out vec2 shade;
flat out float owner;
void main() {
  int number = gl_VertexID / 6;
  int side = gl_VertexID % 6;
  uvec3 record = texelFetch(strokes, ivec2(number & ${STROKES_ACROSS - 1}, number / ${STROKES_ACROSS}), 0).rgb;
  vec2 t = vec2(record.x & 0xffffu, record.x >> 16);
  vec2 row = vec2(record.y & 0xffffu, record.y >> 16);
  vec2 bytes = vec2(record.z & 0xffu, record.z >> 8 & 0xffu);
  float weight = float(record.z >> 16 & 0xffu) / 255.0;
  vec2 c = vec2(side & 1, side > 1 && side < 5 ? 1 : 0);
  vec2 a = vec2(time.x + t.x * time.y, pitch.x + row.x * pitch.y);
  vec2 b = vec2(time.x + t.y * time.y, pitch.x + row.y * pitch.y);
  shade = min((bytes - fade * (1.0 - weight) - look.x) * look.y, 1.0);
  float margin = sqrt(max(max(shade.x, shade.y), 0.0) / flank) + 0.5;
  vec2 along = b - a;
  float length_ = length(along);
  vec2 u = length_ > 1e-4 ? along / length_ : vec2(1.0, 0.0);
  at = a + u * mix(-margin, length_ + margin, c.x) + vec2(-u.y, u.x) * mix(-margin, margin, c.y);
  ends = vec4(a, b);
  owner = float(record.z >> 24);
  gl_Position = max(shade.x, shade.y) > 0.0 ? vec4(at / pane * 2.0 - 1.0, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
}`, `#version 300 es
precision highp float;
in vec2 at;
flat in vec4 ends;
flat in vec2 shade;
flat in float owner;
uniform float flank;
out vec4 level;
void main() {
  vec2 along = ends.zw - ends.xy;
  float share = clamp(dot(at - ends.xy, along) / max(dot(along, along), 1e-6), 0.0, 1.0);
  vec2 off = at - ends.xy - share * along;
  float here = max(mix(shade.x, shade.y, share) - flank * dot(off, off), 0.0);
  level = vec4(here, 0.0, owner / 255.0, 1.0);
  gl_FragDepth = 1.0 - here;
}`];

const PLACED = `#version 300 es
uniform vec4 place; // left and bottom, width and height, clip space
out vec2 at;
${CORNERS}
void main() { at = corner(); gl_Position = vec4(place.xy + at * place.zw, 0.0, 1.0); }`;

const COLOURS = [PLACED, `#version 300 es
precision highp float;
uniform sampler2D levels;
uniform sampler2D colours;
uniform float blend;
uniform float hued; // 1 where hues are those of voices' pitch classes
in vec2 at;
out vec4 colour;
void main() {
  vec4 level = texture(levels, at);
  colour = texture(colours, vec2(mix(level.g, level.r, blend) * (255.0 / 256.0) + 0.5 / 256.0, 0.5));
  float owner = floor(level.b * 255.0 + 0.5) * hued;
  if (owner < 0.5) return;
  vec3 hue = clamp(abs(fract((owner - 1.0) / 12.0 + vec3(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0, 0.0, 1.0);
  colour.rgb *= mix(vec3(1.0), hue, ${SATURATION.toFixed(2)});
}`];

const SHOWN = [PLACED, `#version 300 es
precision highp float;
uniform sampler2D shown;
in vec2 at;
out vec4 colour;
void main() { colour = texture(shown, at); }`];

export function programs(gl) {
  const made = (sources, ...names) => {
    const program = link(gl, ...sources);
    return { program, ...Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)])) };
  };
  return {
    columns: made(COLUMNS, "levels", "place", "rows", "size", "step_", "look"),
    strokes: made(STROKES, "strokes", "time", "pitch", "pane", "look", "fade", "flank"),
    colours: made(COLOURS, "levels", "colours", "place", "blend", "hued"),
    shown: made(SHOWN, "shown", "place"),
  };
}
