// The pair of pair_kernel.py for the GPU: a block of threads owns a stream, whose state stays in shared memory.

#include "lca_kernel.cuh"
#include "wta_kernel.cuh"

// A real activation as that of a unit.
__device__ inline void assign(float &unit, float x) { unit = x; }
__device__ inline void assign(complex64 &unit, float x) { unit = {x, 0.0f}; }

template <class U>
__device__ U with_phase_of(float size, U u) {
    float modulus = sqrtf(squared_modulus(u));
    return modulus > 0.0f ? (size / modulus) * u : 0.0f * u;
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
        flush(u.here, SMALLEST_AMPLITUDE, units);
        flush(m.here, SMALLEST_AMPLITUDE, units);
        flush(v.here, SMALLEST_POWER, units);
        flush(x.here, SMALLEST_AMPLITUDE, units);
        flush(x_n.here, SMALLEST_AMPLITUDE, units);
    }
}
