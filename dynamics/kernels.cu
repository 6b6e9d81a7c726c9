// The kernels of kernels.py for the GPU. What each does, and its equation, stands there: names, order of arguments and
// order of the arithmetic are the same. UNIT is float32 or complex64.
//
// A block of threads owns a stream, and each thread every blockDim.x-th unit. The state stays in shared memory over the
// frames of a call. Functions that look at neighbours wait for the block before and after; all others touch a thread's
// own units only.

__device__ inline float size_1(float x) { return fabsf(x); }
__device__ inline float size_1(complex64 z) { return fabsf(z.real) + fabsf(z.imag); }

// A real activation as that of a unit.
__device__ inline void assign(float &unit, float x) { unit = x; }
__device__ inline void assign(complex64 &unit, float x) { unit = {x, 0.0f}; }

__device__ inline float shrink(float u, float threshold, int hard) {
    if (u <= threshold) return 0.0f;
    return hard ? u : u - threshold;
}

__device__ inline complex64 shrink(complex64 u, float threshold, int hard) {
    float size = sqrtf(squared_modulus(u));
    if (size <= threshold || size == 0.0f) return 0.0f * u;
    return hard ? u : (1.0f - threshold / size) * u;
}

template <class U>
__device__ U with_phase_of(float size, U u) {
    float modulus = sqrtf(squared_modulus(u));
    return modulus > 0.0f ? (size / modulus) * u : 0.0f * u;
}

template <class U>
__device__ void flush(U *state, int units) {
    EACH_UNIT(i) if (size_1(state[i]) < SMALLEST_ACTIVITY) state[i] = U{};
}

template <class U>
__device__ void copy(const U *source, U *target, int units) {
    EACH_UNIT(i) target[i] = source[i];
}

// Sums of the units before each one, by one thread, because rounding in the CPU's order lets a unit that dies out far
// below the others' sum do so in the same frame. Meanwhile the blocks of other streams use the processor.
__device__ void prefix_sums(const float *value, double *sums, int units) {
    __syncthreads();
    if (threadIdx.x == 0) {
        double sum = sums[0] = 0.0;
        for (int i = 0; i < units; ++i) sums[i + 1] = sum += value[i];
    }
    __syncthreads();
}

__device__ inline double window_sum(const double *sums, int i, int half_width, int units) {
    return sums[min(i + half_width + 1, units)] - sums[max(i - half_width, 0)];
}

// A warp's threads ask about the same activations j, and read a weight row side by side.
__device__ void lca_error(const UNIT *drive, Array<UNIT, 2> band, const UNIT *u, const UNIT *a, UNIT *du, int units) {
    int width = band.shape[1], half = width / 2;
    __syncthreads();
    EACH_UNIT(i) {
        UNIT error = drive[i] - u[i];
        int first = i / WARP * WARP;
        for (int j = max(0, first - half); j < min(units, first + WARP + half); ++j) {
            if (size_1(a[j]) != 0.0f && abs(i - j) <= half) {
                error = error - band.data[(long long)j * width + half + i - j] * a[j];
            }
        }
        du[i] = error;
    }
    __syncthreads();
}

__device__ void lca_step(
    const UNIT *drive, Array<UNIT, 2> band, const float *threshold, int hard, float rate, UNIT *u, UNIT *a, UNIT *du,
    int units
) {
    lca_error(drive, band, u, a, du, units);
    EACH_UNIT(i) {
        u[i] = u[i] + rate * du[i];
        a[i] = shrink(u[i], threshold[i], hard);
    }
}

__device__ void lca_rms_step(
    const UNIT *drive, Array<UNIT, 2> band, const float *threshold, int hard, RmsMoments moments, const float *level,
    UNIT *u, float *v, UNIT *a, UNIT *du, int units
) {
    float beta2 = moments.beta2, eta = moments.eta, epsilon = moments.epsilon;
    lca_error(drive, band, u, a, du, units);
    EACH_UNIT(i) {
        v[i] = beta2 * v[i] + (1.0f - beta2) * squared_modulus(du[i]);
        u[i] = u[i] + (eta * level[i] / (sqrtf(v[i]) + epsilon * level[i])) * du[i];
        a[i] = shrink(u[i], threshold[i] * level[i], hard);
    }
}

