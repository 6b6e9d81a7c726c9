// The steps of lca_kernel.py for the GPU. What each does, and its equation, stands there: names, order of arguments and
// order of the arithmetic are the same. UNIT is float32 or complex64.
//
// Functions that look at neighbours wait for the block before and after; all others touch a thread's own units only.

#include "unit_kernel.cuh"

__device__ inline float shrink(float u, float threshold, int hard) {
    if (u <= threshold) return 0.0f;
    return hard ? u : u - threshold;
}

__device__ inline complex64 shrink(complex64 u, float threshold, int hard) {
    float size = sqrtf(squared_modulus(u));
    if (size <= threshold || size == 0.0f) return 0.0f * u;
    return hard ? u : (1.0f - threshold / size) * u;
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

__device__ void carry(
    const UNIT *retention, const float *threshold, int hard, const float *level, UNIT *u, UNIT *a, int units
) {
    EACH_UNIT(i) {
        u[i] = retention[i] * u[i];
        a[i] = shrink(u[i], threshold[i] * level[i], hard);
    }
}
