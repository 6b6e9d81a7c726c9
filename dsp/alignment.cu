// The kernel of alignment.py for the GPU: the same name and order of arguments. A block of threads owns a stream.

extern "C" __global__ void align_process(
    Array<float, 3> fresh, Array<long long, 1> wait, Array<float, 3> held, Array<float, 3> out
) {
    int frames = fresh.shape[0], depth = held.shape[0], values = fresh.shape[2];
    for (int v = threadIdx.x; v < values; v += blockDim.x) {
        for (int f = 0; f < frames; ++f) {
            int then = f - (int)wait.data[v];
            row_of(out, f)[v] = then >= 0 ? row_of(fresh, then)[v] : row_of(held, depth + then)[v];
        }
        for (int row = 0; row < depth; ++row) {
            int later = row + frames;
            row_of(held, row)[v] = later < depth ? row_of(held, later)[v] : row_of(fresh, later - depth)[v];
        }
    }
}
