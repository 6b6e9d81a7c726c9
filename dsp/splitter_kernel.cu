// The kernels of splitter_kernel.py for the GPU: names and order of arguments are the same. ORDER is the bank's.
//
// A block of threads owns a stream. In `split_process` a thread keeps the stages of a channel in registers over all
// samples of a call; in `mix_process` a warp sums the channels of a sample.

#ifndef ORDER
#define ORDER 1  // `mix_process` does not ask for it
#endif

struct Order {
    int ones[ORDER];
};

extern "C" __global__ void usable_samples(Array<float, 2> audio, Array<long long, 1> replaced, Array<float, 2> out) {
    int s = blockIdx.x;
    long long samples = audio.shape[0], streams = audio.shape[1];
    unsigned long long unusable = 0;
    for (long long n = threadIdx.x; n < samples; n += blockDim.x) {
        float x = audio.data[n * streams + s];
        if (!(fabsf(x) <= LARGEST_SAMPLE)) {
            x = 0.0f;
            ++unusable;
        } else if (fabsf(x) < SMALLEST_STATE) {
            x = 0.0f;
        }
        out.data[s * samples + n] = x;
    }
    if (unusable) atomicAdd((unsigned long long *)&replaced.data[s], unusable);
}

extern "C" __global__ void split_process(
    Array<float, 2> recent, int hop, Order order, Array<long long, 1> delay, Array<float, 2> coefficients,
    Array<float, 3> state, int filled, SplitOut out
) {
    int s = blockIdx.x, streams = recent.shape[0], channels = delay.shape[0], samples = out.parts.shape[0];
    long long past = recent.shape[1] - samples;
    for (int k = threadIdx.x; k < channels; k += blockDim.x) {
        const float *sound = recent.data + s * recent.shape[1] + past - delay.data[k];
        const float *P = coefficients.data + k;
        float p = P[0], q = P[channels], g = P[2 * channels], weight_re = P[3 * channels], weight_im = P[4 * channels];
        float *home = state.data + (long long)s * state.shape[1] * channels + k;
        float S[2 * ORDER], energy = home[2LL * ORDER * channels];
        for (int row = 0; row < 2 * ORDER; ++row) S[row] = home[(long long)row * channels];
        int position = filled, frame = 0;
        for (int n = 0; n < samples; ++n) {
            float re = 2.0f * sound[n], im = 0.0f;
            for (int stage = 0; stage < 2 * ORDER; stage += 2) {
                float next = p * S[stage] - q * S[stage + 1] + g * re;
                im = p * S[stage + 1] + q * S[stage] + g * im;
                S[stage] = re = next;
                S[stage + 1] = im;
            }
            out.parts.data[((long long)n * streams + s) * channels + k] = weight_re * re - weight_im * im;
            energy += re * re + im * im;
            if (++position == hop) {
                long long at = ((long long)frame * streams + s) * channels + k;
                float mean = energy / (float)hop;
                out.subband.data[at] = {re, im};
                out.power.data[at] = mean > SILENT_HOP_POWER ? mean : 0.0f;
                energy = 0.0f;
                for (int row = 0; row < 2 * ORDER; ++row) S[row] = fabsf(S[row]) > SMALLEST_STATE ? S[row] : 0.0f;
                position = 0;
                ++frame;
            }
        }
        for (int row = 0; row < 2 * ORDER; ++row) home[(long long)row * channels] = S[row];
        home[2LL * ORDER * channels] = energy;
    }
}

// A slot of the memory is read and overwritten by one warp, once before it comes round again.
extern "C" __global__ void mix_process(
    Array<float, 2> sound, Array<float, 3> parts, Array<float, 4> shares, int hop, int position, int row,
    Array<float, 2> held_sound, Array<float, 3> held_parts, Array<float, 3> out
) {
    int s = blockIdx.x, samples = parts.shape[0], streams = parts.shape[1], channels = parts.shape[2];
    int depth = held_sound.shape[1], sources = shares.shape[2], lane = threadIdx.x % WARP;
    for (int first = 0; first < samples; first += depth) {
        int end = min(samples, first + depth);
        for (int n = first + threadIdx.x / WARP; n < end; n += blockDim.x / WARP) {
            int frame = (position + n) / hop, slot = (row + n) % depth;
            float fraction = (float)((position + n) % hop) / (float)hop;
            long long now = (long long)n * streams + s, then = (long long)s * depth + slot;
            float *held = held_parts.data + then * channels;
            float left = held_sound.data[then];
            for (int i = 0; i < sources; ++i) {
                const float *before = shares.data + (((long long)frame * streams + s) * sources + i) * channels;
                const float *after = before + (long long)streams * sources * channels;
                float stem = 0.0f;
                for (int k = lane; k < channels; k += WARP) {
                    stem += held[k] * (before[k] + fraction * (after[k] - before[k]));
                }
                stem = warp_sum(stem);
                if (lane == 0) out.data[now * (sources + 1) + i] = stem;
                left -= stem;
            }
            for (int k = lane; k < channels; k += WARP) held[k] = parts.data[now * channels + k];
            if (lane == 0) {
                out.data[now * (sources + 1) + sources] = left;
                held_sound.data[then] = sound.data[now];
            }
        }
        __syncthreads();
    }
}
