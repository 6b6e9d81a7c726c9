// The steps of wta_kernel.py for the GPU, with the same names, order of arguments and order of the arithmetic. Sums over
// units wait for the block before and after.

#include "unit_kernel.cuh"

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
