// The kernel of line_field.py for the GPU: the same steps in the same order. A block of threads owns a stream, and each
// thread every blockDim.x-th channel.
#include "scales.cuh"

// One channel's energies in the middle frame, averaged where the one line's frequency does not run straight.
__device__ void average(
    const float *hz, const float *energy, int rows, int now, int middle, AverageRule rule, int k, int units, float *mean
) {
    const long long frame = (long long)LINES * units;
    float fit[7] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
    float mean_1 = 0.0f, mean_2 = 0.0f;
    for (int r = 0; r < rows; ++r) {
        float t = (float)(rows / 2 - (now - r + rows) % rows);
        int before = r != (now + 1) % rows ? (r - 1 + rows) % rows : r;
        float e = energy[r * frame + k], e_before = energy[before * frame + k];
        float a = rule.swell_hz * (e - e_before) / (e + e_before + NO_ENERGY);
        fit[6] += e * a * a;
        float f = hz[r * frame + k] - hz[middle * frame + k];
        fit[0] += e;
        fit[1] += e * t;
        fit[2] += e * t * t;
        fit[3] += e * f;
        fit[4] += e * t * f;
        fit[5] += e * f * f;
        mean_1 += energy[r * frame + units + k];
        mean_2 += energy[r * frame + 2 * units + k];
    }
    float share = (float)(1.0 / rows);
    float per_e = 1.0f / (fit[0] + NO_ENERGY);
    float t = fit[1] * per_e, f = fit[3] * per_e;
    float spread_t = fit[2] * per_e - t * t, slope = fit[4] * per_e - t * f;
    float bend = fmaxf(fit[5] * per_e - f * f - slope * slope / (spread_t + NO_SPREAD), 0.0f);
    bend /= rule.steady_hz2 + rule.swell * fit[6] * per_e;
    bend *= bend;
    float straight = 1.0f / (1.0f + bend * bend);
    const float *here = energy + middle * frame + k;
    float whole = fit[0] * share;
    mean[0] = fminf(whole + straight * (here[0] - whole), rule.surge * here[0]);
    mean[1] = fminf(mean_1 * share, rule.surge * here[units]);
    mean[2] = fminf(mean_2 * share, rule.surge * here[2 * units]);
}

// Where the i-th of `here` stands among `there`, if both lie evenly over the same span: rounded down, also below zero.
__device__ inline int beside(int i, int here, int there) {
    long long scaled = (long long)i * there;
    return (int)(scaled >= 0 ? scaled / here : -((-scaled + here - 1) / here));
}

extern "C" __global__ void field_process(
    Array<float, 4> hz, Array<float, 4> energy, Array<float, 3> trust, AtomGrid grid, Array<float, 1> gain,
    AverageRule average_rule, Array<float, 1> atom_hz, FieldState state, int row, Array<float, 3> amplitude,
    Array<float, 3> frequency
) {
    int rows = state.hz.shape[1], units = trust.shape[2], atoms = atom_hz.shape[0];
    long long stream = blockIdx.x, frame = (long long)LINES * units;
    float *hz_ring = state.hz.data + stream * rows * frame;
    float *energy_ring = state.energy.data + stream * rows * frame;
    float *trust_ring = state.trust.data + stream * rows * units;
    Places places{shared_memory()};
    float *part = places.take<float>(LINES * units);
    int *atom = places.take<int>(LINES * units), *farthest = places.take<int>(1);
    for (int f = 0; f < hz.shape[0]; ++f) {
        int now = (row + f) % rows, middle = (now - rows / 2 + rows) % rows;
        const float *hz_now = hz.data + (f * hz.shape[1] + stream) * frame;
        const float *energy_now = energy.data + (f * hz.shape[1] + stream) * frame;
        const float *trust_now = row_of(trust, f);
        if (threadIdx.x == 0) *farthest = 0;
        __syncthreads();
        EACH_UNIT(k) {
            trust_ring[now * units + k] = trust_now[k];
            for (int e = 0; e < LINES; ++e) {
                hz_ring[now * frame + e * units + k] = hz_now[e * units + k];
                energy_ring[now * frame + e * units + k] = energy_now[e * units + k];
            }
            float mean[LINES], belief = trust_ring[middle * units + k];
            average(hz_ring, energy_ring, rows, now, middle, average_rule, k, units, mean);
            for (int e = 0; e < LINES; ++e) {
                float line_hz = hz_ring[middle * frame + e * units + k];
                float energy_part = mean[e] * (e ? belief : 1.0f - belief);
                int nearest = -1;
                if (energy_part > FAINTEST_PART && line_hz > 0.0f) {
                    double position = (scale_position(line_hz, grid.scale_code) - grid.low) * grid.per_unit;
                    double j = rint(position);
                    if (j >= 0.0 && j < atoms) {
                        double last = gain.shape[0] - 1.0;
                        double fine = fmin(fmax(FINENESS * position, 0.0), last);
                        int below = min((int)fine, (int)gain.shape[0] - 2);
                        energy_part *= gain.data[below]
                                       + (fine - below) * (double)(gain.data[below + 1] - gain.data[below]);
                        nearest = (int)j;
                    }
                }
                part[e * units + k] = energy_part;
                atom[e * units + k] = nearest;
                if (nearest >= 0) atomicMax(farthest, abs(nearest - beside(k, units, atoms)));
            }
        }
        __syncthreads();
        // Each atom collects, in the CPU's order, from the channels from which it can have been reached.
        for (int j = threadIdx.x; j < atoms; j += blockDim.x) {
            int first = max(0, beside(j - *farthest, atoms, units) - 1);
            int last = min(units - 1, beside(j + *farthest + 1, atoms, units) + 1);
            double total = 0.0, moment = 0.0;
            for (int e = 0; e < LINES; ++e) {
                for (int i = e * units + first; i <= e * units + last; ++i) {
                    if (atom[i] != j) continue;
                    total += part[i];
                    moment += part[i] * hz_ring[middle * frame + i];
                }
            }
            bool present = total > FAINTEST_PART;
            row_of(amplitude, f)[j] = present ? (float)sqrt(total) : 0.0f;
            row_of(frequency, f)[j] = present ? (float)(moment / total) : atom_hz.data[j];
        }
        __syncthreads();
    }
}
