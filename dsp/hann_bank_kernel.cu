// The kernel of hann_bank_kernel.py for the GPU: the same name, order of arguments and arithmetic. A block of threads owns
// a stream. A thread advances every blockDim.x-th resonator and cuts its window, whose values then lie in working memory,
// where channels find their neighbours. Multiply-adds are fused where the CPU's compiler fuses them.

// Σ_n weight[n * step] rows[n * stride].
__device__ float weighted_rows(const float *weight, int step, int count, const float *rows, int stride) {
    float sum = 0.0f;
    for (int n = 0; n < count; ++n) sum = fmaf(weight[n * step], rows[n * stride], sum);
    return sum;
}

// Every APART-th sample, weighed, summed up with a carrier; n: the first of them, which may lie before the hop.
__device__ float carried_sum(const float *sound, int n, const float *weight, int count, const float *carrier, int stride) {
    float sum = 0.0f;
    for (int m = 0; m < count; ++m, n += APART) {
        if (n >= 0) sum = fmaf(weight[m] * sound[n], carrier[m * stride], sum);
    }
    return sum;
}

// Real and imaginary part of (a + ib) (c + id).
__device__ inline double real_of(double a, double b, double c, double d) { return fma(a, c, -(b * d)); }
__device__ inline double imag_of(double a, double b, double c, double d) { return fma(b, c, a * d); }

__device__ inline double audible(double resonance) { return fabs(resonance) > SMALLEST_RESONANCE ? resonance : 0.0; }

// One resonator: p^H, p^-H and p^N, itself, and as it was in the hops before, in a ring of 2 * count values a row.
struct Resonator {
    double turn_re, turn_im, back_re, back_im, past, *re, *im, *before;
    int depth, count;

    // From the end of the hop before on, t0, y <- 0; m hops earlier y(t0-m) - p^-m y(t0), that windows stay.
    __device__ void restart(int frame) {
        double y_re = *re, y_im = *im;
        for (int m = 0; m < depth; ++m) {
            double *row = before + (long long)((frame - 1 - m + depth) % depth) * 2 * count;
            row[0] -= y_re;
            row[count] -= y_im;
            double earlier = real_of(back_re, back_im, y_re, y_im);
            y_im = imag_of(back_re, back_im, y_re, y_im);
            y_re = earlier;
        }
        *re = *im = 0.0;
    }

    __device__ void advance(float fresh_re, float fresh_im) {
        double y_re = real_of(turn_re, turn_im, *re, *im) + fresh_re, y_im = imag_of(turn_re, turn_im, *re, *im) + fresh_im;
        *re = audible(y_re);
        *im = audible(y_im);
    }

    // z = y(t) - p^N y(t-N); then y(t) is kept.
    __device__ complex64 cut(int frame) {
        double *row = before + (long long)(frame % depth) * 2 * count;
        complex64 z = {(float)fma(-past, row[0], *re), (float)fma(-past, row[count], *im)};
        row[0] = *re;
        row[count] = *im;
        return z;
    }
};

__device__ int window_of(int k, WindowTables windows) {
    int w = 0;
    while (k >= windows.first_resonator.data[w + 1]) ++w;
    return w;
}

// w: the window of resonator k.
__device__ Resonator resonator_of(int k, int w, Resonators resonators, WindowTables windows, BankState state) {
    int all = resonators.past.shape[0];
    const auto *begins = windows.first_resonator.data;
    double *before = state.past.data + blockIdx.x * state.past.shape[1];
    for (int v = 0; v < w; ++v) before += 2 * windows.length_hops.data[v] * (begins[v + 1] - begins[v]);
    int first = begins[w], count = begins[w + 1] - first;
    double *y = state.resonators.data + blockIdx.x * 2LL * all + k;
    const double *turn = resonators.turn.data + k, *back = resonators.back.data + k;
    return {turn[0], turn[all], back[0], back[all], resonators.past.data[k], y, y + all, before + k - first,
            (int)windows.length_hops.data[w], count};
}

