// Watches what the threads of a block read and write, as the compiler tells it for ThreadSanitizer (whose library is not
// linked: these are its functions). Two accesses of which one writes need a barrier between them: one of the block, or,
// within a warp, a shuffle or a vote. Of different blocks nothing orders them at all. So nothing hangs on the order in
// which the host happens to run threads. Also noticed: what is read before anything was written there.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_map>

namespace {

constexpr int WARP_THREADS = 32, CELL_BYTES = 4, PAGE_CELLS = 1024, NONE = -1, SEVERAL = -2;

// What is known of four bytes. Of the block's time since its last barrier: which warps read and wrote; of one of those
// warps, since its last own barrier: which of its threads. And of the launch: which block read and wrote.
struct Cell {
    uint32_t launch, time, warp_time, readers, writers;
    int warp, reading_block, writing_block;
    uint8_t reading_warps, writing_warps;
    bool written;
};

std::unordered_map<uintptr_t, std::unique_ptr<Cell[]>> pages;
uintptr_t own_begin, own_end, stacks_begin, stacks_end;  // working memory of the block; the threads' stacks
uint32_t launch, now, warp_now[8];
int block, thread = NONE;
char found[200];

void tell(const char *what, const void *from, uintptr_t at) {
    const char *where = at >= own_begin && at < own_end ? "the block's working memory" : "the card's memory";
    Dl_info library;
    if (found[0] || !dladdr(from, &library)) return;
    snprintf(found, sizeof found, "%#tx %s, in %s", (char *)from - 1 - (char *)library.dli_fbase, what, where);
}

Cell &cell_of(uintptr_t at) {
    static uintptr_t last = 0;
    static Cell *cells = nullptr;
    uintptr_t number = at / CELL_BYTES;
    if (!cells || number / PAGE_CELLS != last) {
        auto &page = pages[last = number / PAGE_CELLS];
        if (!page) page.reset(new Cell[PAGE_CELLS]());
        cells = page.get();
    }
    return cells[number % PAGE_CELLS];
}

void touch_cell(uintptr_t at, bool writes, const void *from) {
    Cell &cell = cell_of(at);
    bool own = at >= own_begin && at < own_end;
    uint32_t lane = 1u << thread % WARP_THREADS;
    int warp = thread / WARP_THREADS;
    uint8_t of_warp = 1 << warp;
    if (cell.launch != launch) {
        cell.launch = launch;
        cell.reading_block = cell.writing_block = NONE;
        cell.time = 0;
        if (own) cell.written = false;
    }
    if (cell.time != now) {
        cell.time = now;
        cell.reading_warps = cell.writing_warps = 0;
        cell.warp = NONE;
    }
    if (cell.warp != warp || cell.warp_time != warp_now[warp]) {
        cell.warp = warp;
        cell.warp_time = warp_now[warp];
        cell.readers = cell.writers = 0;
    }
    if (own && cell.writing_block != block) cell.written = false;  // what is there is another block's
    if ((cell.writing_warps | (writes ? cell.reading_warps : 0)) & ~of_warp) tell("race of warps", from, at);
    if ((cell.writers | (writes ? cell.readers : 0)) & ~lane) tell("race in a warp", from, at);
    if (!own) {
        auto others = [](int which) { return which == SEVERAL || (which != NONE && which != block); };
        if (others(cell.writing_block) || (writes && others(cell.reading_block))) tell("race of blocks", from, at);
    }
    if (writes) {
        cell.writing_warps |= of_warp;
        cell.writers |= lane;
        cell.writing_block = block;
        cell.written = true;
    } else {
        uint32_t bits;
        memcpy(&bits, (const void *)(at / CELL_BYTES * CELL_BYTES), sizeof bits);
        if (!cell.written && bits == UNWRITTEN) tell("read before it is written", from, at);
        cell.reading_warps |= of_warp;
        cell.readers |= lane;
        if (cell.reading_block != block) cell.reading_block = cell.reading_block == NONE ? block : SEVERAL;
    }
}

void touch(const void *place, long size, bool writes, const void *from) {
    uintptr_t begin = (uintptr_t)place;
    if (thread == NONE || (begin >= stacks_begin && begin < stacks_end)) return;
    for (uintptr_t at = begin / CELL_BYTES * CELL_BYTES; at < begin + size; at += CELL_BYTES) touch_cell(at, writes, from);
}

}  // namespace

extern "C" {

void watch_launch(const void *stacks, long bytes) {
    stacks_begin = (uintptr_t)stacks;
    stacks_end = stacks_begin + bytes;
    ++launch;
    block = NONE;
    found[0] = 0;
}

void watch_block(const void *memory, long bytes) {
    own_begin = (uintptr_t)memory;
    own_end = own_begin + bytes;
    ++block;
    ++now;
}

void watch_thread(int which) { thread = which; }

void watch_barrier(int warp) {  // of a warp, or of the block
    if (warp == NONE) ++now;
    else ++warp_now[warp];
}

const char *watch_found() { return found; }

#define HOOKS(size) \
    void __tsan_read##size(void *at) { touch(at, size, false, __builtin_return_address(0)); } \
    void __tsan_write##size(void *at) { touch(at, size, true, __builtin_return_address(0)); } \
    void __tsan_unaligned_read##size(void *at) { touch(at, size, false, __builtin_return_address(0)); } \
    void __tsan_unaligned_write##size(void *at) { touch(at, size, true, __builtin_return_address(0)); }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(void *at, long size) { touch(at, size, false, __builtin_return_address(0)); }
void __tsan_write_range(void *at, long size) { touch(at, size, true, __builtin_return_address(0)); }
void __tsan_vptr_update(void **, void *) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
