// The kernel of filterbank_kernel.py for the GPU: the same name and order of arguments. ORDER is the bank's.
//
// A block of threads owns a stream; a thread keeps the cascade of a channel in registers over all samples of a call.
// Multiply-adds are fused where the CPU's compiler fuses them, so that both round alike.

constexpr int BEFORE_LAST = ORDER > 1 ? 2 * ORDER - 4 : 0;

struct Order {
    int ones[ORDER];
};

__device__ inline float usable(float x) {
    return fabsf(x) <= LARGEST_SAMPLE && fabsf(x) >= SMALLEST_STATE ? 2.0f * x : 0.0f;
}

extern "C" __global__ void filterbank_process(
    Array<float, 2> audio, int hop, Order order, Array<float, 2> coefficients, Array<float, 3> state,
    Array<long long, 1> replaced, int filled, HopOut out
) {
    int samples = audio.shape[0], streams = audio.shape[1], channels = coefficients.shape[1], s = blockIdx.x;
    for (int k = threadIdx.x; k < channels; k += blockDim.x) {
        float p = coefficients.data[k], q = coefficients.data[channels + k], g = coefficients.data[2 * channels + k];
        float *home = state.data + (long long)s * STATE_ROWS * channels + k;
        float S[2 * ORDER], energy = home[ENERGY_ROW * channels];
        for (int row = 0; row < 2 * ORDER; ++row) S[row] = home[row * channels];
        int position = filled, frame = 0;
        for (int n = 0; n < samples; ++n) {
            float x = usable(audio.data[(long long)n * streams + s]);
            float re = fmaf(g, x, fmaf(p, S[0], -(q * S[1]))), im = fmaf(q, S[0], p * S[1]);
            S[0] = re;
            S[1] = im;
            for (int stage = 2; stage < 2 * ORDER; stage += 2) {
                re = fmaf(g, re, fmaf(p, S[stage], -(q * S[stage + 1])));
                im = fmaf(g, im, fmaf(q, S[stage], p * S[stage + 1]));
                S[stage] = re;
                S[stage + 1] = im;
            }
            energy += fmaf(re, re, im * im);
            if (++position == hop) {
                long long row = (long long)frame * streams + s, at = row * channels + k;
                for (int stage = 0; stage < ORDER; ++stage) {
                    out.stages.data[(row * ORDER + stage) * channels + k] = {S[2 * stage], S[2 * stage + 1]};
                }
                float in_re = ORDER > 1 ? g * S[BEFORE_LAST] : g * x;
                float in_im = ORDER > 1 ? g * S[BEFORE_LAST + 1] : 0.0f;
                out.slope.data[at] = atan2f(re * in_im - im * in_re, re * (re - in_re) + im * (im - in_im));
                out.power.data[at] = energy / (float)hop;
                energy = 0.0f;
                for (int row = 0; row < 2 * ORDER; ++row) S[row] = fabsf(S[row]) > SMALLEST_STATE ? S[row] : 0.0f;
                position = 0;
                ++frame;
            }
        }
        for (int row = 0; row < 2 * ORDER; ++row) home[row * channels] = S[row];
        home[ENERGY_ROW * channels] = energy;
    }
    unsigned long long unusable = 0;
    for (long long n = threadIdx.x; n < samples; n += blockDim.x) {
        unusable += !(fabsf(audio.data[n * streams + s]) <= LARGEST_SAMPLE);
    }
    if (unusable) atomicAdd((unsigned long long *)&replaced.data[s], unusable);
}
