// The picture of a recording in slabs, upright stretches of it, which are drawn once, coloured once, and shown for as long as nothing changes.

export const SLAB_PX = 128;
const MOST_BYTES = 128 << 20;
const PIXEL_BYTES = 8; // levels, and colours

export class Slabs {
  constructor(gl) {
    Object.assign(this, { gl, held: new Map(), size: 0, buffer: gl.createFramebuffer(), depth: gl.createRenderbuffer(), height: 0 });
  }

  // The slab of that name, the last that would be let go.
  get(name) {
    const slab = this.held.get(name);
    if (!slab) return null;
    this.held.delete(name);
    this.held.set(name, slab);
    return slab;
  }

  // One to be drawn anew: its levels are what is drawn into from now on. scale: what it shows, { startS, spanS, lowHz, highHz }.
  begin(name, scale, height) {
    const { gl } = this;
    const slab = this.get(name) ?? { scale, height, levels: this.texture(height), texture: this.texture(height) };
    if (!this.held.has(name)) {
      this.held.set(name, slab);
      this.size += SLAB_PX * height * PIXEL_BYTES;
      this.letGo();
    }
    if (this.height !== height) {
      gl.bindRenderbuffer(gl.RENDERBUFFER, this.depth);
      gl.renderbufferStorage(gl.RENDERBUFFER, gl.DEPTH_COMPONENT16, SLAB_PX, height);
      this.height = height;
    }
    slab.look = null;
    this.into(slab, slab.levels);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, this.depth);
    return slab;
  }

  // One to be coloured as `look` says; whether it is not yet.
  colour(slab, look) {
    if (slab.look === look) return false;
    slab.look = look;
    this.into(slab, slab.texture);
    this.gl.framebufferRenderbuffer(this.gl.FRAMEBUFFER, this.gl.DEPTH_ATTACHMENT, this.gl.RENDERBUFFER, null);
    return true;
  }

  into({ height }, texture) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    gl.viewport(0, 0, SLAB_PX, height);
  }

  texture(height) {
    const { gl } = this;
    const made = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SLAB_PX, height);
    for (const which of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, which, gl.NEAREST);
    for (const which of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, which, gl.CLAMP_TO_EDGE);
    return made;
  }

  letGo() {
    for (const [name, slab] of this.held) {
      if (this.size <= MOST_BYTES || this.held.size < 2) return;
      this.gl.deleteTexture(slab.levels);
      this.gl.deleteTexture(slab.texture);
      slab.texture = null;
      this.size -= SLAB_PX * slab.height * PIXEL_BYTES;
      this.held.delete(name);
    }
  }
}
