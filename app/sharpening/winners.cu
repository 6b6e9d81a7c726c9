// The kernel of winners.py for the GPU: the same steps. A block of threads owns a stream, and each thread every
// blockDim.x-th atom.

// Each atom looks for its winner by itself; then each winner collects, in the atoms' order, what chose it.
extern "C" __global__ void winners_take_windows(
    Array<float, 3> activation, Array<long long, 1> half_width, int farthest, Array<float, 1> atom_hz,
    Array<float, 3> amplitude, Array<float, 3> frequency, Array<float, 3> merged
) {
    int units = half_width.shape[0];
    Places places{shared_memory()};
    int *winner_of = places.take<int>(units);
    float *active = places.take<float>(units);
    float *power = places.take<float>(units), *mean_hz = places.take<float>(units);
    for (int f = 0; f < amplitude.shape[0]; ++f) {
        float *A = row_of(amplitude, f), *hz = row_of(frequency, f);
        EACH_UNIT(j) active[j] = row_of(activation, f)[j];
        __syncthreads();
        EACH_UNIT(j) {
            int winner = -1, reach = 2 * (int)half_width.data[j];
            if (A[j] != 0.0f) {
                double best = 0.0;
                for (int i = max(0, j - reach); i <= min(units - 1, j + reach); ++i) {
                    double distance = i - j, claim = active[i] / (1.0 + distance * distance);
                    if (claim > best) {
                        winner = i;
                        best = claim;
                    }
                }
            }
            winner_of[j] = winner;
            power[j] = A[j] * A[j];
        }
        __syncthreads();
        EACH_UNIT(i) {
            double energy = 0.0, moment = 0.0;
            if (active[i] > 0.0f) {
                for (int j = max(0, i - farthest); j <= min(units - 1, i + farthest); ++j) {
                    if (winner_of[j] == i) {
                        energy += power[j];
                        moment += power[j] * hz[j];
                    }
                }
            }
            row_of(merged, f)[i] = (float)sqrt(energy);
            mean_hz[i] = energy > 0.0 ? moment / energy : atom_hz.data[i];
        }
        __syncthreads();
        EACH_UNIT(i) hz[i] = mean_hz[i];
    }
}
