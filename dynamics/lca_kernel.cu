// The loops of lca_kernel.py for the GPU. A block of threads owns a stream, and each thread every blockDim.x-th unit. The
// state stays in shared memory over the frames of a call.

#include "lca_kernel.cuh"

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
        flush(u.here, SMALLEST_AMPLITUDE, units);
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
        flush(u.here, SMALLEST_AMPLITUDE, units);
        flush(v.here, SMALLEST_POWER, units);
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
        flush(u.here, SMALLEST_AMPLITUDE, units);
        flush(m.here, SMALLEST_AMPLITUDE, units);
        flush(v.here, SMALLEST_POWER, units);
    }
}
