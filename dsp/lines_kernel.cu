// The kernel of lines_kernel.py for the GPU, where the evidence is told: the same name, order of arguments and
// arithmetic. A block of threads owns a stream, a thread every blockDim.x-th channel. What is not smooth, roots and
// angles, is in double precision.

struct complex128 {
    double real, imag;
};

__device__ inline complex128 operator+(complex128 y, complex128 z) { return {y.real + z.real, y.imag + z.imag}; }
__device__ inline complex128 operator-(complex128 y, complex128 z) { return {y.real - z.real, y.imag - z.imag}; }
__device__ inline complex128 operator*(double x, complex128 z) { return {x * z.real, x * z.imag}; }
__device__ inline complex128 operator*(complex128 y, complex128 z) {
    return {y.real * z.real - y.imag * z.imag, y.real * z.imag + y.imag * z.real};
}
__device__ inline complex128 conjugate(complex128 z) { return {z.real, -z.imag}; }
__device__ inline complex128 wide(complex64 z) { return {z.real, z.imag}; }
__device__ inline double power_of(complex128 z) { return z.real * z.real + z.imag * z.imag; }
__device__ inline double inner(complex128 a, complex128 b) { return a.real * b.real + a.imag * b.imag; }
__device__ inline double angle_of(complex128 z) { return atan2(z.imag, z.real); }
__device__ inline double wrapped(double angle) { return angle - 2 * PI * floor(angle / (2 * PI) + 0.5); }

__device__ inline complex128 square_root(complex128 z) {
    double size = sqrt(power_of(z));
    double re = sqrt(fmax(0.5 * (size + z.real), 0.0)), im = sqrt(fmax(0.5 * (size - z.real), 0.0));
    return {re, z.imag < 0 ? -im : im};
}

// The sum of the two products, the first of them not rounded by itself.
__device__ inline float two_products(float a, float b, float c, float d) { return fmaf(a, b, c * d); }

__device__ void update_moments(complex64 z0, complex64 z1, complex64 z2, float memory, float *moments, int channels) {
    float fresh = 1.0f - memory, a = z0.real, b = z0.imag, c = z1.real, d = z1.imag, e = z2.real, g = z2.imag;
    float now[MOMENTS] = {two_products(a, a, b, b), two_products(c, c, d, d), two_products(e, e, g, g),
                          two_products(a, c, b, d), two_products(b, c, -a, d), two_products(c, e, d, g),
                          two_products(d, e, -c, g), two_products(a, e, b, g), two_products(b, e, -a, g)};
    for (int m = 0; m < MOMENTS; ++m) {
        float mean = fmaf(fresh, now[m], memory * moments[m * channels]);
        moments[m * channels] = fabsf(mean) > SMALLEST_MOMENT ? mean : 0.0f;
    }
}

// The pair of lines in one channel: from its three values and pooled moments; its last roots are read and replaced.
struct Pair {
    double hz_a, hz_b, energy_a, energy_b, trust;
};

