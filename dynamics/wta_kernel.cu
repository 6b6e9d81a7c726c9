// The loops of wta_kernel.py for the GPU: a block of threads owns a stream, whose state stays in shared memory.

#include "wta_kernel.cuh"

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
        flush(x.here, SMALLEST_AMPLITUDE, units);
        flush(x_n.here, SMALLEST_AMPLITUDE, 1);
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
        flush(x.here, SMALLEST_AMPLITUDE, units);
        flush(x_n.here, SMALLEST_AMPLITUDE, units);
    }
}