__device__ void lcadam_step(
    const UNIT *drive, Array<UNIT, 2> band, const float *threshold, int hard, AdamMoments moments, const float *level,
    UNIT *u, UNIT *m, float *v, UNIT *a, UNIT *du, int units
) {
    float beta1 = moments.beta1, beta2 = moments.beta2, eta = moments.eta, epsilon = moments.epsilon;
    lca_error(drive, band, u, a, du, units);
    EACH_UNIT(i) {
        m[i] = beta1 * m[i] + (1.0f - beta1) * du[i];
        v[i] = beta2 * v[i] + (1.0f - beta2) * squared_modulus(du[i]);
        u[i] = u[i] + (eta * level[i] / (beta1 * (sqrtf(v[i] / beta2) + epsilon * level[i]))) * m[i];
        a[i] = shrink(u[i], threshold[i] * level[i], hard);
    }
}

__device__ void track_level(
    const UNIT *drive, LevelRule rule, float *level, float *power, double *sums, int units
) {
    EACH_UNIT(i) power[i] = squared_modulus(drive[i]);
    prefix_sums(power, sums, units);
    EACH_UNIT(i) {
        double sum = window_sum(sums, i, rule.half_width, units);
        level[i] = fmaxf(fmaxf((float)sqrt(fmax(sum, 0.0)), rule.decay * level[i]), SMALLEST_LEVEL);
    }
}

__device__ void wta_step(
    const float *drive, Circuit circuit, const float *threshold, float inhibition_threshold, float rate, float *x,
    float *x_n, double *sums, int units
) {
    prefix_sums(x, sums, units);
    float inhibition = x_n[0];
    EACH_UNIT(i) {
        float excitation = drive[i] + circuit.alpha * x[i] - circuit.beta1 * inhibition - threshold[i];
        x[i] += rate * (fmaxf(excitation, 0.0f) - circuit.conductance * x[i]);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        float feed = (float)(circuit.beta2 * sums[units] - inhibition_threshold);
        x_n[0] += rate * (fmaxf(feed, 0.0f) - circuit.conductance * inhibition);
    }
}

// Lines along an axis are shared between threads; each line's sums are taken by one thread, in the CPU's order.
__device__ void window_sums(
    const float *x, Array<long long, 1> shape, Array<long long, 2> half_width, double *sums, float *out, int units
) {
    EACH_UNIT(i) out[i] = x[i];
    int stride = units;
    for (int axis = 0; axis < shape.shape[0]; ++axis) {
        int side = shape.data[axis], run = stride;
        const long long *half = half_width.data + axis * half_width.shape[1];
        stride /= side;
        __syncthreads();
        for (int line = threadIdx.x; line < units / side; line += blockDim.x) {
            const float *first = out + line / stride * run + line % stride;
            double *before = sums + line * (side + 1), sum = before[0] = 0.0;
            for (int p = 0; p < side; ++p) before[p + 1] = sum += first[p * stride];
        }
        __syncthreads();
        EACH_UNIT(i) {
            int p = i % run / stride, line = i / run * stride + i % stride;
            out[i] = (float)window_sum(sums + line * (side + 1), p, (int)min(half[p], (long long)side), side);
        }
    }
}

__device__ void wtaconv_step(
    const float *drive, WtaRule rule, float *x, float *x_n, double *sums, float *window, float *inhibition, int units
) {
    Circuit circuit = rule.circuit;
    window_sums(x, rule.shape, rule.half_width, sums, window, units);
    if (rule.whole_window) {
        window_sums(x_n, rule.shape, rule.half_width, sums, inhibition, units);
    } else {
        EACH_UNIT(i) inhibition[i] = x_n[i];
    }
    EACH_UNIT(i) {
        float excitation = drive[i] + circuit.alpha * x[i] - circuit.beta1 * inhibition[i] - rule.threshold.data[i];
        x[i] += rule.rate * (fmaxf(excitation, 0.0f) - circuit.conductance * x[i]);
        float feed = fmaxf(circuit.beta2 * window[i] - rule.inhibition_threshold, 0.0f);
        x_n[i] += rule.rate * (feed - circuit.conductance * x_n[i]);
    }
}

