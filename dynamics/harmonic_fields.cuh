// Fields over partials for the GPU, as harmonic_fields.py finds them, in the same order.

__device__ inline int most_connections(FieldRule rule) {
    return rule.tooth.shape[0] * (2 * (int)ceil(REACH * rule.sigma_octaves * rule.per_octave) + 1);
}

// The pitches from `first` to `last` whose tooth h a partial meets, and how far it is from the grid's beginning there.
struct Meeting {
    double middle;
    int first, last;

    __device__ Meeting(float hz, int h, int pitches, FieldRule rule) {
        float position = log2f(hz / rule.low_hz) * rule.per_octave;
        double half = REACH * rule.sigma_octaves * rule.per_octave;
        middle = position - log2((double)h) * rule.per_octave;
        first = max(0, (int)ceil(middle - half));
        last = min(pitches - 1, (int)floor(middle + half));
    }
};

// Partials are shared between threads; in between, one thread says where each one's connections begin.
__device__ void connect(
    const float *partial_hz, int partials, int pitches, FieldRule rule, int *start, int *unit, float *weight
) {
    int teeth = rule.tooth.shape[0];
    float width = rule.sigma_octaves * rule.per_octave;
    __syncthreads();
    for (int i = threadIdx.x; i < partials; i += blockDim.x) {
        int count = 0;
        for (int h = 1; partial_hz[i] > 0.0f && h <= teeth; ++h) {
            Meeting meeting(partial_hz[i], h, pitches, rule);
            count += max(0, meeting.last - meeting.first + 1);
        }
        start[i + 1] = count;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        start[0] = 0;
        for (int i = 0; i < partials; ++i) start[i + 1] += start[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < partials; i += blockDim.x) {
        int n = start[i];
        for (int h = 1; partial_hz[i] > 0.0f && h <= teeth; ++h) {
            Meeting meeting(partial_hz[i], h, pitches, rule);
            for (int j = meeting.first; j <= meeting.last; ++j) {
                double deviation = (meeting.middle - j) / width;
                unit[n] = j;
                weight[n++] = (float)(rule.tooth.data[h - 1] * exp(-0.5 * deviation * deviation));
            }
        }
    }
    __syncthreads();
}
