// What CUDA source needs to run on the host: the threads of a block are fibers of one thread, which take turns at every
// __syncthreads(), shuffle and vote, in an order that can be chosen. Deterministic, and strict: working memory is full of
// NaN at first (UNWRITTEN), what is written beyond its end is noticed, and so are threads that end while others wait. Single precision
// flushes what is denormal, as CuPy lets its compiler do. WATCHED: host_watch.cpp looks on.
#include <setjmp.h>
#include <ucontext.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __restrict__
using std::max;
using std::min;

struct Index {
    unsigned x, y, z;
};

static Index threadIdx, blockIdx, blockDim, gridDim;

#ifdef WATCHED
extern "C" {
void watch_launch(const void *, long);
void watch_block(const void *, long);
void watch_thread(int);
void watch_barrier(int);
const char *watch_found();
}
#else
static inline void watch_launch(const void *, long) {}
static inline void watch_block(const void *, long) {}
static inline void watch_thread(int) {}
static inline void watch_barrier(int) {}
static inline const char *watch_found() { return ""; }
#endif

namespace host {

constexpr int WARP_THREADS = 32;
constexpr size_t STACK_BYTES = 128 * 1024, GUARD_WORDS = 64;
constexpr int NOBODY = -1;
enum Outcome { OK = 0, DIVERGED = 1, OVERRUN = 2, WATCH_FOUND = 3 };

// A context begins a fiber; from then on jumps, which ask nothing of the system, are many times quicker.
struct Fiber {
    ucontext_t begin;
    jmp_buf here;
    bool begun;
};

static ucontext_t scheduler;
static jmp_buf back;
static std::vector<Fiber> fibers;
static std::vector<char> stacks; // kept: to have them anew for every launch would take longer than most launches do
enum State : char { RUNS, WAITS_FOR_WARP, WAITS_FOR_BLOCK, ENDED };
static std::vector<State> states;
static std::vector<float> shuffled;
static std::vector<unsigned> memory;
static std::vector<int> turns;
static int current;
static std::function<void()> kernel;

static void wait(State state) {
    states[current] = state;
    if (!_setjmp(fibers[current].here)) _longjmp(back, 1);
}

static void go_on() {
    Fiber &fiber = fibers[current];
    if (_setjmp(back)) return;
    if (fiber.begun) _longjmp(fiber.here, 1);
    fiber.begun = true;
    swapcontext(&scheduler, &fiber.begin);
}

// While what is here works for a thread of the block, nobody watches it.
struct Unwatched {
    Unwatched() { watch_thread(NOBODY); }
    ~Unwatched() { watch_thread(current); }
};

static void run_kernel() {
    watch_thread(current);
    kernel();
    watch_thread(NOBODY);
    wait(ENDED);
}

// Threads first to last - 1 go on, if all of them wait for the same.
static bool release(int first, int last, State waited) {
    for (int t = first; t < last; ++t) {
        if (states[t] != waited) return false;
    }
    std::fill(states.begin() + first, states.begin() + last, RUNS);
    return true;
}

// Let every thread that may run do so up to where it waits; false when none can go on.
static bool advance(int threads) {
    for (int thread : turns) {
        current = thread;
        if (states[current] != RUNS) continue;
        threadIdx = {(unsigned)current, 0, 0};
        go_on();
    }
    bool any = release(0, threads, WAITS_FOR_BLOCK);
    if (any) watch_barrier(NOBODY);
    for (int t = 0; t + WARP_THREADS <= threads; t += WARP_THREADS) {
        if (!release(t, t + WARP_THREADS, WAITS_FOR_WARP)) continue;
        watch_barrier(t / WARP_THREADS);
        any = true;
    }
    return any;
}

// Single precision alone on a card, but doubles as small as that are as good as zero.
struct DenormalsFlushed {
#ifdef __SSE2__
    unsigned before = _mm_getcsr();
    DenormalsFlushed() { _mm_setcsr(before | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON); }
    ~DenormalsFlushed() { _mm_setcsr(before); }
#endif
};

// order: 0, the first thread of a block runs first; else the seed of an order that is drawn anew for every turn.
static Outcome run(int blocks, int threads, size_t shared_bytes, int order) {
    DenormalsFlushed flushed;
    std::minstd_rand chance(order);
    turns.resize(threads);
    std::iota(turns.begin(), turns.end(), 0);
    stacks.resize(std::max(stacks.size(), STACK_BYTES * threads));
    fibers.resize(threads);
    blockDim = {(unsigned)threads, 1, 1};
    gridDim = {(unsigned)blocks, 1, 1};
    watch_launch(stacks.data(), stacks.size());
    for (int b = 0; b < blocks; ++b) {
        blockIdx = {(unsigned)b, 0, 0};
        states.assign(threads, RUNS);
        shuffled.assign(threads, 0.0f);
        memory.assign((shared_bytes + 3) / sizeof(unsigned) + GUARD_WORDS, UNWRITTEN);
        watch_block(memory.data(), memory.size() * sizeof(unsigned));
        for (int t = 0; t < threads; ++t) {
            ucontext_t &begin = fibers[t].begin;
            getcontext(&begin);
            begin.uc_stack.ss_sp = stacks.data() + STACK_BYTES * t;
            begin.uc_stack.ss_size = STACK_BYTES;
            begin.uc_link = nullptr;
            makecontext(&begin, run_kernel, 0);
            fibers[t].begun = false;
        }
        do {
            if (order) std::shuffle(turns.begin(), turns.end(), chance);
        } while (advance(threads));
        if (*watch_found()) return WATCH_FOUND;
        if (std::count(states.begin(), states.end(), ENDED) < threads) return DIVERGED;
        if (std::any_of(memory.end() - GUARD_WORDS, memory.end(), [](unsigned word) { return word != UNWRITTEN; })) return OVERRUN;
    }
    return OK;
}

template <class... A, size_t... I>
static Outcome launch(
    void (*function)(A...), void **arguments, int blocks, int threads, size_t shared_bytes, int order,
    std::index_sequence<I...>
) {
    kernel = [=] { function(*(A *)arguments[I]...); };
    return run(blocks, threads, shared_bytes, order);
}

template <class... A>
static Outcome launch(
    void (*function)(A...), void **arguments, const long long *sizes, int count, int blocks, int threads,
    size_t shared_bytes, int order
) {
    const long long expected[] = {(long long)sizeof(A)...};
    if (count != sizeof...(A) || !std::equal(expected, expected + count, sizes)) return (Outcome)-1;
    return launch(function, arguments, blocks, threads, shared_bytes, order, std::index_sequence_for<A...>());
}

}  // namespace host

