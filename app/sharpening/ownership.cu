// The kernel of ownership.py for the GPU: the same steps. A block of threads owns a stream, and each thread every
// blockDim.x-th atom.

extern "C" __global__ void own(
    Array<float, 3> drive, Array<float, 3> fundamental, Array<float, 3> amplitude, Array<long long, 1> half_width,
    Array<float, 3> owned
) {
    int units = half_width.shape[0];
    for (int f = 0; f < amplitude.shape[0]; ++f) {
        EACH_UNIT(j) {
            float strongest = 0.0f, whose = 0.0f;
            int reach = row_of(amplitude, f)[j] != 0.0f ? (int)half_width[j] : -1;
            for (int i = max(0, j - reach); i <= min(units - 1, j + reach); ++i) {
                if (row_of(drive, f)[i] > strongest) {
                    strongest = row_of(drive, f)[i];
                    whose = row_of(fundamental, f)[i];
                }
            }
            row_of(owned, f)[j] = whose;
        }
    }
}
