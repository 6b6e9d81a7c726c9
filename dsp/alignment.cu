// The kernel of alignment.py for the GPU: the same name and order of arguments. A block of threads owns a stream.

extern "C" __global__ void align_process(
    Array<complex64, 3> fresh, Array<long long, 1> wait, Array<complex64, 3> held, int row, Array<complex64, 3> out
) {
    int frames = fresh.shape[0], depth = held.shape[0], channels = fresh.shape[2];
    for (int k = threadIdx.x; k < channels; k += blockDim.x) {
        int waits = (int)wait.data[k];
        for (int f = 0; f < frames; ++f) {
            int now = depth ? (row + f) % depth : 0, then = now - waits;
            row_of(out, f)[k] = waits ? row_of(held, then < 0 ? then + depth : then)[k] : row_of(fresh, f)[k];
            if (depth) row_of(held, now)[k] = row_of(fresh, f)[k];
        }
    }
}
