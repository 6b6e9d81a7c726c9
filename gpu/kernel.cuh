// What every CUDA kernel here knows: arrays with their shape, complex numbers, and a block's working memory.

#ifdef __CUDACC__
extern __shared__ double working_memory[];
__device__ inline char *shared_memory() { return (char *)working_memory; }
#endif

constexpr int WARP = 32;
constexpr double PI = 3.141592653589793;

// The sum of a warp's values, in its first thread.
__device__ inline float warp_sum(float value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) value += __shfl_down_sync(~0u, value, distance);
    return value;
}

// An array argument, contiguous, the last axis side by side.
template <class T, int N>
struct Array {
    T *data;
    long long shape[N];
};

using float32 = float;

// Laid out as NumPy's.
struct complex64 {
    float real, imag;
};

__device__ inline complex64 operator+(complex64 y, complex64 z) { return {y.real + z.real, y.imag + z.imag}; }
__device__ inline complex64 operator-(complex64 y, complex64 z) { return {y.real - z.real, y.imag - z.imag}; }
__device__ inline complex64 operator*(float x, complex64 z) { return {x * z.real, x * z.imag}; }
__device__ inline complex64 operator*(complex64 y, complex64 z) {
    return {y.real * z.real - y.imag * z.imag, y.real * z.imag + y.imag * z.real};
}

__device__ inline float squared_modulus(float x) { return x * x; }
__device__ inline float squared_modulus(complex64 z) { return z.real * z.real + z.imag * z.imag; }

// The units i of this thread: every blockDim.x-th of `units`.
#define EACH_UNIT(i) for (int i = threadIdx.x; i < units; i += blockDim.x)

// Places in the block's working memory, handed out one after the other, each at a multiple of 8 bytes.
struct Places {
    char *next;

    template <class T>
    __device__ T *take(int count) {
        T *place = (T *)next;
        next += (count * sizeof(T) + 7) / 8 * 8;
        return place;
    }
};

// One stream's row of a state (streams, units): read into shared memory at first, and written back at last.
template <class T>
struct Row {
    int units;
    T *home, *here;

    __device__ Row(Places &places, Array<T, 2> state) : units(state.shape[1]) {
        home = state.data + (long long)blockIdx.x * units;
        here = places.take<T>(units);
        EACH_UNIT(i) here[i] = home[i];
    }
    __device__ ~Row() {
        EACH_UNIT(i) home[i] = here[i];
    }
    __device__ operator T *() { return here; }
};

// The row of the block's stream in frame f of an array (frames, streams, units).
template <class T>
__device__ T *row_of(Array<T, 3> array, int f) {
    return array.data + (f * array.shape[1] + blockIdx.x) * array.shape[2];
}
