// The kernel of finite_window.py for the GPU: the same name, order of arguments and arithmetic. A block of threads owns a
// stream, a thread every blockDim.x-th channel. Multiply-adds are fused where the CPU's compiler fuses them.

// The real part of (a + ib) z, and the imaginary one.
__device__ inline float real_of(float a, float b, complex64 z) { return fmaf(a, z.real, -(b * z.imag)); }
__device__ inline float imag_of(float a, float b, complex64 z) { return fmaf(a, z.imag, b * z.real); }

extern "C" __global__ void window_process(
    Array<complex64, 4> stages, Array<float, 3> coefficients, Array<long long, 1> length_hops, WindowTuning tuning,
    Array<complex64, 4> ring, int row, WindowOut out
) {
    int s = blockIdx.x, streams = stages.shape[1], depth = ring.shape[1], channels = ring.shape[3];
    long long frame_size = (long long)STAGES * channels;
    for (int k = threadIdx.x; k < channels; k += blockDim.x) {
        float C[6][STAGES];
        for (int i = 0; i < 6 * STAGES; ++i) C[i / STAGES][i % STAGES] = coefficients.data[(long long)i * channels + k];
        complex64 *held = ring.data + s * depth * frame_size + k;
        int length = length_hops.data[k];
        for (int f = 0; f < stages.shape[0]; ++f) {
            int now = (row + f) % depth, then = (now - length + depth) % depth;
            const complex64 *latest = stages.data + ((long long)f * streams + s) * frame_size + k;
            float re = 0.0f, im = 0.0f, d_re = 0.0f, d_im = 0.0f;
            for (int j = 0; j < STAGES; ++j) {
                complex64 y = latest[j * channels], old = held[then * frame_size + j * channels];
                re += fmaf(C[0][j], y.real, -real_of(C[2][j], C[4][j], old));
                im += fmaf(C[0][j], y.imag, -imag_of(C[2][j], C[4][j], old));
                d_re += fmaf(C[1][j], y.real, -real_of(C[3][j], C[5][j], old));
                d_im += fmaf(C[1][j], y.imag, -imag_of(C[3][j], C[5][j], old));
            }
            for (int j = 0; j < STAGES; ++j) held[now * frame_size + j * channels] = latest[j * channels];
            float size = fmaf(re, re, im * im), offset = 0.0f;
            if (size < SILENT_WINDOW_POWER) {
                re = im = size = 0.0f;
            } else {
                offset = fmaf(d_im, re, -(d_re * im)) / size * tuning.rad_to_hz.data[k];
            }
            if (fabsf(offset) > tuning.limit_hz.data[k]) offset = 0.0f;
            long long at = ((long long)f * streams + s) * channels + k;
            out.z.data[at] = {re, im};
            out.power.data[at] = size;
            out.instantaneous_hz.data[at] = tuning.center_hz.data[k] + offset;
        }
    }
}
