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

// An array argument, contiguous, the last axis side by side. array[i] is what stands there: a number, or an array.
template <class T, int N>
struct Array {
    T *data;
    long long shape[N];

    __device__ decltype(auto) operator[](long long i) const {
        if constexpr (N == 1) {
            return (data[i]);
        } else {
            Array<T, N - 1> part{data};
            long long size = 1;
            for (int axis = 1; axis < N; ++axis) size *= part.shape[axis - 1] = shape[axis];
            part.data += i * size;
            return part;
        }
    }

    // What is at i and from there on, up to `past`.
    __device__ Array from(long long i, long long past) const {
        static_assert(N == 1);
        return {data + i, {past - i}};
    }
};

// Of room that all blocks of threads share, side by side along the first axis, this block's own part.
template <class T, int N>
__device__ Array<T, N> own_part(Array<T, N> room) {
    room.shape[0] /= gridDim.x;
    long long size = room.shape[0];
    for (int axis = 1; axis < N; ++axis) size *= room.shape[axis];
    room.data += blockIdx.x * size;
    return room;
}

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

// The sum of `count` over the threads before this one, and over all threads; counts: room for a number of each.
__device__ inline int sum_before(int count, int *counts, int &all) {
    __syncthreads();
    counts[threadIdx.x] = count;
    __syncthreads();
    int before = 0;
    all = 0;
    for (int t = 0; t < blockDim.x; ++t) {
        if (t == threadIdx.x) before = all;
        all += counts[t];
    }
    return before;
}

// take(i, n) of the n-th i, from 0 to count - 1, of which is(i) is true, by all threads; how many these are.
template <class Is, class Take>
__device__ int take_those(int count, int *counts, Is is, Take take) {
    int each = (count + blockDim.x - 1) / blockDim.x, first = threadIdx.x * each, past = min(first + each, count);
    int own = 0, all;
    for (int i = first; i < past; ++i) own += is(i);
    int n = sum_before(own, counts, all);
    for (int i = first; i < past; ++i) {
        if (is(i)) take(i, n++);
    }
    __syncthreads();
    return all;
}

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