__device__ Pair two_lines(
    complex64 z0, complex64 z1, complex64 z2, const double *pooled, complex128 turn, double center_hz, double reach_hz,
    FinderRule rule, float *center, float *distance_of
) {
    Pair pair = {center_hz, center_hz, 0.0, 0.0, 0.0};
    double center_before = *center, distance_before = *distance_of;
    *center = *distance_of = 0.0f;
    double r00 = pooled[0], r11 = pooled[1], r22 = pooled[2];
    if (fmin(fmin(r00, r11), r22) < UNPREDICTABLE_POWER) return pair;
    complex128 back = conjugate(turn), r01 = complex128{pooled[3], pooled[4]} * back;
    complex128 r12 = complex128{pooled[5], pooled[6]} * back, r02 = complex128{pooled[7], pooled[8]} * back * back;
    double floor_power = REGULARIZATION * 0.5 * (r11 + r22), a11 = r11 + floor_power, a22 = r22 + floor_power;
    double inverse = 1.0 / (a11 * a22 - power_of(r12));
    complex128 c1 = inverse * (a22 * r01 - r02 * conjugate(r12)), c2 = inverse * (a11 * r02 - r12 * r01);
    double residual = r00 - 2 * (inner(c1, r01) + inner(c2, r02)) + power_of(c1) * r11 + power_of(c2) * r22;
    residual = fmax(residual + 2 * (c1 * conjugate(c2) * r12).real, 0.0) / r00;
    complex128 root = square_root(c1 * c1 + 4 * c2), root_a = 0.5 * (c1 + root), root_b = 0.5 * (c1 - root);
    double size_a = power_of(root_a), size_b = power_of(root_b);
    complex128 turn_a = (1.0 / (sqrt(size_a) + NO_LINE)) * root_a, turn_b = (1.0 / (sqrt(size_b) + NO_LINE)) * root_b;
    double angle_a = angle_of(turn_a), angle_b = angle_of(turn_b);
    complex128 between = turn_a * conjugate(turn_b);
    complex128 y0 = wide(z0), y1 = wide(z1) * turn, y2 = wide(z2) * turn * turn;
    complex128 match_a = y0 + turn_a * (y1 + turn_a * y2), match_b = y0 + turn_b * (y1 + turn_b * y2);
    complex128 cross = complex128{1.0, 0.0} + between + between * between;
    double normal = OWN_MATCH * OWN_MATCH - power_of(cross);
    normal *= normal;
    double energy_a = power_of(OWN_MATCH * match_a - cross * match_b) / normal;
    double energy_b = power_of(OWN_MATCH * match_b - conjugate(cross) * match_a) / normal;
    double ceiling = MOST_OF_POWER * (power_of(y0) + power_of(y1) + power_of(y2));
    double share = fmin(1.0, ceiling / (energy_a + energy_b + NO_LINE));
    energy_a *= share;
    energy_b *= share;
    if (energy_a > FAINTEST_LINE && fabs(angle_a) * rule.rad_to_hz < reach_hz) {
        pair.hz_a = center_hz + angle_a * rule.rad_to_hz;
        pair.energy_a = energy_a;
    }
    if (energy_b > FAINTEST_LINE && fabs(angle_b) * rule.rad_to_hz < reach_hz) {
        pair.hz_b = center_hz + angle_b * rule.rad_to_hz;
        pair.energy_b = energy_b;
    }
    double distance = fabs(wrapped(angle_a - angle_b)) + SMALLEST_DISTANCE, change = 1.0 / (rule.change * distance);
    double drift = wrapped(angle_a + angle_b - center_before) / (rule.drift * distance);
    double widened = (distance - distance_before) * change;
    double grown = 0.25 * ((size_a - 1) * (size_a - 1) + (size_b - 1) * (size_b - 1)) * change * change;
    pair.trust = 1.0 / (1.0 + residual / rule.residual + drift * drift + widened * widened + grown);
    *center = angle_a + angle_b;
    *distance_of = distance;
    return pair;
}

extern "C" __global__ void lines_process(
    Array<complex64, 3> subband, Array<float, 3> instantaneous_hz, Array<complex128, 1> turn, LineTables tables,
    FinderRule rule, FinderState state, int frame, LinesOut out
) {
    int s = blockIdx.x, depth = state.z.shape[1], channels = state.z.shape[2], D = depth / 2;
    int drift_rows = state.roots.shape[1];
    complex64 *ring = state.z.data + (long long)s * depth * channels;
    float *ring_hz = state.hz.data + (long long)s * depth * channels;
    float *moments = state.moments.data + (long long)s * MOMENTS * channels;
    for (int f = 0; f < subband.shape[0]; ++f) {
        int newest = (frame + f) % depth, middle = (newest - D + depth) % depth, oldest = (newest - 2 * D + depth) % depth;
        float *roots = state.roots.data + ((long long)s * drift_rows + (frame + f) % drift_rows) * 2 * channels;
        __syncthreads();
        for (int k = threadIdx.x; k < channels; k += blockDim.x) {
            ring[newest * channels + k] = row_of(subband, f)[k];
            ring_hz[newest * channels + k] = row_of(instantaneous_hz, f)[k];
            update_moments(
                ring[newest * channels + k], ring[middle * channels + k], ring[oldest * channels + k], rule.memory,
                moments + k, channels
            );
        }
        __syncthreads();
        for (int k = threadIdx.x; k < channels; k += blockDim.x) {
            double pooled[MOMENTS];
            for (int m = 0; m < MOMENTS; ++m) {
                const float *moment = moments + m * channels;
                pooled[m] = moment[k];
                for (int distance = 1; distance <= rule.neighbors; ++distance) {
                    if (k - distance >= 0) pooled[m] += moment[k - distance];
                    if (k + distance < channels) pooled[m] += moment[k + distance];
                }
            }
            complex64 z1 = ring[middle * channels + k];
            Pair pair = two_lines(
                ring[newest * channels + k], z1, ring[oldest * channels + k], pooled, turn.data[k],
                tables.center_hz.data[k], tables.reach_hz.data[k], rule, roots + k, roots + channels + k
            );
            float *hz = out.hz.data + (f * out.hz.shape[1] + s) * 3 * channels + k;
            float *energy = out.energy.data + (f * out.hz.shape[1] + s) * 3 * channels + k;
            hz[0] = ring_hz[middle * channels + k];
            energy[0] = z1.real * z1.real + z1.imag * z1.imag;
            hz[channels] = pair.hz_a;
            hz[2 * channels] = pair.hz_b;
            energy[channels] = pair.energy_a;
            energy[2 * channels] = pair.energy_b;
            row_of(out.trust, f)[k] = pair.trust;
        }
    }
}