__device__ void carry(
    const UNIT *retention, const float *threshold, int hard, const float *level, UNIT *u, UNIT *a, int units
) {
    EACH_UNIT(i) {
        u[i] = retention[i] * u[i];
        a[i] = shrink(u[i], threshold[i] * level[i], hard);
    }
}

extern "C" __global__ void lca_process(
    Array<UNIT, 3> drive, Array<UNIT, 2> band, Array<float, 1> threshold, int hard, Array<UNIT, 1> retention,
    float rate, int iterations, Array<UNIT, 2> u_state, Array<UNIT, 2> a_state, Array<UNIT, 3> out
) {
    Places places = {shared_memory()};
    Row<UNIT> u(places, u_state), a(places, a_state);
    int units = u.units;
    UNIT *du = places.take<UNIT>(units);
    float *ones = places.take<float>(units);
    EACH_UNIT(i) ones[i] = 1.0f;
    for (int f = 0; f < drive.shape[0]; ++f) {
        carry(retention.data, threshold.data, hard, ones, u, a, units);
        for (int n = 0; n < iterations; ++n) {
            lca_step(row_of(drive, f), band, threshold.data, hard, rate, u, a, du, units);
        }
        copy(a.here, row_of(out, f), units);
        flush(u.here, units);
    }
}

extern "C" __global__ void lca_rms_process(
    Array<UNIT, 3> drive, Array<UNIT, 2> band, Array<float, 1> threshold, int hard, Array<UNIT, 1> retention,
    RmsMoments moments, LevelRule level_rule, int iterations, Array<float, 2> level_state, Array<UNIT, 2> u_state,
    Array<float, 2> v_state, Array<UNIT, 2> a_state, Array<UNIT, 3> out
) {
    Places places = {shared_memory()};
    Row<float> level(places, level_state), v(places, v_state);
    Row<UNIT> u(places, u_state), a(places, a_state);
    int units = u.units;
    UNIT *du = places.take<UNIT>(units);
    float *power = places.take<float>(units);
    double *sums = places.take<double>(units + 1);
    for (int f = 0; f < drive.shape[0]; ++f) {
        track_level(row_of(drive, f), level_rule, level, power, sums, units);
        carry(retention.data, threshold.data, hard, level, u, a, units);
        for (int n = 0; n < iterations; ++n) {
            lca_rms_step(row_of(drive, f), band, threshold.data, hard, moments, level, u, v, a, du, units);
        }
        copy(a.here, row_of(out, f), units);
        flush(u.here, units);
        flush(v.here, units);
    }
}

extern "C" __global__ void lcadam_process(
    Array<UNIT, 3> drive, Array<UNIT, 2> band, Array<float, 1> threshold, int hard, Array<UNIT, 1> retention,
    AdamMoments moments, LevelRule level_rule, int iterations, Array<float, 2> level_state, Array<UNIT, 2> u_state,
    Array<UNIT, 2> m_state, Array<float, 2> v_state, Array<UNIT, 2> a_state, Array<UNIT, 3> out
) {
    Places places = {shared_memory()};
    Row<float> level(places, level_state), v(places, v_state);
    Row<UNIT> u(places, u_state), m(places, m_state), a(places, a_state);
    int units = u.units;
    UNIT *du = places.take<UNIT>(units);
    float *power = places.take<float>(units);
    double *sums = places.take<double>(units + 1);
    for (int f = 0; f < drive.shape[0]; ++f) {
        track_level(row_of(drive, f), level_rule, level, power, sums, units);
        carry(retention.data, threshold.data, hard, level, u, a, units);
        EACH_UNIT(i) m[i] = retention.data[i] * m[i];
        for (int n = 0; n < iterations; ++n) {
            lcadam_step(row_of(drive, f), band, threshold.data, hard, moments, level, u, m, v, a, du, units);
        }
        copy(a.here, row_of(out, f), units);
        flush(u.here, units);
        flush(m.here, units);
        flush(v.here, units);
    }
}