// The value of a window's resonator k; below 0 Hz the input's mirror image.
__device__ inline complex64 finite_at(const complex64 *finite, int k) {
    return k < 0 ? complex64{finite[-k].real, -finite[-k].imag} : finite[k];
}

extern "C" __global__ void hann_process(
    Array<float, 2> recent, HopFilters filters, Resonators resonators, WindowTables windows, BankState state, int frame,
    HannOut out
) {
    int hop = filters.hop, rows = filters.basis.shape[0], apart = filters.basis.shape[1], sums = rows / APART;
    int carriers = filters.carrier.shape[1], bands = carriers / 2, missing = APART * apart - hop;
    int units = resonators.past.shape[0], channels = windows.center_hz.shape[0];
    int last = windows.length_hops.shape[0] - 1, longest = windows.first_channel.data[last];
    Places places{shared_memory()};
    complex64 *finite = places.take<complex64>(units);
    float *carried = places.take<float>(rows * carriers), *folded = places.take<float>(2 * sums * bands);
    for (int f = 0; f < out.power.shape[0]; ++f) {
        const float *sound = recent.data + blockIdx.x * recent.shape[1] + f * hop;
        for (int i = threadIdx.x; i < rows * carriers; i += blockDim.x) {
            int row = i / carriers;
            carried[i] = carried_sum(sound, row / sums - missing, filters.basis.data + row * apart, apart,
                                     filters.carrier.data + i % carriers, carriers);
        }
        __syncthreads();
        for (int i = threadIdx.x; i < sums * bands; i += blockDim.x) {
            int g = i % bands;
            float real = 0.0f, imaginary = 0.0f;
            for (int n = 0; n < APART; ++n) {
                const float *between = filters.between.data + n * carriers + g;
                const float *row = carried + (n * sums + i / bands) * carriers + g;
                real += between[0] * row[0] - between[bands] * row[bands];
                imaginary += between[0] * row[bands] + between[bands] * row[0];
            }
            folded[i] = real;
            folded[sums * bands + i] = imaginary;
        }
        __syncthreads();
        EACH_UNIT(k) {
            int w = window_of(k, windows), width = windows.length_hops.data[w] * windows.points.data[w];
            int within = k - windows.first_resonator.data[w];
            int columns = (filters.first_mixing.data[w + 1] - filters.first_mixing.data[w]) / (2 * sums);
            const float *mixing = filters.mixing.data + filters.first_mixing.data[w] + within % width;
            float fresh_re = weighted_rows(folded + within / width, bands, 2 * sums, mixing, columns);
            float fresh_im = weighted_rows(folded + within / width, bands, 2 * sums, mixing + width, columns);
            Resonator resonator = resonator_of(k, w, resonators, windows, state);
            if ((frame + f) % RESTART_HOPS == 0) resonator.restart(frame + f);
            resonator.advance(fresh_re, fresh_im);
            finite[k] = resonator.cut(frame + f);
        }
        __syncthreads();
        for (int i = threadIdx.x; i < channels; i += blockDim.x) {
            int w = 0;
            while (i >= windows.first_channel.data[w + 1]) ++w;
            const complex64 *here = finite + windows.first_resonator.data[w];
            int k = i - windows.first_channel.data[w], points = windows.points.data[w];
            complex64 below = finite_at(here, k - points), above = here[k + points];
            float re = 0.5f * here[k].real - 0.25f * (above.real + below.real);
            float im = 0.5f * here[k].imag - 0.25f * (above.imag + below.imag);
            float size = fmaf(re, re, im * im);
            float across = fmaf(above.real - below.real, re, (above.imag - below.imag) * im);
            bool sounds = size >= SILENT_POWER;
            row_of(out.power, f)[i] = sounds ? size : 0.0f;
            row_of(out.moment, f)[i] =
                sounds ? fmaf(size, windows.center_hz.data[i], -(windows.slope_hz.data[w] * across)) : 0.0f;
            if (w == last) row_of(out.subband, f)[i - longest] = sounds ? complex64{re, im} : complex64{0.0f, 0.0f};
        }
        __syncthreads();
    }
}
