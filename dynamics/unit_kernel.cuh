// Rows of units, as unit_kernel.py handles them: each thread of a block touches every blockDim.x-th unit, its own.

__device__ inline float size_1(float x) { return fabsf(x); }
__device__ inline float size_1(complex64 z) { return fabsf(z.real) + fabsf(z.imag); }

template <class U>
__device__ void flush(U *state, float least, int units) {
    EACH_UNIT(i) if (size_1(state[i]) < least) state[i] = U{};
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
