// The kernel of tonal_evidence_kernel.py for the GPU, where each feature is told: the same names, order of arguments and order of
// the features. A block of threads owns a group, and each thread every blockDim.x-th channel.

#define EACH_CHANNEL(k) for (int k = threadIdx.x; k < channels; k += blockDim.x)

__device__ inline float loudness_of(float power) { return (float)(log(power + SILENT_POWER) - LOG_SILENT_POWER); }

// One group's memories: rings of DEPTH frames.
struct Rings {
    float *loudness, *onset, *products;
    int channels;

    __device__ static int slot(int frame) { return (frame + DEPTH) % DEPTH; }
    __device__ const float *loud(int frame) const { return loudness + slot(frame) * channels; }
    __device__ const float *sudden(int frame) const { return onset + slot(frame) * channels; }
    __device__ const float *product(int frame) const { return products + slot(frame) * 6 * channels; }
};

// Sums of the channels before each one, by one thread, in the CPU's order.
__device__ void sum_row(const float *row, double *sums, int channels) {
    __syncthreads();
    if (threadIdx.x == 0) {
        double sum = sums[0] = 0.0;
        for (int k = 0; k < channels; ++k) sums[k + 1] = sum += row[k];
    }
    __syncthreads();
}

// Mean over the channels up to `half` away.
__device__ inline float spread(const double *sums, int k, int half, int channels) {
    int low = max(k - half, 0), high = min(k + half + 1, channels);
    return (float)((sums[high] - sums[low]) / (high - low));
}

__device__ float relative_mean(Rings rings, int first, int last, float reference, int k) {
    float mean = 0.0f;
    for (int frame = first; frame <= last; ++frame) mean += rings.loud(frame)[k];
    mean *= 1.0f / (float)(last - first + 1);
    return fmaxf(mean - reference, 0.0f) * (float)(2.0 / RANGE);
}

template <class T, int N>
__device__ constexpr int count(const T (&)[N]) {
    return N;
}

// The features of the frame `middle`.
__device__ void describe(
    Rings rings, int middle, float reference, const float *place, float *row, double *sums, float *out
) {
    constexpr int spans[][2] = SPANS, low_spans[][2] = LOW_SPANS, wide_spans[][2] = WIDE_SPANS, bands[] = BANDS;
    constexpr int coherence_spans[][3] = COHERENCE_SPANS, onset_spans[][2] = ONSET_SPANS;
    int channels = rings.channels, wide = count(spans) + count(low_spans);
    EACH_CHANNEL(k) {
        float *feature = out + k;
        for (auto span : spans) {
            *feature = relative_mean(rings, middle + span[0], middle + span[1], reference, k);
            feature += channels;
        }
        for (auto span : low_spans) {
            float least = rings.loud(middle + span[0])[k];
            for (int frame = span[0] + 1; frame <= span[1]; ++frame) least = fminf(least, rings.loud(middle + frame)[k]);
            *feature = fmaxf(least - reference, 0.0f) * (float)(2.0 / RANGE);
            feature += channels;
        }
        feature += count(wide_spans) * count(bands) * channels;
        for (auto span : coherence_spans) {
            float re = 0.0f, im = 0.0f, energy = (float)SILENT_POWER;
            for (int frame = middle + span[1]; frame <= middle + span[2]; ++frame) {
                const float *product = rings.product(frame) + 3 * span[0] * channels + k;
                re += product[0];
                im += product[channels];
                energy += product[2 * channels];
            }
            *feature = sqrtf(re * re + im * im) / energy;
            feature += channels;
        }
        for (auto span : onset_spans) {
            float most = 0.0f;
            for (int frame = span[0]; frame <= span[1]; ++frame) most = fmaxf(most, rings.sudden(middle + frame)[k]);
            *feature = 0.5f * most;
            feature += channels;
        }
        *feature = place[k];
    }
    for (auto span : wide_spans) {
        EACH_CHANNEL(k) row[k] = relative_mean(rings, middle + span[0], middle + span[1], reference, k);
        sum_row(row, sums, channels);
        for (int half : bands) {
            EACH_CHANNEL(k) out[wide * channels + k] = spread(sums, k, half, channels);
            ++wide;
        }
    }
}

extern "C" __global__ void evidence_process(
    Array<complex64, 3> subband, Array<float, 3> power, int per_group, Array<float, 1> place, float decay, EvidenceState state,
    int frame, Array<float, 4> out
) {
    constexpr int lags[] = LAGS;
    int group = blockIdx.x, groups = gridDim.x, streams = power.shape[1], channels = power.shape[2];
    Places places = {shared_memory()};
    double *sums = places.take<double>(channels + 1);
    float *row = places.take<float>(channels);
    long long ring = (long long)group * DEPTH * channels;
    Rings rings = {state.loudness.data + ring, state.onset.data + ring, state.products.data + ring * 6, channels};
    float level = state.level.data[group];
    for (int f = 0; f < power.shape[0]; ++f) {
        int newest = frame + f, slot = Rings::slot(newest);
        const long long now = ((long long)f * streams + group * per_group) * channels;
        EACH_CHANNEL(k) {
            float fed = 0.0f;
            for (int s = 0; s < per_group; ++s) fed += power.data[now + s * channels + k];
            row[k] = fed;
            rings.loudness[slot * channels + k] = loudness_of(fed);
            for (int s = 0; s < per_group; ++s) {
                complex64 *past = state.past.data + ((long long)(group * per_group + s) * DEPTH + slot) * channels;
                past[k] = subband.data[now + s * channels + k];
            }
            for (int i = 0; i < count(lags); ++i) {
                float re = 0.0f, im = 0.0f, energy = 0.0f;
                for (int s = 0; s < per_group; ++s) {
                    complex64 *past = state.past.data + (long long)(group * per_group + s) * DEPTH * channels + k;
                    complex64 z = past[slot * channels], y = past[Rings::slot(newest - lags[i]) * channels];
                    re += z.real * y.real + z.imag * y.imag;
                    im += z.imag * y.real - z.real * y.imag;
                    energy += 0.5f * (squared_modulus(z) + squared_modulus(y));
                }
                float *product = rings.products + (slot * 6 + 3 * i) * channels + k;
                product[0] = fabsf(re) > SMALLEST_PRODUCT ? re : 0.0f;
                product[channels] = fabsf(im) > SMALLEST_PRODUCT ? im : 0.0f;
                product[2 * channels] = energy > SMALLEST_PRODUCT ? energy : 0.0f;
            }
        }
        sum_row(row, sums, channels);
        level = fmaxf(fmaxf((float)sums[channels], decay * level), (float)SILENT_POWER);
        EACH_CHANNEL(k) row[k] = fmaxf(rings.loud(newest)[k] - rings.loud(newest - ONSET_FRAMES)[k], 0.0f);
        sum_row(row, sums, channels);
        EACH_CHANNEL(k) rings.onset[slot * channels + k] = spread(sums, k, ONSET_BAND, channels);
        float reference = (float)(log(level) - LOG_SILENT_POWER - RANGE);
        float *features = out.data + ((long long)f * groups + group) * out.shape[2] * channels;
        describe(rings, newest - LOOKAHEAD, reference, place.data, row, sums, features);
        __syncthreads();
    }
    if (threadIdx.x == 0) state.level.data[group] = level;
}