static inline void __syncthreads() {
    host::Unwatched here;
    host::wait(host::WAITS_FOR_BLOCK);
}

static inline float __shfl_down_sync(unsigned, float value, int distance) {
    host::Unwatched here;
    int thread = threadIdx.x, from = thread % host::WARP_THREADS + distance;
    host::shuffled[thread] = value;
    host::wait(host::WAITS_FOR_WARP);
    float heard = from < host::WARP_THREADS ? host::shuffled[thread + distance] : value;
    host::wait(host::WAITS_FOR_WARP);
    return heard;
}

static inline unsigned __ballot_sync(unsigned, bool vote) {
    host::Unwatched here;
    int thread = threadIdx.x, first = thread / host::WARP_THREADS * host::WARP_THREADS;
    host::shuffled[thread] = vote;
    host::wait(host::WAITS_FOR_WARP);
    unsigned votes = 0;
    for (int t = 0; t < host::WARP_THREADS; ++t) votes |= (unsigned)host::shuffled[first + t] << t;
    host::wait(host::WAITS_FOR_WARP);
    return votes;
}

static inline int atomicMax(int *place, int value) {
    host::Unwatched here;
    int before = *place;
    if (value > before) *place = value;
    return before;
}

static inline int __float_as_int(float x) {
    int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float __int_as_float(int bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline int __popc(unsigned bits) { return __builtin_popcount(bits); }

template <class T>
static inline T atomicAdd(T *sum, T value) {
    host::Unwatched here;
    T before = *sum;
    *sum += value;
    return before;
}

static inline char *shared_memory() { return (char *)host::memory.data(); }