extern "C" __global__ void wta_process(
    Array<float, 3> drive, Circuit circuit, Array<float, 1> threshold, float inhibition_threshold, float rate,
    int iterations, Array<float, 2> x_state, Array<float, 2> x_n_state, Array<float, 3> out
) {
    Places places = {shared_memory()};
    Row<float> x(places, x_state), x_n(places, x_n_state);
    int units = x.units;
    double *sums = places.take<double>(units + 1);
    for (int f = 0; f < drive.shape[0]; ++f) {
        for (int n = 0; n < iterations; ++n) {
            wta_step(row_of(drive, f), circuit, threshold.data, inhibition_threshold, rate, x, x_n, sums, units);
        }
        copy(x.here, row_of(out, f), units);
        flush(x.here, units);
        flush(x_n.here, 1);
    }
}

extern "C" __global__ void wtaconv_process(
    Array<float, 3> drive, WtaRule wta_rule, int iterations, Array<float, 2> x_state, Array<float, 2> x_n_state,
    Array<float, 3> out
) {
    Places places = {shared_memory()};
    Row<float> x(places, x_state), x_n(places, x_n_state);
    int units = x.units;
    float *window = places.take<float>(units), *inhibition = places.take<float>(units);
    double *sums = places.take<double>(2 * units + 1);
    for (int f = 0; f < drive.shape[0]; ++f) {
        for (int n = 0; n < iterations; ++n) {
            wtaconv_step(row_of(drive, f), wta_rule, x, x_n, sums, window, inhibition, units);
        }
        copy(x.here, row_of(out, f), units);
        flush(x.here, units);
        flush(x_n.here, units);
    }
}

extern "C" __global__ void pair_process(
    Array<UNIT, 3> drive, Array<UNIT, 2> band, LcaRule lca_rule, LevelRule level_rule, WtaRule wta_rule,
    Array<float, 2> flow, int iterations, int winners, LcaState lca_state, WtaState wta_state, Array<UNIT, 3> out
) {
    Array<float, 1> threshold = lca_rule.threshold;
    Array<UNIT, 1> retention = lca_rule.retention;
    AdamMoments moments = lca_rule.moments;
    int hard = lca_rule.hard;
    Places places = {shared_memory()};
    Row<float> level(places, lca_state.level), v(places, lca_state.v);
    Row<UNIT> u(places, lca_state.u), m(places, lca_state.m), a(places, lca_state.a);
    Row<float> x(places, wta_state.x), x_n(places, wta_state.x_n);
    int units = u.units;
    UNIT *du = places.take<UNIT>(units), *lca_input = places.take<UNIT>(units);
    float *wta_input = places.take<float>(units), *power = places.take<float>(units);
    float *window = power, *inhibition = places.take<float>(units);
    double *sums = places.take<double>(2 * units + 1);
    float lca_to_lca = flow.data[0], wta_to_lca = flow.data[1], lca_to_wta = flow.data[2], wta_to_wta = flow.data[3];
    for (int f = 0; f < drive.shape[0]; ++f) {
        const UNIT *driven = row_of(drive, f);
        UNIT *result = row_of(out, f);
        track_level(driven, level_rule, level, power, sums, units);
        carry(retention.data, threshold.data, hard, level, u, a, units);
        EACH_UNIT(i) m[i] = retention.data[i] * m[i];
        for (int n = 0; n < iterations; ++n) {
            EACH_UNIT(i) {
                lca_input[i] = driven[i] + lca_to_lca * a[i] + with_phase_of(wta_to_lca * x[i], u[i]);
                wta_input[i] = lca_to_wta * sqrtf(squared_modulus(u[i])) + wta_to_wta * x[i];
            }
            lcadam_step(lca_input, band, threshold.data, hard, moments, level, u, m, v, a, du, units);
            wtaconv_step(wta_input, wta_rule, x, x_n, sums, window, inhibition, units);
        }
        EACH_UNIT(i) {
            result[i] = a[i];
            if (winners) assign(result[i], x[i]);
        }
        flush(u.here, units);
        flush(m.here, units);
        flush(v.here, units);
        flush(x.here, units);
        flush(x_n.here, units);
    }
}
